import { createHash } from "node:crypto";
import type { ApprovalNotice } from "../controllers/approval/notifier.ts";
import { isMailAddress, type Mailbox } from "./mail-address.ts";
import { asksForDecision, factsOf, headline, type NoticeFacts } from "./notice-facts.ts";

export interface EmailMessage {
  /** Those that the policy names. */
  readonly to: readonly string[];
  /** Requesters, who see nobody's address. */
  readonly bcc: readonly string[];
  readonly subject: string;
  readonly text: string;
  readonly messageId: string;
}

/** Requesters who are told; an approval can have hundreds. */
const MOST_REQUESTERS = 32;
const SUBJECT_CHARACTERS = 150;

/**
 * The mail for a notice: text alone. Decisions and expiries go to the requesters, too, where the API server knows them by their
 * e-mail addresses. A repetition has the same Message-ID, by which mail programs tell it.
 */
export function emailMessage(notice: ApprovalNotice, from: Mailbox): EmailMessage {
  const facts = factsOf(notice);
  const to = (notice.policy.spec.notify?.email?.to ?? []).filter(isMailAddress);
  const usernames = notice.approval.spec.requesters.map(({ username }) => username);
  const told = asksForDecision(facts) ? [] : usernames.filter((name) => isMailAddress(name) && !to.includes(name));
  const id = createHash("sha256").update(notice.id).digest("hex").slice(0, 32);
  return {
    to,
    bcc: told.slice(0, MOST_REQUESTERS),
    subject: `[slipway] ${headline(facts)}: ${facts.namespace}/${facts.deployment}`.slice(0, SUBJECT_CHARACTERS),
    text: textOf(facts),
    messageId: `<${id}.slipway@${from.address.split("@")[1]}>`,
  };
}

function textOf(facts: NoticeFacts): string {
  const { namespace, approval, deployment, policy, digest, requesters, triggers, decisions } = facts;
  return [
    `${headline(facts)}.`,
    "",
    `Deployment:   ${namespace}/${deployment}`,
    `Approval:     ${approval}`,
    `Policy:       ${policy}`,
    `Digest:       ${digest}`,
    `Asked for by: ${requesters.join(", ")}`,
    `Asked at:     ${facts.requestedAt}`,
    ...(asksForDecision(facts) && facts.expiresAt !== undefined ? [`Expires at:   ${facts.expiresAt}`] : []),
    "",
    "Why approval is needed:",
    ...triggers.map(({ policy: name, rule, message }) => `  ${name}, rule ${rule}: ${message}`),
    ...(decisions.length > 0 ? ["", "Decisions, with the reasons that were given:"] : []),
    ...decisions.map(
      ({ verdict, by, at, reason }) => `  ${verdict} by ${by} at ${at}${reason === "" ? "" : `: ${reason}`}`,
    ),
    ...(asksForDecision(facts)
      ? [
          "",
          "Look at it, then decide:",
          `  slipway describe ${approval} -n ${namespace}`,
          `  slipway approve ${approval} -n ${namespace} --reason "…"`,
          `  slipway reject ${approval} -n ${namespace} --reason "…"`,
        ]
      : []),
    "",
  ].join("\n");
}
