import { stringify } from "yaml";
import type { Approval } from "../api/v1alpha1/index.ts";
import { UNKNOWN_REQUESTER } from "../approvals/people.ts";
import { isJsonObject } from "../machinery/json-equal.ts";
import { age, timeLeft } from "./age.ts";
import { neededApprovers } from "./approvals-needed.ts";
import { phaseOf } from "./approvals-table.ts";
import { table } from "./table.ts";
import { visible, visibleLines } from "./visible-text.ts";

/** An Approval in full, for whoever decides. Everything in it is shown, and what is not seen in a terminal as its escape. */
export function describeApproval(approval: Approval, now: Date): string {
  const { spec, status = {} } = approval;
  const { review = {} } = spec;
  const parts = [
    facts(approval, now),
    titled(
      "WHY IT IS ASKED",
      ["POLICY", "RULE", "WHAT MATCHED"],
      spec.triggers.map(({ policy, rule, message }) => [policy, rule, message]),
    ),
    titled(
      "WHO DECIDES",
      ["POLICY", "APPROVERS", "NEEDED", "SAID YES", "FROM"],
      neededApprovers(approval).map(deciders),
    ),
    changesText(review.changes),
    titled(
      "GUARDRAILS ON THIS BACKEND",
      ["GUARDRAIL", "ENFORCEMENT", "REASON"],
      (review.enforcement ?? []).map(({ field, enforcement, reason }) => [field, enforcement, reason]),
    ),
    document("WHAT A SCANNER FOUND (unverified: whoever may write the deployment wrote it)", review.scan),
    titled(
      "DECISIONS",
      ["WHO", "VERDICT", "WHEN", "REASON"],
      spec.decisions.map(({ by = "-", verdict, at = "-", reason = "-" }) => [by, verdict, at, reason]),
    ),
    titled(
      "HISTORY",
      ["WHEN", "WHAT", "WHO", "MESSAGE"],
      (status.history ?? []).map(({ at, type, by = "-", message = "" }) => [at, type, by, message]),
    ),
    titled(
      "TOLD",
      ["POLICY", "EVENT", "BY", "STATE", "WHEN"],
      (status.notifications ?? []).map(({ policy, event, channel, state, at = "-" }) => [
        policy,
        event,
        channel,
        state,
        at,
      ]),
    ),
    document("WHAT WOULD RUN", spec.effective),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

function facts(approval: Approval, now: Date): string {
  const { metadata, spec, status = {} } = approval;
  const { deploymentRef, requesters } = spec;
  const rows: [string, string | undefined][] = [
    ["Approval", `${metadata.namespace ?? ""}/${metadata.name}`],
    ["Phase", phaseText(approval, now)],
    [
      "Deployment",
      `${deploymentRef.name} (UID ${deploymentRef.uid}${spec.generation === undefined ? "" : `, generation ${spec.generation}`})`,
    ],
    ["Asked", `${spec.requestedAt} (${age(spec.requestedAt, now)} ago)`],
    ["Requested by", requesters.map(personText).join("; ") || "nobody who is known"],
    ...effectiveFacts(spec.effective),
    ["Image that runs", status.image],
    ["Escalated", status.escalatedAt],
    ["Digest", spec.digest],
  ];
  const told = rows.flatMap(([name, value]) => (value === undefined ? [] : [[`${name}:`, visible(value)]]));
  const notes = (status.conditions ?? []).flatMap(({ type, status: value, reason, message }) =>
    value === "True" && type === "Approved" ? [] : [[type, value, reason, visible(message)]],
  );
  return [
    table(told),
    ...(notes.length === 0 ? [] : [table([["CONDITION", "STATUS", "REASON", "MESSAGE"], ...notes])]),
  ].join("\n");
}

function phaseText(approval: Approval, now: Date): string {
  const { status = {} } = approval;
  const phase = phaseOf(approval);
  if (phase === "Pending") {
    const { expiresAt } = status;
    return expiresAt === undefined ? phase : `${phase}, expires in ${timeLeft(expiresAt, now)} (${expiresAt})`;
  }
  const by = status.decidedBy?.length ? ` by ${status.decidedBy.join(", ")}` : "";
  return `${phase}${by}${status.decidedAt === undefined ? "" : `, ${status.decidedAt}`}`;
}

function personText({ username, groups = [] }: Approval["spec"]["requesters"][number]): string {
  if (username === UNKNOWN_REQUESTER)
    return "somebody unknown: a ConfigMap or a tag changed, or admission was not asked";
  const told = groups.filter((group) => group !== "system:authenticated");
  return told.length === 0 ? username : `${username} (${told.join(", ")})`;
}

/** The members that nobody should have to look for in the document below, read as far as they are there. */
function effectiveFacts(effective: Approval["spec"]["effective"]): [string, string | undefined][] {
  const known = effective as { readonly [name: string]: unknown };
  return [
    ["Backend", textOf(known.backend)],
    ["Source", sourceText(known.source)],
    ["Image", textOf(known.image)],
    ["Guardrails", isJsonObject(known.guardrails) ? textOf(known.guardrails.profile) : undefined],
    ["Resources", isJsonObject(known.resources) ? listText(known.resources) : undefined],
  ];
}

function sourceText(source: unknown): string | undefined {
  if (!isJsonObject(source)) return undefined;
  const { image, git } = source;
  if (isJsonObject(image)) return `image ${textOf(image.reference)}`;
  if (!isJsonObject(git)) return textOf(source);
  const revision = textOf(git.revision) ?? "its default branch";
  const moves = /^[0-9a-f]{40,64}$/.test(revision) ? "" : ", a name: what it means may change after approval";
  return `git ${textOf(git.url)} at ${revision}${moves}`;
}

function listText(members: Readonly<Record<string, unknown>>): string {
  return Object.entries(members)
    .map(([name, value]) => `${name} ${textOf(value)}`)
    .join(", ");
}

function textOf(value: unknown): string | undefined {
  return value === undefined || typeof value === "string" ? value : JSON.stringify(value);
}

function deciders({ policy, people, needed, yes, from }: ReturnType<typeof neededApprovers>[number]): string[] {
  return [policy, people, String(needed), yes.join(", ") || "-", from];
}

function changesText(changes: NonNullable<Approval["spec"]["review"]>["changes"] = []): string {
  // Every version has a backend: where that is new, there was none.
  const isFirst = changes.some(({ field, from }) => field === "backend" && from === undefined);
  if (isFirst) return "CHANGES\n  all of it is new: no version was approved before\n";
  if (changes.length === 0) return "CHANGES\n  none to the version approved last\n";
  const lines = changes.flatMap(({ field, from, to }) => [
    `  ${visible(field)}`,
    `    - ${from === undefined ? "(absent)" : visible(from)}`,
    `    + ${to === undefined ? "(absent)" : visible(to)}`,
  ]);
  return `CHANGES TO THE VERSION APPROVED LAST\n${lines.join("\n")}\n`;
}

function titled(title: string, header: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  return `${title}\n${indented(
    table([header, ...rows.map((row) => row.map(visible))])
      .trimEnd()
      .split("\n"),
  )}`;
}

function document(title: string, value: object | undefined): string {
  if (value === undefined || Object.keys(value).length === 0) return "";
  return `${title}\n${indented(visibleLines(stringify(value, { lineWidth: 0 }).trimEnd()))}`;
}

function indented(lines: readonly string[]): string {
  return lines.map((line) => `  ${line}\n`).join("");
}
