import { asksForDecision, headline, type NoticeFacts } from "./notice-facts.ts";

/** Lines that say why; the rest is in the members of the body. */
const MOST_TRIGGERS = 5;

/**
 * A message for chat tools that read Slack's markup. Whatever strangers wrote stands in code spans, where no tool makes links,
 * mentions or formats of it.
 */
export function chatText(facts: NoticeFacts): string {
  const { namespace, approval, deployment, requesters, triggers, decisions, expiresAt } = facts;
  const lines = [
    `*${headline(facts)}*: ${quoted(`${namespace}/${deployment}`)}, asked for by ${requesters.map(quoted).join(", ")}`,
    ...triggers.slice(0, MOST_TRIGGERS).map(({ rule, message }) => `• rule ${quoted(rule)}: ${quoted(message)}`),
  ];
  if (triggers.length > MOST_TRIGGERS) lines.push(`• and ${triggers.length - MOST_TRIGGERS} more`);
  if (asksForDecision(facts)) {
    if (expiresAt !== undefined) lines.push(`Expires ${quoted(expiresAt)}`);
    lines.push(`Look: ${quoted(`slipway describe ${approval} -n ${namespace}`)}`);
  }
  for (const { verdict, by, reason } of decisions) {
    lines.push(`${verdict} by ${quoted(by)}${reason === "" ? "" : `: ${quoted(reason)}`}`);
  }
  return lines.join("\n");
}

/**
 * As a code span, which nothing in it can end. The three characters are those that Slack wants escaped.
 * @see https://api.slack.com/reference/surfaces/formatting#escaping
 */
export function quoted(text: string): string {
  const escaped = text.replaceAll("`", "'").replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `\`${escaped === "" ? " " : escaped}\``;
}
