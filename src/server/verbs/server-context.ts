import type { Clock } from "../../machinery/clock.ts";
import { wholeSeconds } from "../../machinery/whole-seconds.ts";
import type { AdmissionChain } from "../admission/admission.ts";
import type { ResourceRegistry } from "../registry/resource-registry.ts";
import type { Store } from "../storage/store.ts";

/** What the verbs work on. One for the whole server. */
export interface ServerContext {
  readonly store: Store;
  readonly registry: ResourceRegistry;
  readonly admission: AdmissionChain;
  readonly clock: Clock;
}

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function timestamp(clock: Clock): string {
  return wholeSeconds(clock.now());
}
