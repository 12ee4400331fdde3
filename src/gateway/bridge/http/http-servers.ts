import type { Clock } from "../../../machinery/clock.ts";
import type { BridgedClient, BridgedServer, Eras } from "../bridged-server.ts";
import type { HeldCall } from "../era/held/held-call.ts";
import { HeldCalls } from "../era/held/held-calls.ts";
import { PersonalCalls } from "../era/held/personal-calls.ts";
import { PERSONAL_DEFAULTS, PersonalServers } from "../era/held/personal-servers.ts";
import { SessionClient } from "../era/session-client.ts";
import { StatelessClient } from "../era/stateless-client.ts";
import type { Fields } from "../message.ts";
import { NoServer } from "../no-server.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";
import { DEFAULT_LIMITS, type DropReason } from "../stdio/multiplexer.ts";
import { OwnServer } from "../stdio/own-server.ts";
import type { OpenChannel } from "../stdio/server-channel.ts";
import { discover, erasOf } from "./eras.ts";
import type { HttpRequest } from "./http-request.ts";
import { OwnerSessions } from "./owner-sessions.ts";
import { ParamHeaders } from "./param-headers.ts";
import { sessionChannel } from "./session-channel.ts";
import { sseChannel } from "./sse-channel.ts";
import { StatelessPort } from "./stateless-port.ts";

export interface HttpServersOptions {
  readonly clock: Clock;
  /** What the server is told of who connects. */
  readonly clientInfo: { readonly name: string; readonly version: string };
  readonly transport: "streamable-http" | "sse";
  /** Of the MCP endpoint, or of the stream. */
  readonly url: string;
  /** How the server is reached, with this Authorization of a caller where the endpoint forwards it. */
  readonly requestAs: (authorization: string | undefined) => HttpRequest;
  /** What a client of both eras agreed on with it, such as a probe. */
  readonly protocolVersion?: string | undefined;
  /** The calls that wait for input, of all deployments; absent: of this one. */
  readonly held?: HeldCalls<HeldCall>;
  readonly onDropped?: (reason: DropReason) => void;
  /** It asks nothing more, but for the ends of sessions that are under way. */
  readonly onClosed?: (reason: string) => void;
}

/** Sessions with the server for clients that have none: one for each caller, and those in which it can turn to one. */
const OWNER_SESSIONS = 1_024;
const PERSONAL_SESSIONS = 512;
const PERSONAL_SESSIONS_PER_OWNER = 32;
/** Sessions of clients that have one themselves; the gateway bounds them too, over all servers. */
const CLIENT_SESSIONS = 1_024;
const IDLE_MS = 60_000;
/** What may be left over of a server's start: it listens already. */
const GREETING_TIMEOUT_MS = 30_000;

/** One instance of a server that listens, for clients that do not speak as it does. */
export class HttpServers implements BridgedServer {
  readonly #options: HttpServersOptions;
  readonly #origin: string;
  readonly #path: string;
  readonly #sessions: OwnerSessions;
  readonly #personal: PersonalServers;
  readonly #held: HeldCalls<HeldCall>;
  readonly #params = new ParamHeaders();
  /** Of clients that have sessions, and end with these or with the server. */
  readonly #clients = new Set<{ close(reason: string): void }>();
  #eras: Promise<Eras> | undefined;
  #closedFor: string | undefined;

