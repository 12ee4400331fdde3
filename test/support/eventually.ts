import { setTimeout as sleep } from "node:timers/promises";

/** Longer than anything takes on a machine that does other things, too; a test that passes does not wait for it. */
const DEADLINE_MS = 60_000;

export interface EventuallyOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  /** What to add to the failure: the state of things when time ran out. */
  readonly explain?: () => Promise<string> | string;
}

/**
 * Calls `look` until it answers something other than undefined or false, and answers that. What `look` throws counts as
 * "not yet": its message is part of the failure.
 */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = DEADLINE_MS, everyMs = 100, explain }: EventuallyOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) break;
    await sleep(everyMs);
  }
  const state = await explain?.();
  throw new Error([`not within ${timeoutMs} ms: ${what}`, state].filter(Boolean).join("\n"), { cause: last });
}
