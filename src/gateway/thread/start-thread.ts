import type { Clock } from "../../machinery/clock.ts";
import type { DataPathStats } from "../mcp/data-path.ts";
import { DataPathWorker, type WorkerOptions } from "./data-path-worker.ts";
import type { DrainControl } from "./drain-requests.ts";

export interface DataPathThread extends DrainControl {
  /** `http://host:port`, with the port that was taken. */
  readonly url: string;
  /** Undefined where it does not tell in time. */
  stats(): Promise<DataPathStats | undefined>;
  /** Lets calls under way end for a while. */
  close(): Promise<void>;
}

/** What of a worker is looked at. */
export type RunningWorker = Pick<DataPathWorker, "listening" | "died" | "stats" | "drain" | "resume" | "close">;

/** A thread that dies, of a defect or for want of memory, is replaced after this. */
const RESTART_MS = 500;

/**
 * Runs the data path in a thread of its own and tells it of every change of the directory. A thread that dies is replaced
 * at the same port. @throws {Error} when the address cannot be listened on, with the code of the system's error.
 */
export async function startDataPathThread(
  options: WorkerOptions & { readonly clock: Clock },
  startWorker: (options: WorkerOptions) => RunningWorker = (each) => new DataPathWorker(each),
): Promise<DataPathThread> {
  const { clock, ...rest } = options;
  let worker = startWorker(rest);
  const url = await worker.listening;
  let isClosing = false;
  let cancelRestart: () => void = () => undefined;
  const again = { ...rest, listen: { host: rest.listen.host, port: Number(new URL(url).port) } };
  const restart = () => {
    worker = startWorker(again);
    worker.listening.catch((error: Error) =>
      rest.logger.error("the gateway's listener did not start", { error: error.message }),
    );
    keep(worker);
  };
  const keep = (current: RunningWorker) =>
    void current.died.then((why) => {
      if (isClosing) return;
      rest.logger.error("the gateway's thread ended; another takes its place", { error: why });
      cancelRestart = clock.schedule(RESTART_MS, restart);
    });
  keep(worker);
  return {
    url,
    stats: () => worker.stats(),
    drain: (key, isReplaced) => worker.drain(key, isReplaced),
    resume: (key) => worker.resume(key),
    async close() {
      isClosing = true;
      cancelRestart();
      await worker.close();
    },
  };
}
