import type { Dispatcher } from "undici";
import { inParallel } from "./engine.ts";
import { median } from "./row.ts";

/** What many watchers of the same objects get. */
export interface WatchResult {
  /** Events that arrived, all watchers together, while 16 clients change objects as fast as they can. */
  readonly eventsPerSecond: number;
  /** From the request of a lone change until the last watcher has it: median. */
  readonly lastWatcherMs: number;
}

export interface WatchLoad {
  /** Opens one watch of what is changed, from now on, on a connection of its own. */
  readonly open: (signal: AbortSignal) => Promise<Dispatcher.ResponseData["body"]>;
  /** Changes an object; each call is one event for each watcher. */
  readonly change: (turn: number) => Promise<unknown>;
  readonly clients: number;
}

const WATCHERS = 100;
const CHANGES = 500;
const LONE_CHANGES = 25;
const TIMEOUT_MS = 60_000;
const NEWLINE = 10;

export async function watchLoad({ open, change, clients }: WatchLoad): Promise<WatchResult> {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(TIMEOUT_MS)]);
  const arrivals = new Arrivals();
  const streams = await Promise.all(Array.from({ length: WATCHERS }, () => open(signal)));
  const reading = streams.map(async (stream) => {
    try {
      for await (const chunk of stream) arrivals.add(linesIn(chunk as Uint8Array));
    } catch (error) {
      if (!over.signal.aborted) throw error;
    }
  });
  try {
    const measured = async () => {
      const lone: number[] = [];
      for (let turn = 0; turn < LONE_CHANGES; turn += 1) {
        const began = performance.now();
        await Promise.all([change(turn), arrivals.more(WATCHERS)]);
        lone.push(performance.now() - began);
      }
      const began = performance.now();
      const turns = Array.from({ length: CHANGES }, (_, index) => LONE_CHANGES + index);
      await Promise.all([
        arrivals.more(WATCHERS * CHANGES),
        inParallel(turns, clients, async (turn) => void (await change(turn))),
      ]);
      const eventsPerSecond = (WATCHERS * CHANGES * 1_000) / (performance.now() - began);
      return { eventsPerSecond, lastWatcherMs: median(lone) };
    };
    // A watch that ends early would be waited for without end.
    const ended = Promise.all(reading).then(() => {
      throw new Error("the watches ended before all changes had arrived");
    });
    return await Promise.race([measured(), ended]);
  } finally {
    over.abort();
    await Promise.allSettled(reading);
  }
}

/** Counts events of all watchers. */
class Arrivals {
  #count = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #arrived: () => void = () => undefined;

  add(events: number): void {
    this.#count += events;
    if (this.#count >= this.#wanted) this.#arrived();
  }

  /** Resolves when so many more have arrived. One call at a time. */
  async more(events: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wanted = this.#count + events;
    this.#arrived = resolve;
    await promise;
  }
}

/** Every event is one line. */
function linesIn(chunk: Uint8Array): number {
  let lines = 0;
  for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}
