import { approvalsAreDecided } from "./approval-decision.ts";
import { approvalPoliciesAreReadable } from "./approval-policy-values.ts";
import {
  approvalStatusIsReported,
  approvalsAreMadeByTheController,
  approvalsStay,
  deploymentStatusIsReported,
} from "./approval-writes.ts";
import { builtInProfilesStay } from "./built-in-profiles.ts";
import { guardrailValuesAreReadable } from "./guardrail-values.ts";
import { profileInUseStays } from "./profile-in-use.ts";
import { requestersAreStamped } from "./requester-stamps.ts";
import { unknownProfilesAreSaid } from "./unknown-profiles.ts";
import { unwatchedNamespacesAreSaid } from "./unwatched-namespaces.ts";
import type { Amendment, Known, Refusal, Rule, Write } from "./write.ts";

/** In the order in which they are asked; the first refusal counts. */
const RULES: readonly Rule[] = [
  builtInProfilesStay,
  profileInUseStays,
  guardrailValuesAreReadable,
  approvalPoliciesAreReadable,
  requestersAreStamped,
  approvalsAreMadeByTheController,
  approvalStatusIsReported,
  deploymentStatusIsReported,
  approvalsStay,
  approvalsAreDecided,
  unknownProfilesAreSaid,
  unwatchedNamespacesAreSaid,
];

type Subject = Parameters<Rule["concerns"]>[0];

/** Cheap: false for nearly every write. */
export function isJudged(write: Subject): boolean {
  return RULES.some((rule) => rule.concerns(write));
}

/** Cheap: whether the first half of admission has anything to do with such writes. */
export function isAmended(write: Subject): boolean {
  return RULES.some((rule) => rule.amend !== undefined && rule.concerns(write));
}

export interface Verdict {
  readonly refusal: Refusal | undefined;
  readonly warnings: readonly string[];
  /** Whether approvals are what it is about. */
  readonly isAudited: boolean;
}

export type Amended = Amendment & Pick<Verdict, "isAudited">;

/** Pure. The first half: what is to be stored instead. Comes before validation by schema, and after all who change the object. */
export function amend(write: Write, known: Known): Amended | undefined {
  let amended: Amended | undefined;
  for (const rule of RULES) {
    if (rule.amend === undefined || !rule.concerns(write)) continue;
    const { isAudited = false } = rule;
    const amendment = rule.amend({ ...write, object: amended?.object ?? write.object }, known);
    if (amendment?.refusal) return { ...amendment, isAudited };
    if (amendment) amended = { ...amendment, isAudited };
  }
  return amended;
}

/** Pure. The second half: what Slipway says of a write as it will be stored, in process and as a webhook alike. */
export function judge(write: Write, known: Known): Verdict {
  const warnings: string[] = [];
  let isAudited = false;
  for (const rule of RULES.filter((each) => each.concerns(write))) {
    const refusal = rule.refusal?.(write, known);
    if (refusal) return { refusal, warnings, isAudited: rule.isAudited === true };
    isAudited ||= rule.isAudited === true;
    warnings.push(...(rule.warnings?.(write, known) ?? []));
  }
  return { refusal: undefined, warnings, isAudited };
}
