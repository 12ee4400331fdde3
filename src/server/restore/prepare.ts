import { Worker } from "node:worker_threads";
import { type StoredObject, StoreRefused, StoreUnavailable } from "../storage/store.ts";
import type { BuiltStore, PreparationAnswer, PreparationOrder } from "./preparation.ts";

/** A backup is read as a whole, as a store is at the start. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 4096 };

export interface Prepared {
  readonly objects: readonly StoredObject[];
  /** Of `build`. */
  readonly built: BuiltStore | undefined;
}

/**
 * Has a thread do one part of a restore.
 * @throws {StoreRefused} when the backup cannot be used, {StoreUnavailable} when this machine is not up to it.
 */
export async function prepare(order: PreparationOrder, signal: AbortSignal): Promise<Prepared> {
  signal.throwIfAborted();
  // Compiled code has another extension, and nothing rewrites it within a URL.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./preparation-thread.${extension}`, import.meta.url), {
    workerData: order,
    resourceLimits: THREAD_LIMITS,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Prepared>();
  const objects: StoredObject[] = [];
  const failed = (reason: string) => reject(new StoreUnavailable(`the restore was not prepared: ${reason}`));
  worker.on("message", (answer: PreparationAnswer) => {
    if ("objects" in answer) for (const object of answer.objects) objects.push(object);
    else if ("built" in answer) resolve({ objects, built: answer.built });
    else if ("saved" in answer) resolve({ objects, built: undefined });
    else if (answer.isBackup) reject(new StoreRefused(answer.error));
    else failed(answer.error);
  });
  worker.on("error", ({ message }) => failed(message));
  worker.on("exit", (code) => failed(`its thread ended with ${code}`));
  const onAbort = () => failed("the server is shutting down");
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    await worker.terminate();
  }
}
