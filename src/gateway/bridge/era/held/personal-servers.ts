import { createHash } from "node:crypto";
import type { BridgedClient } from "../../bridged-server.ts";
import { NoServer } from "../../no-server.ts";
import type { OpenChannel } from "../../stdio/server-channel.ts";
import { type ClientProfile, PersonalServer, type PersonalServerOptions } from "./personal-server.ts";

export interface PersonalServersOptions extends PersonalServerOptions {
  /** A process or a session for this client alone. It ends when its channel is closed. */
  readonly open: (client: BridgedClient, signal: AbortSignal) => Promise<OpenChannel>;
  /** How many more may be opened now. */
  readonly room: () => number;
  readonly perOwner: number;
  /** One that nothing is asked of ends after this. Long enough for what a person does next. */
  readonly idleMs: number;
}

export const PERSONAL_DEFAULTS = {
  perOwner: 8,
  idleMs: 60_000,
  deadlineMs: 300_000,
  greetingTimeoutMs: 60_000,
} as const;

/** For a process or a session to be there; what it says takes its own time. */
const START_TIMEOUT_MS = 30_000;

/** Calls that wait until one of their owner's servers is free, and how long. */
const MOST_WAITING = 64;
const WAIT_MS = 30_000;

interface Entry {
  readonly key: string;
  readonly owner: string;
  readonly server: Promise<PersonalServer>;
  /** Requests that it works on. */
  users: number;
  /** Whether one of them can be asked. */
  isAsking: boolean;
  /** What it does is not known any more: it gets nothing new. */
  isRetired: boolean;
  cancelIdle: () => void;
  /** Ends it, also where it has not begun. */
  end(reason: string): void;
}

interface Waiting {
  readonly key: string;
  readonly owner: string;
  readonly retry: () => void;
}

interface EntryOptions {
  readonly key: string;
  readonly client: BridgedClient;
  readonly profile: ClientProfile;
  readonly isAsking: boolean;
}

interface StartOptions {
  readonly client: BridgedClient;
  readonly profile: ClientProfile;
  /** It is not wanted any more. */
  readonly gone: AbortSignal;
  readonly onEnd: () => void;
}

/** A personal server for as long as one request needs it. */
export interface Lease {
  readonly server: PersonalServer;
  /** Called once. `isReusable` false: what it does is not known any more, so it ends. */
  release(isReusable: boolean): void;
}

/**
 * The servers that clients have for themselves, kept for a while since a client asks more than once. One serves only clients
 * of one owner that offer the same and call themselves the same: more is not known of a client without a session.
 */
export class PersonalServers {
  readonly #options: PersonalServersOptions;
  readonly #entries = new Set<Entry>();
  /** In the order in which they came. */
  readonly #waiting = new Set<Waiting>();
  #closedFor: string | undefined;

