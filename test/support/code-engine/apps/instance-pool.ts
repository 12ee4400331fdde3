import type { World } from "../world.ts";
import type { Instance } from "./instance.ts";

/** A request's hold on an instance. */
export interface Lease {
  readonly instance: Instance;
  release(): void;
}

/** No instance could take the request. */
export class Overloaded extends Error {
  override readonly name = "Overloaded";
}

export interface PoolOptions {
  readonly world: World;
  readonly min: number;
  readonly max: number;
  /** Requests at once that one instance takes; beyond that they wait. */
  readonly concurrency: number;
  /** Requests at once for which another instance is started. */
  readonly target: number;
  readonly idleMs: number;
  readonly graceSeconds: number;
  /** Makes another one, or answers undefined while there is no room for it. */
  readonly create: () => Instance | undefined;
}

interface Waiter {
  readonly resolve: (lease: Lease) => void;
}

/** Knative's queue holds ten times what may be served at once. */
const QUEUE_FACTOR = 10;

/** The instances of one revision: as many as its requests need, between its limits. */
export class InstancePool {
  readonly #options: PoolOptions;
  readonly #world: World;
  #instances: Instance[] = [];
  #waiting: Waiter[] = [];
  /** Kept while a revision is not ready yet. */
  #floor = 0;
  #closed = false;
  /** The most that was needed since the last look. */
  #peak = 0;
  #lookIsSet = false;
  #growthIsSet = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#world = options.world;
  }

  get instances(): readonly Instance[] {
    return this.#instances;
  }

  get readyCount(): number {
    return this.#instances.filter(({ ready }) => ready).length;
  }

  /** Starts so many, and keeps them until `settle`. Answers false while there is no room for all of them. */
  begin(count: number): boolean {
    this.#floor = count;
    return this.#grow();
  }

  /** From now on requests alone, and the minimum, say how many there are. */
  settle(): void {
    this.#floor = 0;
    this.#look();
  }

  /** Waits for room on an instance, starting one if there is none. @throws {Overloaded}; the signal's reason */
  async acquire(signal: AbortSignal): Promise<Lease> {
    const { concurrency, max } = this.#options;
    if (this.#closed || this.#waiting.length >= concurrency * max * QUEUE_FACTOR) throw new Overloaded();
    const { promise, resolve, reject } = Promise.withResolvers<Lease>();
    const waiter = { resolve };
    const leave = () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiter);
      reject(signal.reason);
    };
    if (signal.aborted) leave();
    else this.#waiting.push(waiter);
    signal.addEventListener("abort", leave, { once: true });
    this.changed();
    return await promise.finally(() => signal.removeEventListener("abort", leave));
  }

  /** Looks again: an instance became ready or ended, or requests came or went. */
  changed(): void {
    this.#assign();
    this.#peak = Math.max(this.#peak, this.#demand());
    this.#grow();
    this.#look();
  }

  /** Stops all of them, and takes no more requests. */
  close(): void {
    this.#closed = true;
    this.#floor = 0;
    this.#shrinkTo(0);
  }

  open(): void {
    this.#closed = false;
  }

  #assign(): void {
    for (const instance of this.#instances) {
      while (instance.ready && instance.active < this.#options.concurrency) {
        const waiter = this.#waiting.shift();
        if (waiter === undefined) return;
        instance.active += 1;
        waiter.resolve({ instance, release: () => this.#release(instance) });
      }
    }
  }

  #release(instance: Instance): void {
    instance.active -= 1;
    this.changed();
  }

  #demand(): number {
    const active = this.#instances.reduce((sum, instance) => sum + instance.active, 0);
    return Math.ceil((active + this.#waiting.length) / this.#options.target);
  }

  #wanted(demand: number): number {
    const { min, max } = this.#options;
    return Math.max(Math.min(Math.max(demand, min), max), this.#floor);
  }

  #grow(): boolean {
    if (this.#closed) return true;
    while (this.#instances.length < this.#wanted(this.#demand())) {
      const instance = this.#options.create();
      if (instance === undefined) {
        this.#growLater();
        return false;
      }
      this.#instances.push(instance);
      this.#world.do(() => instance.start());
    }
    return true;
  }

  #growLater(): void {
    if (this.#growthIsSet) return;
    this.#growthIsSet = true;
    this.#world.after(this.#world.timings.retryMs, () => {
      this.#growthIsSet = false;
      this.#grow();
    });
  }

  /** Sets the next look, at whose time what nobody needed meanwhile goes. */
  #look(): void {
    if (this.#lookIsSet || this.#instances.length <= this.#options.min) return;
    this.#lookIsSet = true;
    this.#peak = this.#demand();
    this.#world.after(this.#options.idleMs, () => {
      this.#lookIsSet = false;
      this.#shrinkTo(this.#wanted(this.#peak));
      this.#look();
    });
  }

  #shrinkTo(count: number): void {
    const keep = this.#instances.toSorted((a, b) => b.active - a.active).slice(0, count);
    const leaving = this.#instances.filter((instance) => !keep.includes(instance));
    this.#instances = this.#instances.filter((instance) => keep.includes(instance));
    for (const instance of leaving) this.#world.do(() => instance.stop(this.#options.graceSeconds));
  }
}
