import { StatusError } from "../http/status-error.ts";
import type { ServerContext } from "./server-context.ts";

/** kube-apiserver's cache waits this long for a version it has not seen. */
const WAIT_MS = 3_000;

/** Resolves once the store has reached `revision`. @throws {StatusError} 504 when it does not in time. */
export async function waitForRevision({ store, clock }: ServerContext, revision: number): Promise<void> {
  if (store.revision >= revision) return;
  await new Promise<void>((resolve, reject) => {
    const stopListening = store.onRevision((current) => {
      if (current < revision) return;
      stop();
      resolve();
    });
    const cancelTimer = clock.schedule(WAIT_MS, () => {
      stop();
      reject(tooLarge(revision, store.revision));
    });
    const stop = () => {
      stopListening();
      cancelTimer();
    };
  });
}

function tooLarge(wanted: number, current: number): StatusError {
  return new StatusError(504, "Timeout", `Timeout: Too large resource version: ${wanted}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}