  constructor(options: PersonalServersOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** `isAsking`: for a call whose client can be asked, which shares it with no other such call. @throws {NoServer} */
  async lease(client: BridgedClient, profile: ClientProfile, isAsking: boolean): Promise<Lease> {
    const key = keyOf(client, profile);
    const entry = await this.#entryFor({ key, client, profile, isAsking });
    try {
      const server = await entry.server;
      return { server, release: (isReusable) => this.#release(entry, isAsking, isReusable) };
    } catch (error) {
      this.#release(entry, isAsking, false);
      if (error instanceof NoServer) throw error;
      throw new NoServer("UpstreamUnreachable", "no server of its own could be had for the client", { cause: error });
    }
  }

  /** Ends one that is not used, the one that has waited longest. @returns whether there was one. */
  evictIdle(): boolean {
    const idle = [...this.#entries].find(({ users }) => users === 0);
    idle?.end("the server was needed by another client");
    return idle !== undefined;
  }

  close(reason: string): void {
    this.#closedFor = reason;
    for (const entry of [...this.#entries]) entry.end(reason);
  }

  async #entryFor({ key, client, profile, isAsking }: EntryOptions): Promise<Entry> {
    for (const startMs = this.#options.clock.monotonicMs(); ; ) {
      if (this.#closedFor !== undefined) throw new NoServer("UpstreamReplaced", this.#closedFor);
      const entry = this.#find(key, isAsking) ?? this.#open(key, client, profile);
      if (entry) {
        entry.cancelIdle();
        entry.users += 1;
        if (isAsking) entry.isAsking = true;
        return entry;
      }
      const leftMs = startMs + WAIT_MS - this.#options.clock.monotonicMs();
      if (leftMs <= 0) throw tooMany();
      await this.#wait(key, client.owner, leftMs);
    }
  }

  #find(key: string, isAsking: boolean): Entry | undefined {
    return [...this.#entries].find((entry) => entry.key === key && !entry.isRetired && !(isAsking && entry.isAsking));
  }

  /** @returns undefined where there are as many as may be. */
  #open(key: string, client: BridgedClient, profile: ClientProfile): Entry | undefined {
    const own = [...this.#entries].filter(({ owner }) => owner === client.owner).length;
    if (own >= this.#options.perOwner || (this.#options.room() <= 0 && !this.evictIdle())) return undefined;
    const gone = new AbortController();
    const forget = () => {
      entry.cancelIdle();
      this.#entries.delete(entry);
      this.#wake();
    };
    const entry: Entry = {
      ...{ key, owner: client.owner, users: 0, isAsking: false, isRetired: false, cancelIdle: () => undefined },
      server: this.#start({ client, profile, gone: gone.signal, onEnd: forget }),
      end: (reason) => {
        forget();
        gone.abort(new NoServer("UpstreamReplaced", reason));
      },
    };
    this.#entries.add(entry);
    return entry;
  }

  /** Until something of that owner may be free. Only who has a server already waits for it: others may wait for ever. */
  #wait(key: string, owner: string, ms: number): Promise<void> {
    const hasOne = [...this.#entries].some((entry) => entry.key === key);
    if (!hasOne || [...this.#waiting].filter((each) => each.owner === owner).length >= MOST_WAITING) throw tooMany();
    return new Promise((resolve) => {
      const waiting: Waiting = {
        ...{ key, owner },
        retry: () => {
          this.#waiting.delete(waiting);
          cancelTimer();
          resolve();
        },
      };
      const cancelTimer = this.#options.clock.schedule(ms, waiting.retry);
      this.#waiting.add(waiting);
    });
  }

  #wake(): void {
    for (const { retry } of [...this.#waiting]) retry();
  }

  #release(entry: Entry, wasAsking: boolean, isReusable: boolean): void {
    entry.users -= 1;
    if (wasAsking) entry.isAsking = false;
    if (!isReusable) entry.isRetired = true;
    if (entry.users === 0 && entry.isRetired) entry.end("the server is no longer needed");
    else if (entry.users === 0 && this.#entries.has(entry)) this.#rest(entry);
    this.#wake();
  }

  async #start({ client, profile, gone, onEnd }: StartOptions): Promise<PersonalServer> {
    const channel = await this.#options.open(client, AbortSignal.any([gone, AbortSignal.timeout(START_TIMEOUT_MS)]));
    const server = new PersonalServer(channel, this.#options, onEnd);
    const close = () => server.close(messageOf(gone.reason));
    if (gone.aborted) close();
    else gone.addEventListener("abort", close, { once: true });
    await server.greet(profile);
    return server;
  }

  /** Behind the others, so that the first of those at rest is the one that has rested longest. */
  #rest(entry: Entry): void {
    this.#entries.delete(entry);
    this.#entries.add(entry);
    entry.cancelIdle = this.#options.clock.schedule(this.#options.idleMs, () => entry.end("the server was not used"));
  }
}

function keyOf({ owner, authorization }: BridgedClient, { capabilities, clientInfo }: ClientProfile): string {
  return createHash("sha256")
    .update(JSON.stringify([owner, authorization ?? null, Object.entries(capabilities).toSorted(), clientInfo ?? null]))
    .digest("base64url");
}

function tooMany(): NoServer {
  return new NoServer("TooManySessions", "as many clients and calls have a server for themselves as may");
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : "the server is no longer needed";
}
