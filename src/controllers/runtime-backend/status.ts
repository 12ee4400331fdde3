import type { Condition } from "../../api/meta.ts";
import { ConditionType } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeBackend, RuntimeBackendStatus } from "../../api/v1alpha1/index.ts";
import type { BackendHealth } from "../../backends/backend.ts";
import { removeCondition, setCondition } from "../../machinery/conditions.ts";

export interface BackendFacts {
  readonly health: BackendHealth;
  readonly deployments: number;
  /** Names of the other RuntimeBackends that are marked as default, where this one is. */
  readonly otherDefaults: readonly string[];
}

/** Pure. What a backend that does not answer said before stays, since it is still the best that is known. */
export function summarize(object: RuntimeBackend, facts: BackendFacts, now: Date): RuntimeBackendStatus {
  const { health, deployments, otherDefaults } = facts;
  const before = object.status;
  const version = health.version ?? before?.version;
  const capabilities = health.capabilities
    ? { ...health.capabilities, sources: [...health.capabilities.sources] }
    : before?.capabilities;
  return {
    observedGeneration: object.metadata.generation ?? 0,
    ...(version !== undefined && { version }),
    ...(capabilities && { capabilities }),
    deployments,
    conditions: [...conditionsOf(object, { health, otherDefaults }, now)],
  };
}

function conditionsOf(
  { metadata, status }: RuntimeBackend,
  { health, otherDefaults }: Pick<BackendFacts, "health" | "otherDefaults">,
  now: Date,
): readonly Condition[] {
  const { generation: observedGeneration = 0 } = metadata;
  const { available, reason, message } = health;
  const next = {
    type: ConditionType.Available,
    status: available ? "True" : "False",
    reason,
    message,
    observedGeneration,
  } as const;
  const conditions = setCondition(status?.conditions ?? [], next, now);
  if (otherDefaults.length === 0) return removeCondition(conditions, ConditionType.Stalled);
  const remedy = `${otherDefaults.join(", ")} is marked as default, too; deployments that name no backend wait until one is`;
  const stalled = {
    type: ConditionType.Stalled,
    status: "True",
    reason: "SeveralDefaults",
    message: remedy,
    observedGeneration,
  } as const;
  return setCondition(conditions, stalled, now);
}
