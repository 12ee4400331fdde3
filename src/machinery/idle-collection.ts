import { getHeapStatistics } from "node:v8";
import type { Clock } from "./clock.ts";
import { delay } from "./clock-delay.ts";
import type { Logger } from "./logger.ts";
import type { Runnable } from "./runnable.ts";

/** What is asked of the process; the heap is that of the thread that asks. */
export interface Heap {
  /** User and system time of the process so far, in milliseconds. */
  cpuMs(): number;
  /** Bytes that V8 holds for objects, with and without garbage. */
  committed(): number;
  /** Bytes of objects, garbage included. */
  used(): number;
  /** Collects all of it at once. Absent where Node was started without `--expose-gc`. */
  readonly collect: (() => void) | undefined;
}

const LOOK_MS = 10_000;
/** Part of a core that a process uses at most that has nothing to do. */
const IDLE = 0.1;
/** A heap that has grown to this, over what was alive when it was last collected, is worth a pause. */
const GROWN = 1.5;

/**
 * Gives memory back that a burst has left behind, when it is over: a start with ten thousand deployments, or their coming up, leaves
 * 50 MB of garbage and more. V8 would collect it by itself when little is allocated, but takes no process for one that allocates
 * little (`--trace-memory-reducer`), and does it a hundred seconds after its last collection. A pause, in a process that is idle.
 */
export class IdleCollection implements Runnable {
  readonly name = "idle collection";
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #heap: Heap;
  #alive = 0;

  constructor({ clock, logger, heap = ownHeap() }: { clock: Clock; logger: Logger; heap?: Heap }) {
    this.#clock = clock;
    this.#logger = logger;
    this.#heap = heap;
  }

  async run(stop: AbortSignal): Promise<void> {
    let cpuMs = this.#heap.cpuMs();
    let sinceMs = this.#clock.monotonicMs();
    while (!stop.aborted) {
      await delay(this.#clock, LOOK_MS, stop);
      const nowMs = this.#clock.monotonicMs();
      const usedMs = this.#heap.cpuMs() - cpuMs;
      if (!stop.aborted && usedMs <= IDLE * (nowMs - sinceMs)) this.#collect();
      cpuMs = this.#heap.cpuMs();
      sinceMs = this.#clock.monotonicMs();
    }
  }

  #collect(): void {
    const { collect } = this.#heap;
    const before = this.#heap.committed();
    if (!collect || before < GROWN * this.#alive) return;
    collect();
    this.#alive = this.#heap.used();
    this.#logger.debug("collected garbage while idle", { before, after: this.#heap.committed() });
  }
}

function ownHeap(): Heap {
  const collect = globalThis.gc;
  return {
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1_000;
    },
    committed: () => getHeapStatistics().total_physical_size,
    used: () => getHeapStatistics().used_heap_size,
    collect: collect && (() => collect({ type: "major", flavor: "last-resort" })),
  };
}
