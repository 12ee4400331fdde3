import { Connection, type ProbeWay } from "./connection.ts";
import { isRecord, readReply } from "./json-rpc-reply.ts";
import {
  CLIENT_INFO,
  closeQuietly,
  countTools,
  factsOf,
  failureOfClient,
  type Greeting,
  greetingOf,
  loadSdk,
} from "./mcp-client.ts";
import { ToolCount } from "./mcp-facts.ts";
import type { Probe } from "./probe.ts";
import { invalidAnswer, ProbeError } from "./probe-error.ts";
import type { McpFacts } from "./prober.ts";
import { failureOf, SdkWire, type SentRequest } from "./sdk-wire.ts";

/** Bytes that one probe reads, all answers together. The longest lists of tools in use have a few hundred KiB. */
const ANSWER_LIMIT = 4 * 1024 * 1024;
/**
 * Probes that one session of an earlier-era server serves: an hour at the default period. Servers keep a history with a
 * session (the event store of server-everything never forgets), so one that lived for weeks would grow there.
 */
const PROBES_PER_SESSION = 120;
/** What the server has for ending a session. */
const END_TIMEOUT_MS = 2_000;

/** What is remembered of an instance that answered. */
interface Acquaintance {
  readonly greeting: Greeting;
  /** Asked again by later probes: tools/list, or what stands for it where there are no tools. */
  readonly question: SentRequest;
  readonly session: Session;
  probes: number;
}

interface Session {
  /** Undefined where the server keeps none. */
  readonly id: string | undefined;
  readonly protocolVersion: string;
}

/**
 * MCP over streamable HTTP. The first run greets the server through the SDK, which finds out its era; later runs ask the
 * last question again, one exchange without the SDK, in the session that an earlier-era server gave. Where that fails in a
 * way that a lost session would explain, the same run greets once more.
 */
export class StreamableHttpProbe implements Probe {
  readonly #url: URL;
  readonly #way: ProbeWay | undefined;
  #known: Acquaintance | undefined;
  /** Settles when no session is left that is being ended. */
  #parting: Promise<unknown> = Promise.resolve();
  /** Ids of one session must not repeat; the SDK's own count up from 0. */
  #nextId = 1_000_000;

  /** `way`: where the URL is not dialled. */
  constructor(url: string, way?: ProbeWay) {
    this.#url = new URL(url);
    this.#way = way;
  }

  async run({ signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number }): Promise<McpFacts> {
    const connection = new Connection({ limitBytes: ANSWER_LIMIT, signal, way: this.#way });
    try {
      const known = this.#known;
      if (known === undefined) return await this.#greet(connection, timeoutMs);
      if (known.probes < PROBES_PER_SESSION || known.session.id === undefined) {
        known.probes += 1;
        const facts = await this.#askAgain(connection, known);
        if (facts !== undefined) return facts;
      }
      this.#known = undefined;
      this.#part(known.session);
      return await this.#greet(connection, timeoutMs, known.greeting.era);
    } finally {
      connection.close();
    }
  }

  async end(): Promise<void> {
    const known = this.#known;
    this.#known = undefined;
    if (known) this.#part(known.session);
    await this.#parting;
  }

  /** Undefined where greeting again may help. @throws {ProbeError} where it cannot. */
  async #askAgain(connection: Connection, known: Acquaintance): Promise<McpFacts | undefined> {
    try {
      return await this.#repeat(connection, known);
    } catch (error) {
      if (!(error instanceof ProbeError) || error.reason !== "ProbeInvalidAnswer") throw error;
      const { httpStatus } = error;
      if (httpStatus !== undefined && (httpStatus === 429 || httpStatus >= 500)) throw error;
      return undefined;
    }
  }

  async #repeat(connection: Connection, { greeting, question }: Acquaintance): Promise<McpFacts> {
    if (question.method !== "tools/list") {
      await this.#ask(connection, question, undefined);
      return factsOf(greeting, undefined);
    }
    const count = new ToolCount();
    let cursor: string | undefined;
    do {
      const result = await this.#ask(connection, question, cursor);
      count.add(toolNames(result));
      cursor = typeof result.nextCursor === "string" ? result.nextCursor : undefined;
    } while (cursor !== undefined && !count.full);
    return factsOf(greeting, count);
  }

