import type { Workload } from "../../backends/backend.ts";
import type { Upkeep } from "../../effective-spec/upkeep.ts";
import { changedGuardrails } from "./changed-guardrails.ts";
import { matchedGeneration, type Scope } from "./scope.ts";

/**
 * How to ask the current workload, which may be of an earlier revision than the spec: by the spec that it was last seen to
 * match; after a restart of the controller by the path of the URL that it was published under.
 */
export function servedSpec(scope: Scope, current: Workload): Upkeep {
  const { upkeep, memory, target, deployment } = scope;
  if (isUpToDate(scope, current)) {
    if (target) memory.served = { hash: current.hash, upkeep };
    return upkeep;
  }
  if (memory.served?.hash === current.hash) return memory.served.upkeep;
  const { url, workload } = deployment.status ?? {};
  if (url === undefined || workload?.id !== current.id) return upkeep;
  return { ...upkeep, transport: { ...upkeep.transport, path: new URL(url).pathname } };
}

/** Whether a workload is made from the spec of this generation, as far as that can be told. */
export function isUpToDate(scope: Scope, current: Workload): boolean {
  const { target, spec, generation } = scope;
  if (target) return current.hash === target.hash;
  if (spec && changedGuardrails(current.guardrails, spec.guardrails).length > 0) return false;
  return matchedGeneration(scope, current) === generation;
}
