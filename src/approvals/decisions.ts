import type { Approval } from "../api/v1alpha1/index.ts";
import type { StampKeys } from "./stamp-keys.ts";
import { isStampOf, stampOf } from "./stamps.ts";

export type Decision = Approval["spec"]["decisions"][number];

/** A decision as admission stamped it. */
export type StampedDecision = Decision & Required<Omit<Decision, "reason">>;

export interface Deciding {
  readonly user: string;
  readonly now: Date;
  /** The policies that take the person for an approver. */
  readonly policies: readonly string[];
  readonly keys: StampKeys;
}

/**
 * The decision as it is stored: who, when, for which policies, and a stamp that binds it to this Approval (its UID, its
 * seal) and to the decision before it, so that none can be moved, altered, or taken out from between.
 */
export function stampDecision(
  approval: Approval,
  given: Decision,
  { user, now, policies, keys }: Deciding,
): StampedDecision {
  const { verdict, reason } = given;
  const said = {
    verdict,
    ...(reason === undefined ? {} : { reason }),
    by: user,
    at: now.toISOString(),
    policies: [...policies],
  };
  return { ...said, stamp: stampOf("decision", statementOf(approval, said, approval.spec.decisions.at(-1)), keys) };
}

/** The decisions up to the first that admission has not stamped; behind that nothing counts. */
export function authenticDecisions(approval: Approval, keys: StampKeys): readonly StampedDecision[] {
  const { decisions } = approval.spec;
  const end = decisions.findIndex((decision, at) => !isAuthentic(approval, decision, decisions[at - 1], keys));
  return (end < 0 ? decisions : decisions.slice(0, end)) as StampedDecision[];
}

function isAuthentic(approval: Approval, decision: Decision, before: Decision | undefined, keys: StampKeys): boolean {
  const { stamp, ...said } = decision;
  const { by, at, policies } = said;
  if (by === undefined || at === undefined || policies === undefined) return false;
  return isStampOf(stamp, "decision", statementOf(approval, said, before), keys);
}

function statementOf(
  { metadata, spec }: Approval,
  said: Omit<Decision, "stamp">,
  before: Decision | undefined,
): unknown {
  const { namespace = "", name, uid } = metadata;
  return { approval: { namespace, name, uid }, seal: spec.seal, after: before?.stamp ?? "", said };
}
