import type { ApprovalRecord } from "../controllers/approval/audit.ts";
import { inOneLine } from "../machinery/one-line.ts";

/** What happened, before it has its place in a chain. */
export interface AuditEntry {
  /** PascalCase: Requested, Decided, Refused, Approved and so on; ChainStarted, Healed and Lost are the log's own. */
  readonly type: string;
  readonly at: Date;
  /** Who tells it; `access`: refused for want of a right. */
  readonly part: "access" | "admission" | "controller" | "audit";
  /** User names; empty where time did it. */
  readonly who: readonly string[];
  readonly groups?: readonly string[] | undefined;
  /** Address of the client. */
  readonly from?: string | undefined;
  readonly namespace?: string | undefined;
  readonly approval?: ObjectName | undefined;
  readonly deployment?: ObjectName | undefined;
  /** What else it is about. */
  readonly object?: (ObjectName & { readonly kind: string }) | undefined;
  readonly verdict?: "Approved" | "Rejected" | undefined;
  readonly digest?: string | undefined;
  /** Written by strangers. */
  readonly reason?: string | undefined;
  /** Refusals of the same user before this one that were too many to be listed. */
  readonly unlisted?: number | undefined;
}

export interface ObjectName {
  readonly name: string;
  readonly uid?: string | undefined;
}

const MOST_NAMES = 64;
const MOST_CHARACTERS = 1_024;

/** What the controllers tell. */
export function entryOf(record: ApprovalRecord): AuditEntry {
  const { at, type, who, namespace, approval, deployment, digest, reason } = record;
  return { at, type, part: "controller", who, namespace, approval, deployment, digest, reason };
}

/** Its members in the order of a line, texts cut and in one line, so that a line has at most some 200 KB. */
export function boundedEntry(entry: AuditEntry): Record<string, unknown> {
  const { type, at, part, who, groups, from, namespace, approval, deployment, object, verdict, digest } = entry;
  return {
    ...{ time: at.toISOString(), type: cut(type), part, who: names(who) },
    ...{ groups: groups && names(groups), from: from && cut(from), namespace: namespace && cut(namespace) },
    ...{ approval: approval && objectName(approval), deployment: deployment && objectName(deployment) },
    ...{ object: object && { kind: cut(object.kind), ...objectName(object) } },
    ...{ verdict, digest: digest && cut(digest), reason: entry.reason && cut(entry.reason) },
    ...{ unlisted: entry.unlisted },
  };
}

function objectName({ name, uid }: ObjectName): ObjectName {
  return { name: cut(name), ...(uid !== undefined && { uid: cut(uid) }) };
}

function names(all: readonly string[]): string[] {
  return all.slice(0, MOST_NAMES).map(cut);
}

function cut(text: string): string {
  const line = inOneLine(text);
  return line.length <= MOST_CHARACTERS ? line : `${line.slice(0, MOST_CHARACTERS - 1).toWellFormed()}…`;
}
