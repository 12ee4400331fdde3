import type { Approval, ApprovalPolicy } from "../../../api/v1alpha1/index.ts";
import type { ApprovalState } from "../../../approvals/state.ts";
import type { Trigger } from "../../../approvals/triggers.ts";

/** An Approval that the controller made, and how it stands. */
export interface Judged {
  readonly approval: Approval;
  readonly state: ApprovalState;
}

/** A policy as an Approval keeps it. */
export type AskingPolicy = Approval["spec"]["policies"][number];

/** How one version of a deployment stands to those who may approve it. */
export type Standing =
  /** No policy asks about it. */
  | { readonly kind: "free" }
  | { readonly kind: "approved" | "pending" | "rejected" | "expired"; readonly by: Judged }
  /** Policies ask about it that nobody was asked for yet, or whose question is void. */
  | { readonly kind: "unasked"; readonly policies: readonly AskingPolicy[] };

export interface StandingInput {
  readonly digest: string;
  /** The rules that match this version today. */
  readonly triggers: readonly Trigger[];
  /** Of this deployment, of all digests. */
  readonly judged: readonly Judged[];
  /** Value of the annotation that asks again for what expired. */
  readonly request: string | undefined;
}

/** Pure. See docs/design/approvals.md, "When approval is needed". */
export function standingOf({ digest, triggers, judged, request }: StandingInput): Standing {
  const earlier = judged.filter(({ approval }) => approval.spec.digest === digest).sort(byAge);
  const rejected = earlier.find(({ state }) => state.phase === "Rejected");
  if (rejected) return { kind: "rejected", by: rejected };

  const approved = earlier.filter(({ state }) => state.phase === "Approved");
  const settled = new Set(approved.flatMap(policyUids));
  const asking = new Map(triggers.map(({ policy }) => [policy.metadata.uid, copyOf(policy)]));
  for (const uid of settled) asking.delete(uid);
  const asked: Judged[] = [];
  for (const [uid, question] of openQuestions(earlier, settled)) {
    if (isVoid(question, request)) {
      keepAsking(asking, uid, question);
    } else {
      asking.delete(uid);
      asked.push(question);
    }
  }
  if (asking.size > 0) return { kind: "unasked", policies: [...asking.values()] };
  const expired = asked.find(({ state }) => state.phase === "Expired");
  if (expired) return { kind: "expired", by: expired };
  // One with something wrong in it says more.
  const pending = asked.find(({ state }) => state.problem !== undefined) ?? asked[0];
  if (pending) return { kind: "pending", by: pending };
  const last = approved.at(-1);
  return last ? { kind: "approved", by: last } : { kind: "free" };
}

/** The newest question for each policy, by its UID, that has not said yes. */
function openQuestions(earlier: readonly Judged[], settled: ReadonlySet<string>): ReadonlyMap<string, Judged> {
  const open = new Map<string, Judged>();
  for (const each of earlier) for (const uid of policyUids(each)) if (!settled.has(uid)) open.set(uid, each);
  return open;
}

/** Whether a question has to be asked once more: its version was given up meanwhile, or somebody asks again. */
function isVoid({ approval, state }: Judged, request: string | undefined): boolean {
  return state.phase === "Superseded" || (state.phase === "Expired" && isAskedAgain(approval, request));
}

/** A policy that is gone, and has no successor of its name, goes on asking by its copy: nothing is released by deleting it. */
function keepAsking(asking: Map<string, AskingPolicy>, uid: string, { approval, state }: Judged): void {
  // What expired and is asked again is asked of those who would be asked today.
  if (state.phase !== "Superseded" || asking.has(uid)) return;
  const copy = approval.spec.policies.find((policy) => policy.uid === uid);
  const isReplaced = [...asking.values()].some(({ name }) => name === copy?.name);
  if (copy && !isReplaced) asking.set(uid, copy);
}

/** Pure. The version that was approved last, whichever runs. */
export function approvedLast(judged: readonly Judged[]): Approval | undefined {
  const approved = judged.filter(({ state }) => state.phase === "Approved");
  return approved.toSorted((a, b) => decidedAt(a) - decidedAt(b)).at(-1)?.approval;
}

/** Pure. Those Approvals of versions to which every one of these policies has said yes. */
export function approvedByAll(judged: readonly Judged[], policies: readonly AskingPolicy[]): readonly Judged[] {
  const approved = judged.filter(({ state }) => state.phase === "Approved");
  return approved.filter(({ approval }) => {
    const same = approved.filter((each) => each.approval.spec.digest === approval.spec.digest);
    const settled = new Set(same.flatMap(policyUids));
    return policies.every(({ uid }) => settled.has(uid));
  });
}

/** Another value of the annotation than the one that led to it; none asks for nothing. */
function isAskedAgain({ spec }: Approval, request: string | undefined): boolean {
  return request !== undefined && request !== spec.request;
}

function policyUids({ approval }: Judged): string[] {
  return approval.spec.policies.map(({ uid }) => uid);
}

function copyOf({ metadata: { name, uid }, spec }: ApprovalPolicy): AskingPolicy {
  const { approvers, requesterMayApprove, serviceAccountRequests, timeoutHours, escalation } = spec;
  return {
    ...{ name, uid, approvers, requesterMayApprove, serviceAccountRequests, timeoutHours },
    ...(escalation && { escalation }),
  };
}

function byAge(a: Judged, b: Judged): number {
  const difference = Date.parse(a.approval.spec.requestedAt) - Date.parse(b.approval.spec.requestedAt);
  return difference || (a.approval.metadata.name < b.approval.metadata.name ? -1 : 1);
}

function decidedAt({ state }: Judged): number {
  return state.decidedAt?.getTime() ?? 0;
}
