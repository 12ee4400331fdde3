import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { Listable } from "../client/collection.ts";
import { isFailure } from "../client/errors.ts";
import type { CallOptions } from "../client/transport.ts";

/** Per project. Support may change them, and no call tells. @see https://cloud.ibm.com/docs/codeengine?topic=codeengine-limits */
const QUOTAS = { apps: 40, secrets: 100, "config maps": 100, builds: 100, "build runs": 100 } as const;

/** Room is made by people or by other deployments: every few minutes is often enough to look. */
const AGAIN_MS = 300_000;

/**
 * Runs a creation. Code Engine refuses what exceeds a quota as it refuses what is wrong, so that only a count tells the two
 * apart. @throws {TransientError} `QuotaExceeded`, naming the quota.
 */
export async function explainingQuota<T>(
  what: keyof typeof QUOTAS,
  collection: Listable<unknown>,
  create: () => Promise<T>,
  options: CallOptions,
): Promise<T> {
  try {
    return await create();
  } catch (error) {
    if (!isFailure(error, "terminal") || error.status !== 400) throw error;
    let count = 0;
    for await (const _ of collection.list(options)) count += 1;
    if (count < QUOTAS[what]) throw error;
    const remedy = "remove some, use another project, or have IBM's support raise the limit";
    throw new TransientError(
      Reason.QuotaExceeded,
      `the project has ${count} ${what}, and Code Engine lets it have ${QUOTAS[what]}; ${remedy} (${error.message})`,
      { cause: error, retryAfterMs: AGAIN_MS },
    );
  }
}
