import type { Condition } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeBackend, RuntimeBackendStatus } from "../../api/v1alpha1/index.ts";
import type { Aspect, BackendHealth } from "../../backends/backend.ts";
import { type NextCondition, removeCondition, setCondition } from "../../machinery/conditions.ts";
import { reportCapabilities } from "./reported-capabilities.ts";

export interface BackendFacts {
  readonly health: BackendHealth;
  readonly deployments: number;
  /** Names of the other RuntimeBackends that are marked as default, where this one is. */
  readonly otherDefaults: readonly string[];
  /** The GuardrailProfile that bounds its deployments, where there is none of that name. */
  readonly missingBound: string | undefined;
}

/**
 * Pure. What a backend that does not answer said before stays, since it is still the best that is known: version, capabilities
 * and aspects.
 */
export function summarize(object: RuntimeBackend, facts: BackendFacts, now: Date): RuntimeBackendStatus {
  const { health, deployments } = facts;
  const before = object.status;
  const version = health.version ?? before?.version;
  const capabilities = health.capabilities ? reportCapabilities(health.capabilities) : before?.capabilities;
  return {
    observedGeneration: object.metadata.generation ?? 0,
    ...(version !== undefined && { version }),
    ...(capabilities && { capabilities }),
    deployments,
    conditions: [...conditionsOf(object, facts, now)],
  };
}

/** What the controller says itself; every other condition is an aspect that the backend told of. */
const OWN: ReadonlySet<string> = new Set([ConditionType.Available, ConditionType.Stalled]);

function conditionsOf({ metadata, status }: RuntimeBackend, facts: BackendFacts, now: Date): readonly Condition[] {
  const { generation: observedGeneration = 0 } = metadata;
  const { available, reason, message, aspects } = facts.health;
  const next = [
    { type: ConditionType.Available, status: available ? "True" : "False", reason, message, observedGeneration },
    ...(aspects ?? []).map((aspect) => aspectCondition(aspect, observedGeneration)),
    ...stalledCondition(facts, observedGeneration),
  ] satisfies NextCondition[];
  const told = new Set(next.map(({ type }) => type));
  const goes = ({ type }: Condition): boolean =>
    !told.has(type) && (OWN.has(type) || aspects !== undefined || available);
  const before = status?.conditions ?? [];
  const kept = before
    .filter(goes)
    .reduce((left, { type }) => removeCondition(left, type), before as readonly Condition[]);
  return next.reduce((conditions, condition) => setCondition(conditions, condition, now), kept);
}

function aspectCondition({ type, available, reason, message }: Aspect, observedGeneration: number): NextCondition {
  return { type, status: available ? "True" : "False", reason, message, observedGeneration };
}

function stalledCondition(facts: BackendFacts, observedGeneration: number): NextCondition[] {
  const problems = problemsOf(facts);
  const [first] = problems;
  if (!first) return [];
  const message = problems.map((problem) => problem.message).join("; ");
  return [{ type: ConditionType.Stalled, status: "True", reason: first.reason, message, observedGeneration }];
}

/** What only a person can put right. */
function problemsOf({ otherDefaults, missingBound }: BackendFacts): { reason: string; message: string }[] {
  const problems = [];
  if (otherDefaults.length > 0) {
    const message = `${otherDefaults.join(", ")} is marked as default, too; deployments that name no backend wait until one is`;
    problems.push({ reason: "SeveralDefaults", message });
  }
  if (missingBound !== undefined) {
    const message = `spec.guardrailsBound: there is no GuardrailProfile "${missingBound}"; nothing new starts here until it is made`;
    problems.push({ reason: Reason.GuardrailProfileNotFound, message });
  }
  return problems;
}
