import { ConditionType } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { getCondition } from "../../machinery/conditions.ts";

/**
 * How long a server may be away before its entry is switched off. A roll, a restart or a missed probe is shorter; each switch
 * makes every client of the external gateway learn its tools anew.
 */
export const QUIET_MS = 60_000;

export type Serving =
  | { readonly kind: "serves"; readonly url: string }
  /** It is away, and may be back at once. */
  | { readonly kind: "blinks"; readonly forMs: number }
  | { readonly kind: "away" };

/** Pure. Reads the time since when it is away off the condition, so that a restart of the controller changes nothing. */
export function servingOf({ spec, status }: RuntimeDeployment, now: Date): Serving {
  if (spec.desiredState === "Stopped") return { kind: "away" };
  const ready = getCondition(status?.conditions, ConditionType.Ready);
  if (ready?.status === "True")
    return status?.url === undefined ? { kind: "away" } : { kind: "serves", url: status.url };
  if (!ready) return { kind: "away" };
  const forMs = Date.parse(ready.lastTransitionTime) + QUIET_MS - now.getTime();
  return forMs > 0 ? { kind: "blinks", forMs } : { kind: "away" };
}
