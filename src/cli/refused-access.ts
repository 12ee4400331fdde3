import type { AuditEntry } from "../audit/audit-entry.ts";
import { AUTHORIZATION_DECISION, type AuditEvent } from "../server/observe/audit-event.ts";

const KINDS: Readonly<Record<string, string>> = { approvals: "Approval", approvalpolicies: "ApprovalPolicy" };
const READS: ReadonlySet<unknown> = new Set(["get", "list", "watch"]);

interface ServedUser {
  readonly username?: string;
  readonly groups?: readonly string[];
}

interface ServedEvent {
  readonly verb?: string;
  readonly user?: ServedUser;
  readonly impersonatedUser?: ServedUser;
  readonly sourceIPs?: readonly string[];
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** Pure. The line for a write of approvals or their policies that the API server refused for want of a right; else undefined. */
export function refusedAccess(event: AuditEvent, at: Date): AuditEntry | undefined {
  const { verb, user, impersonatedUser, sourceIPs, objectRef, annotations }: ServedEvent = event;
  const { resource = "", apiGroup, namespace, name = "", subresource } = objectRef ?? {};
  const kind = apiGroup === "slipway.dev" ? KINDS[resource] : undefined;
  if (kind === undefined || READS.has(verb) || annotations?.[AUTHORIZATION_DECISION] !== "forbid") return undefined;
  const who = [user, impersonatedUser].flatMap((each) => each?.username ?? []);
  const what = subresource === undefined ? resource : `${resource}/${subresource}`;
  return {
    ...{ type: "Refused", at, part: "access", who, groups: (impersonatedUser ?? user)?.groups, from: sourceIPs?.[0] },
    ...(namespace !== undefined && { namespace }),
    ...(kind === "Approval" ? { approval: { name } } : { object: { kind, name } }),
    reason: `has no right to ${verb} ${what}`,
  };
}
