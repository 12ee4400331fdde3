import { setTimeout as sleep } from "node:timers/promises";
import { engineClient } from "../scripts/engine/engine-address.ts";

/** On every container that a benchmark makes itself. */
export const BENCH_LABEL = "slipway.dev/bench";

export const engine = engineClient();

/** Calls `work` for each item, at most `atOnce` at a time. */
export async function inParallel<T>(
  items: Iterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = Iterator.from(items);
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

export interface StartCount extends Disposable {
  /** Resolves with the last of the awaited starts. */
  readonly done: Promise<void>;
}

/** Counts starts of containers that carry all `labels`, from the event stream: unlike polling, that costs the Engine nothing. */
export async function countStarts(labels: readonly string[], count: number): Promise<StartCount> {
  const closing = new AbortController();
  const stream = await engine.getEvents({
    filters: { event: ["start"], label: [...labels] },
    abortSignal: closing.signal,
  });
  let seen = 0;
  let rest = "";
  const done = new Promise<void>((resolve, reject) => {
    stream.on("error", (error) => (closing.signal.aborted ? undefined : reject(error)));
    stream.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString("utf8")).split("\n");
      rest = lines.pop() ?? "";
      seen += lines.filter((line) => line !== "").length;
      if (seen >= count) resolve();
    });
  });
  return { done, [Symbol.dispose]: () => closing.abort() };
}

export async function removeContainers(label: string): Promise<void> {
  const containers = await engine.listContainers({ all: true, filters: { label: [label] } });
  await inParallel(containers, 8, async ({ Id }) => {
    await engine.getContainer(Id).remove({ force: true, v: true });
  });
  await settle();
}

/** The Engine goes on tidying up after it has answered; without a pause the next run pays for it. */
export async function settle(): Promise<void> {
  await sleep(2_000);
}
