import { connect } from "node:net";
import type { Clock } from "../../machinery/clock.ts";

export interface ReachOptions {
  readonly clock: Clock;
  /** Whether a connection can be made. Never rejects. */
  readonly dial?: (target: Target) => Promise<boolean>;
}

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** What was found counts for so long; it is looked for again when it is asked for after that. */
const LOOK_EVERY_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** Addresses that are remembered. Of the others it is not known. */
const REMEMBERED = 16_384;

interface Found {
  isReached: boolean;
  /** Monotonic. */
  lookedAtMs: number;
}

/**
 * Which servers this replica reaches itself. An address in a status is one that the leader reaches: an Engine may let in some
 * pods and not others, and networks differ from node to node. So nothing is passed through before a connection was made here once.
 */
export class Reach {
  readonly #clock: Clock;
  readonly #dial: (target: Target) => Promise<boolean>;
  readonly #found = new Map<string, Found>();

  constructor({ clock, dial = dialled }: ReachOptions) {
    this.#clock = clock;
    this.#dial = dial;
  }

  /** Whether a server at this URL was reached when it was looked for last. Looks by itself, and waits for nothing. */
  has(url: string): boolean {
    const { origin } = new URL(url);
    const nowMs = this.#clock.monotonicMs();
    const found = this.#found.get(origin);
    if (found && nowMs - found.lookedAtMs < LOOK_EVERY_MS) return found.isReached;
    const looked = found ?? { isReached: false, lookedAtMs: nowMs };
    looked.lookedAtMs = nowMs;
    // The one that was looked for last is the last.
    this.#found.delete(origin);
    this.#found.set(origin, looked);
    this.#forgetOldest();
    void this.#dial(targetOf(origin)).then((isReached) => {
      looked.isReached = isReached;
    });
    return looked.isReached;
  }

  #forgetOldest(): void {
    if (this.#found.size <= REMEMBERED) return;
    for (const oldest of this.#found.keys()) {
      this.#found.delete(oldest);
      return;
    }
  }
}

function targetOf(origin: string): Target {
  const { hostname, port, protocol } = new URL(origin);
  const usual = protocol === "https:" ? 443 : 80;
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? usual : Number(port) };
}

function dialled(target: Target): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ ...target, timeout: CONNECT_TIMEOUT_MS });
  socket.once("connect", () => resolve(true)).once("timeout", () => resolve(false));
  socket.on("error", () => resolve(false));
  return promise.finally(() => socket.destroy());
}
