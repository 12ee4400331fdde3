import { ConditionType } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { siblingsIn } from "../../backends/variables.ts";
import { listing } from "../../guardrails/listing.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { Lister } from "../../machinery/lister.ts";

/** Pure. What a deployment says that it needs and is not there, for people. Nothing waits for it. */
export function dependencyNotes(
  { metadata, spec }: RuntimeDeployment,
  deployments: Pick<Lister<RuntimeDeployment>, "get">,
): readonly string[] {
  const named = (spec.dependencies ?? []).filter((name) => name !== metadata.name);
  const found = named.map((name) => [name, deployments.get({ namespace: metadata.namespace ?? "", name })] as const);
  const absent = found.filter(([, deployment]) => !deployment).map(([name]) => name);
  const unready = found.filter(([, deployment]) => deployment && !isReady(deployment)).map(([name]) => name);
  return [
    absent.length > 0 ? [`spec.dependencies: there is no RuntimeDeployment ${listing(absent)}`] : [],
    unready.length > 0 ? [`spec.dependencies: not Ready: ${listing(unready)}`] : [],
  ].flat();
}

/** Pure. Names of the deployments of its namespace that a deployment speaks of: as dependencies, or by their addresses. */
export function siblingsOf({ metadata, spec }: RuntimeDeployment): readonly string[] {
  const { dependencies = [], env = [] } = spec;
  const named = [...dependencies, ...env.flatMap(({ value = "" }) => siblingsIn(value))];
  return [...new Set(named)].filter((name) => name !== metadata.name);
}

/** Pure. What those that speak of a deployment can tell of it: equal texts are no news to them. Undefined for none. */
export function standingOf(deployment: RuntimeDeployment | undefined): string | undefined {
  if (!deployment) return undefined;
  const { metadata, spec, status } = deployment;
  const place = spec.backend ?? status?.workload?.backend ?? "";
  return `${metadata.uid}/${place}/${isReady(deployment)}`;
}

function isReady({ status }: RuntimeDeployment): boolean {
  return getCondition(status?.conditions, ConditionType.Ready)?.status === "True";
}
