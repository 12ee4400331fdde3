import { setTimeout as sleep } from "node:timers/promises";
import { hasStatus } from "../engine/engine-error.ts";

/** How long a name may be taken by a container that cannot be seen yet: an earlier request whose reply was lost. */
const ATTEMPTS = 20;
const WAIT_MS = 100;

/**
 * Creates a container under a name that may be taken. `makeRoom` answers the container that has it, if that is the one
 * that was wanted; removes it, if it may go; or finds none, when its creation or removal is under way: the Engine gives
 * a name away before the container can be seen.
 * @throws the Engine's refusal (409) when the name does not become free.
 */
export async function claimName<T>(
  create: () => Promise<T>,
  makeRoom: () => Promise<T | "removed" | "unseen">,
  signal: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await create();
    } catch (error) {
      if (!hasStatus(error, 409) || attempt === ATTEMPTS) throw error;
    }
    const outcome = await makeRoom();
    if (outcome === "unseen") await sleep(WAIT_MS, undefined, { signal });
    else if (outcome !== "removed") return outcome;
  }
}
