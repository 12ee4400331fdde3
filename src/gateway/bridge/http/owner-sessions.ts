import { createHash } from "node:crypto";
import type { Clock } from "../../../machinery/clock.ts";
import type { BridgedClient } from "../bridged-server.ts";
import { NoServer } from "../no-server.ts";
import type { OpenChannel } from "../stdio/server-channel.ts";
import { type SharedServer, type SharedServerOptions, startSharedServer } from "../stdio/shared-server.ts";

export interface OwnerSessionsOptions extends SharedServerOptions {
  readonly clock: Clock;
  readonly open: (client: BridgedClient) => OpenChannel;
  /** Of all owners. */
  readonly most: number;
  /** A session that nobody uses ends after this. */
  readonly idleMs: number;
}

interface Entry {
  readonly server: Promise<SharedServer>;
  users: number;
  cancelIdle: () => void;
}

/** One owner's session for as long as a request of its client needs it. */
export interface OwnerSession {
  readonly server: SharedServer;
  /** Called once. */
  release(): void;
}

/**
 * Sessions that the gateway has with a server for clients which have none. One for each owner, whose requests share it: what a
 * server keeps with a session is then one caller's, and a session costs the server something, so not each request has its own.
 */
export class OwnerSessions {
  readonly #options: OwnerSessionsOptions;
  readonly #entries = new Map<string, Entry>();
  #closedFor: string | undefined;

  constructor(options: OwnerSessionsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @throws {NoServer} */
  async of(client: BridgedClient): Promise<OwnerSession> {
    if (this.#closedFor !== undefined) throw new NoServer("UpstreamReplaced", this.#closedFor);
    const key = keyOf(client);
    const entry = this.#entries.get(key) ?? this.#start(key, client);
    entry.cancelIdle();
    entry.users += 1;
    const release = () => this.#release(key, entry);
    try {
      return { server: await entry.server, release };
    } catch (error) {
      release();
      throw new NoServer("UpstreamUnreachable", "the server did not begin a session", { cause: error });
    }
  }

  /** Settles when the end of each has begun. */
  async close(reason: string): Promise<void> {
    this.#closedFor = reason;
    await Promise.all([...this.#entries].map(([key, entry]) => this.#end(key, entry, reason)));
  }

  #start(key: string, client: BridgedClient): Entry {
    const { most, open, onClose } = this.#options;
    if (this.#entries.size >= most && !this.#evictIdle()) {
      throw new NoServer("TooManySessions", `${most} clients have a session with the server already`);
    }
    const forget = () => {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
    };
    const start = () =>
      startSharedServer(open(client), {
        ...this.#options,
        era: "sessions",
        onClose: (reason) => {
          forget();
          onClose?.(reason);
        },
      });
    const entry: Entry = { server: start(), users: 0, cancelIdle: () => undefined };
    // Whoever asked for it hears of it.
    entry.server.catch(forget);
    this.#entries.set(key, entry);
    return entry;
  }

  #release(key: string, entry: Entry): void {
    entry.users -= 1;
    if (entry.users > 0 || this.#entries.get(key) !== entry) return;
    // Behind the others, so that the first at rest is the one that has rested longest.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const { clock, idleMs } = this.#options;
    entry.cancelIdle = clock.schedule(idleMs, () => void this.#end(key, entry, "the session was not used"));
  }

  #evictIdle(): boolean {
    const idle = [...this.#entries].find(([, { users }]) => users === 0);
    if (idle) void this.#end(...idle, "the session was needed by another client");
    return idle !== undefined;
  }

  #end(key: string, entry: Entry, reason: string): Promise<void> {
    entry.cancelIdle();
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    // One that did not begin has ended.
    return entry.server.then((server) => server.close(reason)).catch(() => undefined);
  }
}

/** With other credentials it is somebody else for the server. */
function keyOf({ owner, authorization }: BridgedClient): string {
  return createHash("sha256")
    .update(JSON.stringify([owner, authorization ?? null]))
    .digest("base64url");
}
