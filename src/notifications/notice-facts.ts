import type { ApprovalNotice } from "../controllers/approval/notifier.ts";
import { inOneLine } from "../machinery/one-line.ts";

/** What is told of an approval. All texts are those of strangers, in one line and cut. */
export interface NoticeFacts {
  readonly event: ApprovalNotice["event"];
  readonly policy: string;
  readonly namespace: string;
  readonly approval: string;
  readonly deployment: string;
  readonly digest: string;
  readonly requesters: readonly string[];
  readonly triggers: readonly { readonly policy: string; readonly rule: string; readonly message: string }[];
  readonly decisions: readonly Decision[];
  readonly requestedAt: string;
  readonly expiresAt: string | undefined;
}

interface Decision {
  readonly verdict: "Approved" | "Rejected";
  readonly by: string;
  readonly at: string;
  readonly reason: string;
}

/** Of each list; an approval can have hundreds. */
const MOST_ITEMS = 20;
const MOST_CHARACTERS = 1_024;

/** Decisions that admission did not stamp have no author, and are not told. */
export function factsOf({ event, approval, policy }: ApprovalNotice): NoticeFacts {
  const { metadata, spec, status } = approval;
  const decisions = spec.decisions.flatMap(({ verdict, by, at, reason }) =>
    by === undefined || at === undefined ? [] : [{ verdict, by: shown(by), at, reason: shown(reason ?? "") }],
  );
  return {
    event,
    policy: policy.metadata.name,
    namespace: metadata.namespace ?? "",
    approval: metadata.name,
    deployment: spec.deploymentRef.name,
    digest: spec.digest,
    requesters: spec.requesters.slice(0, MOST_ITEMS).map(({ username }) => shown(username)),
    triggers: spec.triggers.slice(0, MOST_ITEMS).map(({ policy: name, rule, message }) => ({
      policy: shown(name),
      rule: shown(rule),
      message: shown(message),
    })),
    decisions: decisions.slice(0, MOST_ITEMS),
    requestedAt: spec.requestedAt,
    expiresAt: status?.expiresAt,
  };
}

function shown(text: string): string {
  const line = inOneLine(text).trim();
  return line.length <= MOST_CHARACTERS ? line : `${line.slice(0, MOST_CHARACTERS - 1).toWellFormed()}…`;
}

/** What happened, in a few words. */
export function headline({ event }: NoticeFacts): string {
  return {
    Requested: "Approval needed",
    Escalated: "Approval still needed",
    Approved: "Approved",
    Rejected: "Rejected",
    Expired: "Expired without a decision",
  }[event];
}

/** True while somebody is asked to decide. */
export function asksForDecision({ event }: NoticeFacts): boolean {
  return event === "Requested" || event === "Escalated";
}
