import type { Approval, ApprovalPolicy } from "../api/v1alpha1/index.ts";
import type { Person } from "./requesters.ts";
import { hoursAfter, isRequester } from "./state.ts";

export interface DeciderQuestion {
  /** The policy of that name as it is now; undefined where there is none. */
  policy(name: string): ApprovalPolicy | undefined;
  readonly now: Date;
}

export interface Competence {
  /** The policies of the Approval that take the person for an approver. */
  readonly policies: string[];
  /** Why there is none, for people. */
  readonly refusal?: string;
}

/**
 * Pure. Who may decide is asked of a policy as it is now, so that taking somebody off it works at once. Where it is gone,
 * or another one of its name, its copy in the Approval counts: deleting a policy makes nobody an approver.
 */
export function policiesDecidedBy(approval: Approval, person: Person, question: DeciderQuestion): Competence {
  const { spec } = approval;
  const approving = spec.policies.filter((copy) =>
    isApprover(person, currentOf(copy, question), since(spec, question)),
  );
  if (approving.length === 0) {
    const names = spec.policies.map(({ name }) => name).join(", ");
    return { policies: [], refusal: `you are no approver of ${names}` };
  }
  // Both have to say so: what was asked under the stricter rule is decided under it.
  const may = approving.filter(
    (copy) =>
      !isRequester(person.username, spec) ||
      (copy.requesterMayApprove === true && currentOf(copy, question).requesterMayApprove === true),
  );
  if (may.length > 0) return { policies: may.map(({ name }) => name) };
  return { policies: [], refusal: "it is your own request: you changed what it is about, so somebody else decides" };
}

type Policy = Approval["spec"]["policies"][number];
type Approving = Pick<Policy, "approvers" | "escalation" | "requesterMayApprove">;

function currentOf(copy: Policy, { policy }: DeciderQuestion): Approving {
  const current = policy(copy.name);
  return current && current.metadata.uid === copy.uid ? current.spec : copy;
}

/** Whether the request is that many hours old. */
function since({ requestedAt }: Approval["spec"], { now }: DeciderQuestion): (hours: number) => boolean {
  return (hours) => now >= hoursAfter(requestedAt, hours);
}

function isApprover(
  person: Person,
  { approvers, escalation }: Approving,
  isOlder: (hours: number) => boolean,
): boolean {
  if (isAmong(person, approvers)) return true;
  return escalation !== undefined && isOlder(escalation.afterHours) && isAmong(person, escalation);
}

interface People {
  readonly groups?: readonly string[];
  readonly users?: readonly string[];
}

function isAmong({ username, groups }: Person, people: People): boolean {
  return people.users?.includes(username) === true || people.groups?.some((group) => groups.includes(group)) === true;
}