  async #ask(connection: Connection, question: SentRequest, cursor: string | undefined) {
    const { method, headers } = question;
    const params = cursor === undefined ? question.params : { ...question.params, cursor };
    const id = this.#nextId++;
    const body = JSON.stringify({ jsonrpc: "2.0", id, method, params });
    const message = await connection.send({ method: "POST", url: this.#url, headers, body });
    const failure = failureOf(message, method);
    if (failure) throw failure;
    const reply = await readReply(connection, message, { id, asked: method });
    if ("error" in reply) throw invalidAnswer(`answered ${method} with the JSON-RPC error ${reply.error.code}`);
    return reply.result;
  }

  async #greet(connection: Connection, timeoutMs: number, knownEra?: Greeting["era"]): Promise<McpFacts> {
    const sdk = await loadSdk();
    const wire = new SdkWire(connection);
    const client = new sdk.Client(CLIENT_INFO, { versionNegotiation: { mode: "auto" } });
    const transport = new sdk.StreamableHTTPClientTransport(this.#url, { fetch: wire.streamable });
    let known: Acquaintance | undefined;
    try {
      const prior = knownEra === "legacy" ? { prior: { kind: "legacy" } as const } : {};
      await client.connect(transport, { timeout: timeoutMs, ...prior });
      const greeting = greetingOf(client, wire.bridgedRevision);
      const session = { id: transport.sessionId, protocolVersion: greeting.protocolVersion };
      const remember = () => {
        if (wire.last !== undefined) known = { greeting, question: wire.last, session, probes: 1 };
      };
      remember();
      let count: ToolCount | undefined;
      if (greeting.offersTools) count = await countTools(client, timeoutMs, remember);
      // A later server is asked for server/discover again; an earlier one may be greeted only once in a session.
      else if (greeting.era === "legacy") await client.ping({ timeout: timeoutMs }).then(remember);
      this.#known = known;
      return factsOf(greeting, count);
    } catch (error) {
      this.#part({ id: transport.sessionId, protocolVersion: transport.protocolVersion ?? "" });
      const failure = failureOfClient(error, wire, sdk);
      if (!stumbledOverDiscovery(failure, wire)) throw failure;
      return await this.#greet(connection, timeoutMs, "legacy");
    } finally {
      await closeQuietly(client, transport);
    }
  }

  /** Ends a session beside whatever comes next. */
  #part(session: Session): void {
    this.#parting = Promise.all([this.#parting, this.#endSession(session)]);
  }

  async #endSession({ id, protocolVersion }: Session): Promise<void> {
    if (id === undefined) return;
    const connection = new Connection({
      limitBytes: 0,
      signal: AbortSignal.timeout(END_TIMEOUT_MS),
      holdsProcess: true,
      way: this.#way,
    });
    const version = protocolVersion === "" ? {} : { "mcp-protocol-version": protocolVersion };
    try {
      const headers = { "mcp-session-id": id, ...version };
      const message = await connection.send({ method: "DELETE", url: this.#url, headers });
      message.destroy();
    } catch {
      // Whoever does not answer keeps no session that could be ended: gone, or stuck, and restarted then.
    } finally {
      connection.close();
    }
  }
}

/**
 * Some servers from before server/discover fail on methods that they do not know, or answer nonsense; the SDK takes only
 * refusals for a sign of their era. A server that fails altogether fails on initialize, too.
 */
function stumbledOverDiscovery({ reason, httpStatus = 500 }: ProbeError, { last }: SdkWire): boolean {
  return last?.method === "server/discover" && reason === "ProbeInvalidAnswer" && httpStatus >= 500;
}

function* toolNames({ tools }: Record<string, unknown>): Generator<string> {
  if (!Array.isArray(tools)) throw invalidAnswer("its answer to tools/list has no list of tools");
  for (const tool of tools as readonly unknown[]) {
    if (!isRecord(tool) || typeof tool.name !== "string") throw invalidAnswer("lists a tool that has no name");
    yield tool.name;
  }
}
