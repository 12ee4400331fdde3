import type { Clock } from "../../../machinery/clock.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";
import { Session, type SessionLimits, type SharedBudget } from "./session.ts";

export interface SessionsLimits extends SessionLimits {
  readonly sessions: number;
  readonly sessionsPerOwner: number;
  /** What all sessions keep together. */
  readonly totalBytes: number;
  /** A session that nobody reads and nobody sends to ends after this. */
  readonly idleMs: number;
}

export const DEFAULT_SESSION_LIMITS: SessionsLimits = {
  sessions: 4_096,
  sessionsPerOwner: 512,
  bytes: 32 * 1024 * 1024,
  totalBytes: 256 * 1024 * 1024,
  endedStreams: 64,
  idleMs: 300_000,
};

export interface SessionsOptions {
  readonly clock: Clock;
  /** A text that nobody can guess, of visible ASCII: it stands in a header. At least 128 bits. */
  readonly newId: () => string;
  readonly limits?: Partial<SessionsLimits>;
}

export class TooManySessions extends Error {
  override readonly name = "TooManySessions";
}

interface Entry {
  readonly session: Session;
  usedMs: number;
}

/** The sessions of the earlier streamable HTTP. One is found only by its owner: to others it does not exist. */
export class Sessions {
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #limits: SessionsLimits;
  readonly #entries = new Map<string, Entry>();
  readonly #countOf = new Map<string, number>();
  readonly #budget: SharedBudget;
  #bytes = 0;
  #cancelSweep: (() => void) | undefined;

  constructor({ clock, newId, limits }: SessionsOptions) {
    this.#clock = clock;
    this.#newId = newId;
    this.#limits = { ...DEFAULT_SESSION_LIMITS, ...limits };
    const sessions = this;
    this.#budget = {
      get isExceeded() {
        return sessions.#bytes > sessions.#limits.totalBytes;
      },
      add: (bytes) => {
        this.#bytes += bytes;
      },
    };
  }

  get size(): number {
    return this.#entries.size;
  }

  /** What is kept for clients, in bytes. */
  get keptBytes(): number {
    return this.#bytes;
  }

  /** A session for a client that begins one. @throws {TooManySessions}, and what `connect` throws. */
  async open(owner: string, connect: (events: PortEvents) => Promise<ServerPort>): Promise<Session> {
    const session = this.#create(owner);
    try {
      session.attach(await connect(session.events));
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** Asking for it keeps it from ending. */
  get(id: string, owner: string): Session | undefined {
    const entry = this.#entries.get(id);
    if (entry?.session.owner !== owner) return undefined;
    entry.usedMs = this.#clock.monotonicMs();
    return entry.session;
  }

  close(): void {
    for (const { session } of [...this.#entries.values()]) session.close();
  }

  #create(owner: string): Session {
    const { sessions, sessionsPerOwner } = this.#limits;
    const own = this.#countOf.get(owner) ?? 0;
    if (this.#entries.size >= sessions) throw new TooManySessions("there are too many sessions");
    if (own >= sessionsPerOwner) throw new TooManySessions("this client has too many sessions");
    const id = this.#newId();
    const session = new Session({
      id,
      owner,
      limits: this.#limits,
      budget: this.#budget,
      onEnd: () => this.#forget(id, owner),
    });
    this.#entries.set(id, { session, usedMs: this.#clock.monotonicMs() });
    this.#countOf.set(owner, own + 1);
    this.#cancelSweep ??= this.#scheduleSweep();
    return session;
  }

  #forget(id: string, owner: string): void {
    this.#entries.delete(id);
    const left = (this.#countOf.get(owner) ?? 1) - 1;
    if (left > 0) this.#countOf.set(owner, left);
    else this.#countOf.delete(owner);
    if (this.#entries.size > 0) return;
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
  }

  #scheduleSweep(): () => void {
    return this.#clock.schedule(this.#limits.idleMs / 4, () => {
      this.#sweep();
      this.#cancelSweep = this.#entries.size > 0 ? this.#scheduleSweep() : undefined;
    });
  }

  #sweep(): void {
    const now = this.#clock.monotonicMs();
    for (const entry of [...this.#entries.values()]) {
      if (entry.session.hasReader) entry.usedMs = now;
      else if (now - entry.usedMs >= this.#limits.idleMs) entry.session.close();
    }
  }
}
