import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { Store } from "../storage/store.ts";

/** kube-apiserver's default for `--event-ttl`. */
const TTL_MS = 60 * 60_000;
const INTERVAL_MS = 60_000;
const AT_ONCE = 256;
/** Beyond this many, the oldest go early: a chatty hour must not fill the memory. */
const MAX_EVENTS = 20_000;
const EVENTS = "events";

/** Drops events an hour after their last change. */
export class EventExpiry {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** When each event was last written, oldest first. */
  readonly #written = new Map<string, number>();
  readonly #unsubscribe: () => void;
  #cancel: () => void;

  constructor({ store, clock, logger }: { store: Store; clock: Clock; logger: Logger }) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
    const stored = [...store.list(EVENTS)].sort((a, b) => a.revision - b.revision);
    for (const { key, json } of stored) this.#written.set(key, lastSeen(json, clock.now()));
    this.#unsubscribe = store.subscribe(EVENTS, ({ key, current }) => {
      this.#written.delete(key);
      if (current) this.#written.set(key, clock.now().getTime());
    });
    this.#cancel = clock.schedule(INTERVAL_MS, () => this.#tick());
  }

  close(): void {
    this.#unsubscribe();
    this.#cancel();
  }

  #tick(): void {
    void this.#expire()
      .catch((error: unknown) => {
        this.#logger.warn("events not expired", { error: error instanceof Error ? error.message : String(error) });
      })
      .then(() => {
        this.#cancel = this.#clock.schedule(INTERVAL_MS, () => this.#tick());
      });
  }

  async #expire(): Promise<void> {
    const deadline = this.#clock.now().getTime() - TTL_MS;
    const due: string[] = [];
    let surplus = this.#written.size - MAX_EVENTS;
    for (const [key, at] of this.#written) {
      if (at > deadline && surplus-- <= 0) break;
      due.push(key);
    }
    for (let at = 0; at < due.length; at += AT_ONCE) {
      await Promise.all(due.slice(at, at + AT_ONCE).map((key) => this.#remove(key)));
    }
  }

  async #remove(key: string): Promise<void> {
    await this.#store.exclusively(EVENTS, key, async () => {
      if (this.#store.get(EVENTS, key)) await this.#store.remove(EVENTS, key);
    });
  }
}

/** After a restart the object's own times are all there is; a time in the future counts as now. */
function lastSeen(json: string, now: Date): number {
  const { metadata, lastTimestamp, eventTime } = JSON.parse(json) as {
    metadata: { creationTimestamp: string };
    lastTimestamp?: string | null;
    eventTime?: string | null;
  };
  const times = [lastTimestamp, eventTime, metadata.creationTimestamp].map((time) => Date.parse(time ?? ""));
  return Math.min(now.getTime(), ...[Math.max(...times.filter((time) => !Number.isNaN(time)))]);
}
