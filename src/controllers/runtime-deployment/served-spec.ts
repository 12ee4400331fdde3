import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { Workload } from "../../backends/backend.ts";
import { recordedEndpoint } from "../../backends/recorded-endpoint.ts";
import type { Upkeep } from "../../effective-spec/upkeep.ts";
import { changedGuardrails } from "./changed-guardrails.ts";
import { matchedGeneration, type Scope } from "./scope.ts";

/**
 * How to ask the current workload, which may be of an earlier revision than the spec: by the spec that it was last seen to
 * match; after a restart of the controller as its status says.
 */
export function servedSpec(scope: Scope, current: Workload): Upkeep {
  const { upkeep, memory, target, deployment } = scope;
  if (isUpToDate(scope, current)) {
    if (target) memory.served = { hash: current.hash, upkeep };
    return upkeep;
  }
  if (memory.served?.hash === current.hash) return memory.served.upkeep;
  return deployment.status?.workload?.id === current.id ? recordedUpkeep(deployment, upkeep) : upkeep;
}

/** Pure. `upkeep`, but for how MCP is spoken to what the status says that runs. */
export function recordedUpkeep(deployment: RuntimeDeployment, upkeep: Upkeep): Upkeep {
  const known = recordedEndpoint(deployment);
  if (known) {
    const { transport: type, url } = known;
    return { ...upkeep, transport: { ...upkeep.transport, type, path: new URL(url).pathname } };
  }
  const type = deployment.status?.workload?.transport ?? upkeep.transport.type;
  return { ...upkeep, transport: { ...upkeep.transport, type } };
}

/** Whether a workload is made from the spec of this generation, as far as that can be told. */
export function isUpToDate(scope: Scope, current: Workload): boolean {
  const { target, spec, generation } = scope;
  if (target) return current.hash === target.hash;
  if (spec && changedGuardrails(current.guardrails, spec.guardrails).length > 0) return false;
  return matchedGeneration(scope, current) === generation;
}
