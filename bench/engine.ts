import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";

/** Every container of the benchmark carries it, whoever made it. */
export const BENCH_LABEL = "slipway.dev/bench";

export const engine = new Docker();

/** Calls `work` for each item, at most `atOnce` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/**
 * Counts starts of containers whose labels match, from the Engine's event stream: watching costs the Engine nothing,
 * as polling would.
 */
export async function countStarts(
  label: string,
  count: number,
): Promise<{ done: Promise<void>; [Symbol.dispose](): void }> {
  const stream = await engine.getEvents({ filters: JSON.stringify({ event: ["start"], label: [label] }) });
  let seen = 0;
  let rest = "";
  const done = new Promise<void>((resolve, reject) => {
    stream.on("error", reject);
    stream.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString("utf8")).split("\n");
      rest = lines.pop() ?? "";
      seen += lines.filter((line) => line.trim() !== "").length;
      if (seen >= count) resolve();
    });
  });
  return {
    done,
    [Symbol.dispose]: () => (stream as unknown as { destroy(): void }).destroy(),
  };
}

export async function removeContainers(label: string): Promise<void> {
  const containers = await engine.listContainers({ all: true, filters: { label: [label] } });
  await inParallel(containers, 8, async ({ Id }) => {
    await engine.getContainer(Id).remove({ force: true, v: true });
  });
  // The Engine goes on tidying up after it has answered; without a pause the next run pays for it.
  await sleep(2_000);
}

/** The address of a port that is free right now, from a range that the kernel does not hand out by itself. */
export function benchPort(index: number): number {
  return 18_000 + index;
}
