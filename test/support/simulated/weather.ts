import { setTimeout as sleep } from "node:timers/promises";
import { Reason } from "../../../src/api/v1alpha1/conditions.ts";
import { TransientError } from "../../../src/machinery/errors.ts";
import type { Container, MemoryEngine } from "../memory-engine.ts";
import { randomFrom } from "../random.ts";

/** How a simulated place behaves. The same seed and the same calls in the same order come to the same end. */
export interface Weather {
  readonly seed: number;
  /** Of every call, drawn evenly from between the two. Default none. */
  readonly latencyMs?: readonly [least: number, most: number];
  /** Part of all calls that fail; half of these have done what they were asked for. Default 0. */
  readonly failures?: number;
  /** Workloads, over the whole place, to which something happens in a second. Default 0. */
  readonly driftPerSecond?: number;
}

/** Makes a MemoryEngine slow and unreliable. Disposed, it is well behaved again. */
export class Simulated implements Disposable {
  readonly #engine: MemoryEngine;
  readonly #weather: Weather;
  readonly #random: () => number;
  readonly #timer: NodeJS.Timeout | undefined;
  /** What befell workloads, by kind. */
  readonly drifted = new Map<string, number>();

  constructor(engine: MemoryEngine, weather: Weather) {
    this.#engine = engine;
    this.#weather = weather;
    this.#random = randomFrom(weather.seed);
    engine.fault = (method, moment) => this.#call(method, moment);
    const { driftPerSecond = 0 } = weather;
    if (driftPerSecond > 0) this.#timer = setInterval(() => this.#drift(), 1_000 / driftPerSecond).unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#engine.fault = () => undefined;
  }

  async #call(method: string, moment: "before" | "after"): Promise<void> {
    const { latencyMs: [least, most] = [0, 0], failures = 0 } = this.#weather;
    if (moment === "before" && most > 0) await sleep(least + this.#random() * (most - least));
    // Twice a chance of half: the same part of all calls, with and without an effect.
    if (failures > 0 && this.#random() < failures / 2) {
      throw new TransientError(
        Reason.BackendError,
        `${method}: the place failed ${moment} it was done; it may try again`,
      );
    }
  }

  #drift(): void {
    const all = [...this.#engine.containers.values()].filter(({ state }) => state.kind === "running");
    const victim = all[Math.floor(this.#random() * all.length)];
    if (!victim) return;
    const kinds = Object.keys(MISHAPS) as (keyof typeof MISHAPS)[];
    const kind = kinds[Math.floor(this.#random() * kinds.length)];
    if (kind === undefined) return;
    MISHAPS[kind](this.#engine, victim);
    this.drifted.set(kind, (this.drifted.get(kind) ?? 0) + 1);
  }
}

const MISHAPS = {
  ended: (engine: MemoryEngine, victim: Container) => engine.end(victim, 1),
  halted: (engine: MemoryEngine, victim: Container) => engine.halt(victim),
  removed: (engine: MemoryEngine, victim: Container) => engine.remove(victim),
  renamed(engine: MemoryEngine, victim: Container) {
    victim.renamed = true;
    engine.notify(victim.spec.owner, victim.place);
  },
  disconnected(engine: MemoryEngine, victim: Container) {
    victim.disconnected = true;
    engine.notify(victim.spec.owner, victim.place);
  },
} as const;
