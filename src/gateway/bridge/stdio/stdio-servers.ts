import type { BridgedClient, BridgedServer } from "../bridged-server.ts";
import type { HeldCall } from "../era/held/held-call.ts";
import { HeldCalls } from "../era/held/held-calls.ts";
import { PersonalCalls } from "../era/held/personal-calls.ts";
import { PERSONAL_DEFAULTS, PersonalServers } from "../era/held/personal-servers.ts";
import { canBeAsked } from "../era/input-rounds.ts";
import { SessionClient } from "../era/session-client.ts";
import { StatelessClient } from "../era/stateless-client.ts";
import { type Fields, fieldsOf } from "../message.ts";
import { NoServer } from "../no-server.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";
import { DEFAULT_LIMITS } from "./multiplexer.ts";
import { OwnServer } from "./own-server.ts";
import type { OpenChannel } from "./server-channel.ts";
import { type SharedServer, type SharedServerOptions, startSharedServer } from "./shared-server.ts";

export interface StdioServersOptions extends SharedServerOptions {
  /** The streams of the process that all share. Called again when that has ended. */
  readonly openShared: (signal: AbortSignal) => Promise<OpenChannel>;
  /** Starts a process for one client; absent where the backend cannot, and then all share. It ends when its input does. */
  readonly openOwn?: (signal: AbortSignal) => Promise<OpenChannel>;
  readonly sessionMode: "Shared" | "PerSession";
  /** Processes that clients may have for themselves at once. */
  readonly ownProcesses: number;
  /** The calls that wait for input, of all deployments; absent: of this one. */
  readonly held?: HeldCalls<HeldCall>;
}

type OpenOwn = NonNullable<StdioServersOptions["openOwn"]>;

/** For a process to be there; what it says takes its own time. */
const START_TIMEOUT_MS = 30_000;

/** The processes of one deployment that is reached over stdio. */
export class StdioServers implements BridgedServer {
  readonly #options: StdioServersOptions;
  readonly #own = new Set<OwnServer>();
  /** Of clients that have no session: absent where no process can be had for one client. */
  readonly #personal: PersonalServers | undefined;
  readonly #held: HeldCalls<HeldCall>;
  /** Starts under way, which count as processes. */
  #starting = 0;
  #shared: Promise<SharedServer> | undefined;
  #isClosed = false;

  constructor(options: StdioServersOptions) {
    const { openOwn, held, clock, clientInfo, limits, onDropped = () => undefined, ownProcesses } = options;
    this.#options = options;
    this.#held = held ?? new HeldCalls(clock);
    this.#personal =
      openOwn &&
      new PersonalServers({
        ...PERSONAL_DEFAULTS,
        ...{ clock, clientInfo, onDropped, limits: { ...DEFAULT_LIMITS, ...limits } },
        open: (_client, signal) => openOwn(signal),
        room: () => ownProcesses - this.ownProcesses,
      });
  }

  get ownProcesses(): number {
    return this.#own.size + this.#starting + (this.#personal?.size ?? 0);
  }

  /**
   * A port for a client of a revision with sessions, by what it says in its `initialize`. A server of revision 2026-07-28 asks
   * for input inside results, so that its clients can be told apart and share. @throws {NoServer}
   */
  async connect(initialize: Fields | undefined, events: PortEvents, client?: BridgedClient): Promise<ServerPort> {
    const { sessionMode, openOwn, clock } = this.#options;
    const shared = await this.shared();
    if (shared.greeting.era === "stateless") {
      const { discover } = shared.greeting;
      return new SessionClient({ discover, clock, connect: (inner) => portTo(shared, inner) }, events);
    }
    const needsOwn = sessionMode === "PerSession" || canBeAsked(fieldsOf(initialize, "capabilities"));
    return openOwn && needsOwn && !client?.isProbe ? this.#connectOwn(openOwn, events) : portTo(shared, events);
  }

  /**
   * A port for a client of revision 2026-07-28. What it asks goes to the process that all share, and where that is of an
   * earlier revision and the client can be asked, to one of its own. @throws {NoServer}
   */
  async connectStateless(events: PortEvents, client: BridgedClient): Promise<ServerPort> {
    const shared = await this.shared();
    const { greeting } = shared;
    if (greeting.era === "stateless") return portTo(shared, events);
    const always = this.#options.sessionMode === "PerSession";
    const servers = client.isProbe ? undefined : this.#personal;
    const personal = servers && new PersonalCalls({ client, servers, held: this.#held, always });
    const connect = (inner: PortEvents) => portTo(shared, inner);
    const { initialize } = greeting;
    return new StatelessClient({ initialize, connect, personal, isProbe: client.isProbe }, events);
  }

  /** The process that all share, started where it does not run. @throws {NoServer} */
  shared(): Promise<SharedServer> {
    if (this.#isClosed) return Promise.reject(new NoServer("UpstreamReplaced", "the server is being replaced"));
    this.#shared ??= this.#startShared();
    return this.#shared;
  }

  /** Ends all of it; who is connected is told. Nothing starts any more. */
  close(reason: string): void {
    this.#isClosed = true;
    for (const own of [...this.#own]) own.end(reason);
    this.#personal?.close(reason);
    // One that did not start has ended.
    this.#shared?.then((shared) => shared.close(reason)).catch(() => undefined);
  }

  #startShared(): Promise<SharedServer> {
    const { openShared, onClose } = this.#options;
    const forget = () => {
      if (this.#shared === started) this.#shared = undefined;
    };
    const start = async () => {
      const open = await openShared(AbortSignal.timeout(START_TIMEOUT_MS));
      return startSharedServer(open, {
        ...this.#options,
        onClose: (reason) => {
          forget();
          onClose?.(reason);
        },
      });
    };
    const started: Promise<SharedServer> = start().catch((error: unknown) => {
      forget();
      throw new NoServer("UpstreamUnreachable", "the server's process could not be reached", { cause: error });
    });
    return started;
  }

  async #connectOwn(openOwn: OpenOwn, events: PortEvents): Promise<ServerPort> {
    const { ownProcesses, limits, onDropped = () => undefined } = this.#options;
    if (this.#isClosed) throw new NoServer("UpstreamReplaced", "the server is being replaced");
    if (this.ownProcesses >= ownProcesses && !this.#personal?.evictIdle()) {
      throw new NoServer("TooManySessions", `${ownProcesses} clients have a process for themselves already`);
    }
    this.#starting += 1;
    const open = await openOwn(AbortSignal.timeout(START_TIMEOUT_MS))
      .catch((error: unknown) => {
        throw new NoServer("UpstreamUnreachable", "no process could be started", { cause: error });
      })
      .finally(() => {
        this.#starting -= 1;
      });
    const own: OwnServer = new OwnServer(
      { open, limits: { ...DEFAULT_LIMITS, ...limits }, onDropped, onEnd: () => this.#own.delete(own) },
      events,
    );
    this.#own.add(own);
    if (this.#isClosed) own.end("the server is being replaced");
    return own;
  }
}

function portTo(shared: SharedServer, events: PortEvents): ServerPort {
  const port = shared.connect(events);
  if (port === undefined) throw new NoServer("TooManySessions", "too many clients share the server's process");
  return port;
}
