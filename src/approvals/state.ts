import type { Approval, ApprovalStatus } from "../api/v1alpha1/index.ts";
import { authenticDecisions, type StampedDecision } from "./decisions.ts";
import { isPerson } from "./people.ts";
import { isSealed } from "./seal.ts";
import type { StampKeys } from "./stamp-keys.ts";

export type ApprovalPhase = NonNullable<ApprovalStatus["phase"]>;

/** How an Approval stands. */
export interface ApprovalState {
  readonly phase: ApprovalPhase;
  /** When it expires unless it is decided before. */
  readonly expiresAt: Date;
  /** When the first of its policies asks others, too; undefined where none does. */
  readonly escalatesAt: Date | undefined;
  /** When it stopped to be Pending; undefined while it is, or where the status does not say. */
  readonly decidedAt: Date | undefined;
  /** Whose decisions did it. */
  readonly decidedBy: readonly string[];
  readonly tally: readonly PolicyTally[];
  /** Whether the controller wrote it as it stands, decisions aside. False without a key, which nothing can be checked by. */
  readonly isSealed: boolean;
  /** Why a policy refuses without asking anybody, for people. */
  readonly refusal: string | undefined;
  /** What was written past admission or controller, for people. Neither Approved nor Expired then. */
  readonly problem: string | undefined;
}

export interface PolicyTally {
  readonly policy: string;
  readonly approved: number;
  readonly required: number;
}

type Policy = Approval["spec"]["policies"][number];

const HOUR_MS = 60 * 60_000;

/** What a status may say that nothing else shows: it is over. */
const CLOSING: ReadonlySet<ApprovalPhase | undefined> = new Set<ApprovalPhase>(["Rejected", "Expired", "Superseded"]);

/**
 * Pure. Looks at what is authentic and at nothing else, but for a status that closes the Approval: that is believed, so that
 * a clock that goes back opens nothing again.
 */
export function stateOf(approval: Approval, keys: StampKeys | undefined, now: Date): ApprovalState {
  const { spec, status } = approval;
  const expiresAt = expiryOf(spec);
  const decisions = keys ? authenticDecisions(approval, keys) : [];
  const tally = spec.policies.map((policy) => tallyOf(policy, { spec, decisions, expiresAt }));
  const refusal = refusalOf(spec);
  const sealed = keys !== undefined && isSealed(approval, keys);
  const problem = problemOf(approval, decisions, { keys, sealed });
  const common = { expiresAt, escalatesAt: escalationOf(spec), tally, isSealed: sealed, refusal, problem };

  const rejection = decisions.find(({ verdict }) => verdict === "Rejected");
  if (rejection) {
    return { ...common, phase: "Rejected", decidedAt: new Date(rejection.at), decidedBy: [rejection.by] };
  }
  const { phase = "Pending", decidedAt } = status ?? {};
  if (CLOSING.has(phase)) {
    return {
      ...common,
      phase,
      decidedAt: decidedAt ? new Date(decidedAt) : undefined,
      decidedBy: status?.decidedBy ?? [],
    };
  }
  if (refusal !== undefined) {
    return { ...common, phase: "Rejected", decidedAt: new Date(spec.requestedAt), decidedBy: [] };
  }
  // Nor is it over then: a key that is away for an hour must end nothing.
  if (problem !== undefined) return { ...common, phase: "Pending", decidedAt: undefined, decidedBy: [] };
  if (tally.every(({ approved, required }) => approved >= required)) {
    const { at, by } = decisive(decisions, { spec, expiresAt });
    return { ...common, phase: "Approved", decidedAt: at, decidedBy: by };
  }
  // Not before: a time that nobody can read has passed.
  if (!(now < expiresAt)) return { ...common, phase: "Expired", decidedAt: expiresAt, decidedBy: [] };
  return { ...common, phase: "Pending", decidedAt: undefined, decidedBy: [] };
}

