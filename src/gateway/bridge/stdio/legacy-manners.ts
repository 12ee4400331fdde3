import {
  type Answer,
  errorOf,
  type Fields,
  fieldsOf,
  type Notification,
  type Request,
  RpcCode,
  type RpcError,
  resultOf,
} from "../message.ts";
import { SESSION_VERSIONS } from "../meta-keys.ts";
import { isLoggingLevel, LogLevels } from "./log-levels.ts";
import { type Client, type Manners, type Multiplexer, reply } from "./multiplexer.ts";
import { type Settled, Subscriptions } from "./subscriptions.ts";

type Failure = Extract<Answer, { error: unknown }>["error"];

/** Resources that one client may be subscribed to. */
const SUBSCRIPTIONS_PER_CLIENT = 1_024;
const LONGEST_URI = 8 * 1024;

const LIST_CHANGES: ReadonlySet<string> = new Set([
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
]);

/** About one client's session or one client's roots: none of them holds for the process that all share. */
const OF_ONE_CLIENT: ReadonlySet<string> = new Set([
  "notifications/initialized",
  "notifications/roots/list_changed",
  "notifications/progress",
  "notifications/tasks/status",
]);

/**
 * Revisions with a handshake: the process had one, with the gateway, and each client has one of its own with what came of it.
 * Tasks are not offered: the server would list and hand out those of one client to all others.
 */
export class LegacyManners implements Manners {
  readonly #server: Multiplexer;
  readonly #greeting: Fields;
  readonly #levels = new LogLevels<Client>();
  readonly #subscriptions: Subscriptions<Client, Failure>;
  /** What the server was last told to log. */
  #level: string | undefined;

  /** `greeting`: the result of the initialize that the server has answered. */
  constructor(server: Multiplexer, greeting: Fields) {
    this.#server = server;
    this.#greeting = greeting;
    this.#subscriptions = new Subscriptions((change, uri, done) => {
      server.ask(`resources/${change}`, { uri }, (answer) => done(settledBy(answer)));
    });
  }

  request(client: Client, request: Request): boolean {
    const { id, method, params } = request;
    switch (method) {
      case "initialize":
        reply(client, resultOf(id, greetingFor(this.#greeting, params?.protocolVersion)));
        return true;
      case "logging/setLevel":
        this.#setLevel(client, request);
        return true;
      case "resources/subscribe":
      case "resources/unsubscribe":
        this.#subscribe(client, request);
        return true;
      default:
        return this.#isTask(client, request);
    }
  }

  passes({ method }: Notification): boolean {
    return !OF_ONE_CLIENT.has(method);
  }

  *route(notification: Notification): Iterable<readonly [Client, Notification]> {
    for (const client of this.#readersOf(notification)) yield [client, notification];
  }

  answer({ method }: Request): Fields | undefined {
    return method === "ping" ? {} : undefined;
  }

  left(client: Client): void {
    this.#subscriptions.leave(client);
    this.#levels.delete(client);
    this.#tellLevel(() => undefined);
  }

  #readersOf({ method, params }: Notification): Iterable<Client> {
    if (LIST_CHANGES.has(method)) return [...this.#server.clients];
    if (method === "notifications/message") return [...this.#levels.readersOf(params?.level)];
    if (method !== "notifications/resources/updated" || typeof params?.uri !== "string") return [];
    return [...this.#subscriptions.holdersOf(params.uri)];
  }

  #setLevel(client: Client, { id, params }: Request): void {
    const level = params?.level;
    if (!isLoggingLevel(level)) {
      reply(client, errorOf(id, invalid("the level is none of MCP's")));
      return;
    }
    this.#levels.set(client, level);
    this.#tellLevel((settled) => {
      if (settled) this.#levels.delete(client);
      reply(client, settled ? { jsonrpc: "2.0", id, error: settled.failure } : resultOf(id));
    });
  }

  /** A level that nobody asks for any more stays: MCP has no way to take it back. */
  #tellLevel(done: (settled: Settled<Failure>) => void): void {
    const level = this.#levels.mostVerbose;
    if (level === undefined || level === this.#level) {
      done(undefined);
      return;
    }
    const before = this.#level;
    this.#level = level;
    this.#server.ask("logging/setLevel", { level }, (answer) => {
      const settled = settledBy(answer);
      if (settled && this.#level === level) this.#level = before;
      done(settled);
    });
  }

  #subscribe(client: Client, { id, method, params }: Request): void {
    const uri = params?.uri;
    if (typeof uri !== "string" || uri.length > LONGEST_URI) {
      reply(client, errorOf(id, invalid("the uri is missing, no text, or too long")));
      return;
    }
    const done = (settled: Settled<Failure>) =>
      reply(client, settled ? { jsonrpc: "2.0", id, error: settled.failure } : resultOf(id));
    if (method === "resources/unsubscribe") {
      this.#subscriptions.unsubscribe(client, uri, done);
    } else if (this.#subscriptions.countOf(client) >= SUBSCRIPTIONS_PER_CLIENT) {
      const message = "too many resources are subscribed to";
      reply(client, errorOf(id, { code: RpcCode.Unavailable, reason: "TooManySubscriptions", message }));
    } else {
      this.#subscriptions.subscribe(client, uri, done);
    }
  }

  /** A task that is asked for is not made: a server without tasks works on the request itself, and so says MCP. */
  #isTask(client: Client, { method, ...request }: Request): boolean {
    if (method.startsWith("tasks/")) {
      const message = "tasks are not offered by a process that clients share";
      reply(client, errorOf(request.id, { code: RpcCode.MethodNotFound, reason: "NotOffered", message }));
      return true;
    }
    if (request.params?.task === undefined) return false;
    const { task: _, ...params } = request.params;
    this.#server.forward(client, { ...request, method, params });
    return true;
  }
}

function settledBy(answer: Answer): Settled<Failure> {
  return "error" in answer ? { failure: answer.error } : undefined;
}

function invalid(message: string): RpcError {
  return { code: RpcCode.InvalidParams, reason: "InvalidParams", message };
}

/**
 * What the server answered, for a client that asks for a revision. An earlier one is granted: later ones added to it, and
 * servers of the SDKs send the same messages whichever is agreed on.
 */
export function greetingFor(greeting: Fields, asked: unknown): Fields {
  const { tasks: _, ...capabilities } = fieldsOf(greeting, "capabilities");
  const agreed = String(greeting.protocolVersion);
  const isEarlier = typeof asked === "string" && SESSION_VERSIONS.includes(asked) && asked < agreed;
  return { ...greeting, capabilities, protocolVersion: isEarlier ? asked : agreed };
}
