import type { Approval } from "../api/v1alpha1/index.ts";
import { stateOf } from "../approvals/state.ts";

/** How it stands with one policy of an Approval, as far as the Approval tells. */
export interface NeededApprovers {
  readonly policy: string;
  /** Who may decide, in words. */
  readonly people: string;
  /** How many different people have to say yes. */
  readonly needed: number;
  /** Who of them has. */
  readonly yes: readonly string[];
  /** Others who may decide later on. */
  readonly from: string;
}

/**
 * For people, from what the policies said when they asked. Whether a decision counts, the controller says in the status: it
 * knows the policies as they are now, and the keys.
 */
export function neededApprovers(approval: Approval): NeededApprovers[] {
  const { decisions, policies } = approval.spec;
  // Without keys nothing is known of who has decided, but how many have to.
  const { tally } = stateOf(approval, undefined, new Date(0));
  return policies.map(({ name, approvers, escalation }) => {
    const yes = decisions.filter((each) => each.verdict === "Approved" && each.policies?.includes(name));
    return {
      policy: name,
      people: peopleText(approvers),
      needed: tally.find(({ policy }) => policy === name)?.required ?? 1,
      yes: [...new Set(yes.flatMap(({ by }) => (by === undefined ? [] : [by])))],
      from: escalation ? `after ${escalation.afterHours}h also ${peopleText(escalation)}` : "-",
    };
  });
}

function peopleText({ groups = [], users = [] }: { groups?: readonly string[]; users?: readonly string[] }): string {
  const parts = [...groups.map((group) => `group ${group}`), ...users.map((user) => `user ${user}`)];
  return parts.join(", ") || "nobody";
}
