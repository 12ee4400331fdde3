import { Wire } from "./wire.ts";

const TIMEOUT_MS = 5_000;

/**
 * Whether the gateway at `url` lets nobody in without a token, by asking for its list without one. Undefined where it does
 * not answer so that it can be told.
 */
export async function asksForToken(url: URL, signal: AbortSignal): Promise<boolean | undefined> {
  const wire = new Wire();
  try {
    const init = {
      headers: { accept: "application/json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    };
    const answer = await wire.sse(url, init);
    await answer.body?.cancel();
    return answer.status === 401 ? true : answer.ok ? false : undefined;
  } catch {
    signal.throwIfAborted();
    return undefined;
  } finally {
    await wire.close();
  }
}