/** The shortest timeout of its policies counts. */
function expiryOf({ requestedAt, policies }: Approval["spec"]): Date {
  return hoursAfter(requestedAt, Math.min(...policies.map(({ timeoutHours }) => timeoutHours)));
}

function escalationOf({ requestedAt, policies }: Approval["spec"]): Date | undefined {
  const hours = policies.flatMap(({ escalation }) => escalation?.afterHours ?? []);
  return hours.length === 0 ? undefined : hoursAfter(requestedAt, Math.min(...hours));
}

export function hoursAfter(time: string, hours: number): Date {
  return new Date(Date.parse(time) + hours * HOUR_MS);
}

interface Cast {
  readonly spec: Approval["spec"];
  readonly decisions: readonly StampedDecision[];
  readonly expiresAt: Date;
}

function tallyOf(policy: Policy, cast: Cast): PolicyTally {
  return { policy: policy.name, approved: approversOf(policy, cast).length, required: requiredBy(policy, cast.spec) };
}

/** Who said yes for the policy, in order, each once. */
function approversOf(policy: Policy, { spec, decisions, expiresAt }: Cast): readonly string[] {
  const counted = decisions.filter(
    ({ verdict, policies, at, by }) =>
      verdict === "Approved" &&
      policies.includes(policy.name) &&
      new Date(at) < expiresAt &&
      (policy.requesterMayApprove === true || !isRequester(by, spec)),
  );
  return [...new Set(counted.map(({ by }) => by))];
}

/** Two where nobody is known who asked, since the only approver may be who did. */
function requiredBy({ approvers, serviceAccountRequests }: Policy, spec: Approval["spec"]): number {
  const required = approvers.required ?? 1;
  return isAskedByPeople(spec) || serviceAccountRequests === "Allow" ? required : Math.max(required, 2);
}

/** Also false where no writer is known, as of a ConfigMap or of a tag that was moved. */
function isAskedByPeople({ requesters }: Approval["spec"]): boolean {
  return requesters.length > 0 && requesters.every(({ username }) => isPerson(username));
}

export function isRequester(username: string, { requesters }: Approval["spec"]): boolean {
  return requesters.some((requester) => requester.username === username);
}

function refusalOf(spec: Approval["spec"]): string | undefined {
  const refusing = spec.policies.find(({ serviceAccountRequests }) => serviceAccountRequests === "Refuse");
  if (!refusing || isAskedByPeople(spec)) return undefined;
  const name = JSON.stringify(refusing.name);
  return `no person asked for this, and ApprovalPolicy ${name} refuses what service accounts ask for; let a person ask for it`;
}

/** The yes that completed it, and all that it took. */
function decisive(decisions: readonly StampedDecision[], { spec, expiresAt }: Omit<Cast, "decisions">) {
  for (let end = 1; ; end++) {
    const until = { spec, expiresAt, decisions: decisions.slice(0, end) };
    if (end < decisions.length && !spec.policies.every((policy) => isSatisfied(policy, until))) continue;
    const by = new Set(spec.policies.flatMap((policy) => approversOf(policy, until)));
    return { at: new Date(until.decisions.at(-1)?.at ?? spec.requestedAt), by: [...by] };
  }
}

function isSatisfied(policy: Policy, cast: Cast): boolean {
  const { approved, required } = tallyOf(policy, cast);
  return approved >= required;
}

function problemOf(
  approval: Approval,
  authentic: readonly StampedDecision[],
  { keys, sealed }: { readonly keys: StampKeys | undefined; readonly sealed: boolean },
): string | undefined {
  if (!keys) return "the key of the stamps is missing, so nothing of it can be checked";
  if (!sealed) return "spec.seal does not fit: something else than the controller wrote it";
  const at = authentic.length;
  if (at === approval.spec.decisions.length) return undefined;
  return `spec.decisions[${at}] has no authentic stamp: it was written without admission being asked`;
}