  constructor(options: HttpServersOptions) {
    const { clock, clientInfo, url, held, onDropped = () => undefined } = options;
    const { origin, pathname, search } = new URL(url);
    const open = (client: BridgedClient) => this.#channel(client);
    this.#options = options;
    this.#origin = origin;
    this.#path = `${pathname}${search}`;
    this.#held = held ?? new HeldCalls(clock);
    const greetingTimeoutMs = GREETING_TIMEOUT_MS;
    this.#sessions = new OwnerSessions({
      ...{ clock, clientInfo, onDropped, open, greetingTimeoutMs, most: OWNER_SESSIONS, idleMs: IDLE_MS },
    });
    this.#personal = new PersonalServers({
      ...PERSONAL_DEFAULTS,
      ...{ clock, clientInfo, onDropped, greetingTimeoutMs, limits: DEFAULT_LIMITS },
      open: async (client) => open(client),
      room: () => PERSONAL_SESSIONS - this.#personal.size,
      perOwner: PERSONAL_SESSIONS_PER_OWNER,
    });
  }

  /** Sessions that the gateway has with the server now. */
  get sessions(): number {
    return this.#sessions.size + this.#personal.size + this.#clients.size;
  }

  /**
   * Which eras the server speaks: asked once, with the credentials of whoever comes first, since it is the same for all.
   * Clients of these eras need no bridge. @throws {NoServer}
   */
  async eras(client: Pick<BridgedClient, "authorization">): Promise<Eras> {
    this.#assertOpen();
    this.#eras ??= this.#askEras(client).catch((error: unknown) => {
      // It may speak later.
      this.#eras = undefined;
      if (error instanceof NoServer) throw error;
      throw new NoServer("UpstreamUnreachable", "the server did not say what it speaks", { cause: error });
    });
    return this.#eras;
  }

  async connect(_initialize: Fields | undefined, events: PortEvents, client: BridgedClient): Promise<ServerPort> {
    const { sessions } = await this.eras(client);
    this.#assertOpen();
    if (this.#clients.size >= CLIENT_SESSIONS) {
      throw new NoServer("TooManySessions", `${CLIENT_SESSIONS} clients have a session with the server already`);
    }
    return sessions ? this.#connectSession(events, client) : this.#connectStatelessServer(events, client);
  }

  async connectStateless(events: PortEvents, client: BridgedClient): Promise<ServerPort> {
    const { stateless } = await this.eras(client);
    this.#assertOpen();
    if (stateless) return this.#port(client, events);
    const { server, release } = await this.#sessions.of(client);
    const { greeting } = server;
    if (greeting.era === "stateless") throw new Error("a session began without a handshake");
    const connect = (inner: PortEvents) => {
      const port = server.connect(inner);
      if (port === undefined) throw new NoServer("TooManySessions", "the caller has too many requests under way");
      return port;
    };
    try {
      const personal = new PersonalCalls({ client, servers: this.#personal, held: this.#held, always: false });
      const port = new StatelessClient({ initialize: greeting.initialize, connect, personal }, events);
      return closing(port, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  close(reason: string): void {
    if (this.#closedFor !== undefined) return;
    this.#closedFor = reason;
    for (const client of [...this.#clients]) client.close(reason);
    this.#personal.close(reason);
    void this.#sessions.close(reason).then(() => this.#options.onClosed?.(reason));
  }

  #assertOpen(): void {
    if (this.#closedFor !== undefined) throw new NoServer("UpstreamReplaced", this.#closedFor);
  }

  async #askEras({ authorization }: Pick<BridgedClient, "authorization">): Promise<Eras> {
    const { requestAs, transport, clientInfo, protocolVersion } = this.#options;
    const request = requestAs(authorization);
    const eras = await erasOf({ request, path: this.#path, transport, clientInfo, protocolVersion });
    if (eras.stateless || eras.sessions) return eras;
    throw new NoServer("UpstreamInvalid", "the server speaks no revision of MCP that the gateway knows");
  }

  #channel({ authorization }: BridgedClient): OpenChannel {
    const { clock, transport, requestAs } = this.#options;
    const options = { clock, origin: this.#origin, path: this.#path, request: requestAs(authorization) };
    return transport === "sse" ? sseChannel(options) : sessionChannel(options);
  }

  #port({ authorization }: BridgedClient, events: PortEvents): StatelessPort {
    const request = this.#options.requestAs(authorization);
    return new StatelessPort({ request, path: this.#path, params: this.#params }, events);
  }

  /** A client that has a session, on a server that has them too, over another transport. */
  #connectSession(events: PortEvents, client: BridgedClient): ServerPort {
    const { onDropped = () => undefined } = this.#options;
    const own: OwnServer = new OwnServer(
      { open: this.#channel(client), limits: DEFAULT_LIMITS, onDropped, onEnd: () => this.#clients.delete(entry) },
      events,
    );
    const entry = { close: (reason: string) => own.end(reason) };
    this.#clients.add(entry);
    return own;
  }

  async #connectStatelessServer(events: PortEvents, client: BridgedClient): Promise<ServerPort> {
    const { clock, clientInfo, requestAs } = this.#options;
    const request = requestAs(client.authorization);
    const signal = AbortSignal.timeout(GREETING_TIMEOUT_MS);
    const discovered = await discover({ request, path: this.#path, clientInfo }, signal).catch((error: unknown) => {
      throw new NoServer("UpstreamUnreachable", "the server did not say what it offers", { cause: error });
    });
    this.#assertOpen();
    if (discovered === undefined) throw new NoServer("UpstreamInvalid", "the server did not say what it offers");
    const connect = (inner: PortEvents) => {
      const port = this.#port(client, inner);
      entry.close = (reason) => {
        this.#clients.delete(entry);
        port.end(reason);
      };
      return port;
    };
    const entry = { close: (_reason: string): void => undefined };
    this.#clients.add(entry);
    const server = new SessionClient({ discover: discovered, clock, connect }, events);
    return closing(server, () => this.#clients.delete(entry));
  }
}

/** The port, and what else ends with it, once. */
function closing(port: ServerPort, onClosed: () => void): ServerPort {
  let isClosed = false;
  return {
    protocolVersion: port.protocolVersion,
    send: (message) => port.send(message),
    close() {
      port.close();
      if (!isClosed) onClosed();
      isClosed = true;
    },
  };
}
