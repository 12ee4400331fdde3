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
  readonly reject: (reason: unknown) => void;
}

/** The revision serves no more while a request waited for it; another one may. */
export class Retired extends Error {
  override readonly name = "Retired";
}

/** Knative's queue holds ten times what may be served at once. */
const QUEUE_FACTOR = 10;

/** The instances of one revision: as many as its requests need, between its limits. */
export class InstancePool {
  readonly #options: PoolOptions;
  readonly #world: World;
  #instances: Instance[] = [];
  #waiting: Waiter[] = [];
  readonly #draining = new Set<Instance>();
  /** Kept while a revision is not ready yet. */
  #floor = 0;
  #closed = false;
  /** The most that was needed since the last look. */
  #peak = 0;
  #cancelLook: (() => void) | undefined;
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
    this.#lookAnew();
  }

  /** Waits for room on an instance, starting one if there is none. @throws {Overloaded} {Retired}; the signal's reason */
  async acquire(signal: AbortSignal): Promise<Lease> {
    const { concurrency, max } = this.#options;
    if (this.#closed) throw new Retired();
    if (this.#waiting.length >= concurrency * max * QUEUE_FACTOR) throw new Overloaded();
    const { promise, resolve, reject } = Promise.withResolvers<Lease>();
    const waiter = { resolve, reject };
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
    const demand = this.#demand();
    this.#peak = Math.max(this.#peak, demand);
    this.#grow();
    if (demand === 0 && this.#peak > 0) this.#lookAnew();
    else this.#look();
  }

  /** Takes no more requests, and stops all instances: when they have served what they serve, or at once. */
  close(how: "drain" | "at-once"): void {
    this.#closed = true;
    this.#floor = 0;
    for (const { reject } of this.#waiting.splice(0)) reject(new Retired());
    this.#shrinkTo(0);
    if (how === "at-once") for (const instance of this.#draining) this.#stop(instance);
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
    if (instance.active === 0 && this.#draining.has(instance)) this.#stop(instance);
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
    if (this.#cancelLook !== undefined || this.#instances.length <= this.#options.min) return;
    this.#peak = this.#demand();
    this.#cancelLook = this.#world.after(this.#options.idleMs, () => {
      this.#cancelLook = undefined;
      this.#shrinkTo(this.#wanted(this.#peak));
      this.#look();
    });
  }

  /** Idleness is counted from now. */
  #lookAnew(): void {
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    this.#look();
  }

  #shrinkTo(count: number): void {
    const worth = ({ active, ready }: Instance) => (ready ? active + 1 : 0);
    const keep = this.#instances.toSorted((a, b) => worth(b) - worth(a)).slice(0, count);
    const leaving = this.#instances.filter((instance) => !keep.includes(instance));
    this.#instances = this.#instances.filter((instance) => keep.includes(instance));
    for (const instance of leaving) this.#drain(instance);
  }

  /** What is under way may end first, within the time that a request may take. */
  #drain(instance: Instance): void {
    this.#draining.add(instance);
    if (instance.active === 0) this.#stop(instance);
    else this.#world.after(this.#options.graceSeconds * 1000, () => this.#stop(instance));
  }

  #stop(instance: Instance): void {
    if (this.#draining.delete(instance)) this.#world.do(() => instance.stop(this.#options.graceSeconds));
  }
}
