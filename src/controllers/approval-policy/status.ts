import type { Condition } from "../../api/meta.ts";
import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { ApprovalPolicy, ApprovalPolicyStatus } from "../../api/v1alpha1/index.ts";
import { policyProblems } from "../../approvals/policy-problems.ts";
import { setCondition } from "../../machinery/conditions.ts";
import type { NoticeOutcome } from "../approval/notifier.ts";

export type Channel = "webhook" | "email";

/** The newest outcome of each channel; empty where nothing was told since the controller started. */
export type Outcomes = ReadonlyMap<Channel, NoticeOutcome>;

export interface PolicyFacts {
  readonly outcomes: Outcomes;
  /** Why the audit log cannot be written. */
  readonly auditProblem: string | undefined;
}

/** Pure. Whether the policy's rules can be evaluated, its notices arrive, and what it asks is in the audit log. */
export function summarize(
  policy: ApprovalPolicy,
  { outcomes, auditProblem }: PolicyFacts,
  now: Date,
): ApprovalPolicyStatus {
  const observedGeneration = policy.metadata.generation ?? 0;
  const before = policy.status?.conditions ?? [];
  const found = [accepted(policy), delivered(policy, outcomes, before), audited(auditProblem)].filter(
    (condition) => condition !== undefined,
  );
  const still = before.filter(({ type }) => found.some((condition) => condition.type === type));
  const conditions = found.reduce<readonly Condition[]>(
    (all, next) => setCondition(all, { ...next, observedGeneration }, now),
    still,
  );
  return { observedGeneration, conditions: [...conditions] };
}

type NewCondition = Omit<Condition, "lastTransitionTime" | "observedGeneration">;

function accepted(policy: ApprovalPolicy): NewCondition {
  const type = ConditionType.Accepted;
  const problems = policyProblems(policy);
  if (problems.length === 0)
    return { type, status: "True", reason: Reason.Accepted, message: "every rule can be evaluated" };
  const said = problems.map(({ path, message }) => `${path}: ${message}`).join("; ");
  const message = `asks for approval of whatever the rule may concern: ${said}`;
  return { type, status: "False", reason: Reason.InvalidRule, message };
}

function audited(problem: string | undefined): NewCondition | undefined {
  if (problem === undefined) return undefined;
  const message = `events wait, ten thousand at the most: ${problem}`;
  return { type: ConditionType.Audited, status: "False", reason: Reason.AuditLogFailed, message };
}

/** What is known from before a restart stands until another notice says otherwise. */
function delivered(
  { spec: { notify } }: ApprovalPolicy,
  outcomes: Outcomes,
  before: readonly Condition[],
): NewCondition | undefined {
  const type = ConditionType.NotificationsDelivered;
  const channels = (["webhook", "email"] as const).filter((channel) => notify?.[channel]);
  if (channels.length === 0) return undefined;
  const told = channels.flatMap((channel) => {
    const outcome = outcomes.get(channel);
    return outcome ? [{ channel, outcome }] : [];
  });
  if (told.length === 0) return before.find((condition) => condition.type === type);
  const failing = told.flatMap(({ channel, outcome }) =>
    outcome.state === "Delivered" ? [] : [`${channel}: ${outcome.message}`],
  );
  if (failing.length > 0)
    return { type, status: "False", reason: Reason.NotificationsFailed, message: failing.join("; ") };
  return { type, status: "True", reason: Reason.NotificationsDelivered, message: "the last notices were taken" };
}
