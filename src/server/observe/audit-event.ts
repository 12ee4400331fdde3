import type { UserInfo } from "../access/access.ts";
import { header } from "../http/answer.ts";
import { RESTORE_PATH } from "../http/restore-request.ts";
import type { ServedRequest } from "./served-request.ts";

/** An audit.k8s.io/v1 Event of level Metadata: who did what to which object, and how it ended. No body of anything. */
export type AuditEvent = Readonly<Record<string, unknown>>;

/** Annotation of a request that was refused for want of a right: `forbid`. */
export const AUTHORIZATION_DECISION = "authorization.k8s.io/decision";

const WRITES: ReadonlySet<string> = new Set(["create", "update", "patch", "delete", "deletecollection"]);

/** Written all the time by programs, and of no consequence. Kubernetes' own example of a policy leaves such out. */
const NOISE: ReadonlySet<string> = new Set(["/events", "events.k8s.io/events", "coordination.k8s.io/leases"]);

/** Longer ones are cut: strangers choose them. */
const MAX_TEXT = 2_048;

/**
 * Whether a request belongs into the audit log: everything that changes something or gives away a credential, and every
 * attempt at anything that was refused for want of a right.
 */
export function isAudited({ http, path, verb, code }: ServedRequest): boolean {
  if (code === 401 || code === 403) return true;
  if (!path) return verb === "post" && http.path === RESTORE_PATH;
  if (!WRITES.has(verb)) return false;
  if (NOISE.has(`${path.group}/${path.resource}`)) return false;
  // Reviews ask and change nothing; a token that is made is no review.
  return !(path.group === "authorization.k8s.io" || path.group === "authentication.k8s.io");
}

/** @see https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/ for the fields */
export function auditEvent(request: ServedRequest): AuditEvent {
  const { http, path, verb, user, code, auditId, annotations, remoteAddress, receivedAt, tookMs } = request;
  const query = http.query.size > 0 ? `?${http.query}` : "";
  const agent = header(http, "user-agent");
  return {
    kind: "Event",
    apiVersion: "audit.k8s.io/v1",
    level: "Metadata",
    auditID: auditId,
    stage: "ResponseComplete",
    requestURI: cut(`${http.path}${query}`),
    verb,
    ...identity(user),
    sourceIPs: [remoteAddress],
    ...(agent !== "" && { userAgent: cut(agent) }),
    ...(path && { objectRef: objectRef(request) }),
    responseStatus: { metadata: {}, code },
    requestReceivedTimestamp: micros(receivedAt),
    stageTimestamp: micros(new Date(receivedAt.getTime() + tookMs)),
    ...(annotations.size > 0 && { annotations: Object.fromEntries(annotations) }),
  };
}

/** Kubernetes names the one who has the credential as user, and whom they act as apart. */
function identity(user: UserInfo | undefined) {
  if (!user) return { user: {} };
  const { impersonator } = user;
  return impersonator ? { user: shown(impersonator), impersonatedUser: shown(user) } : { user: shown(user) };
}

function shown({ username, uid, groups, extra }: UserInfo) {
  return { username, ...(uid !== undefined && { uid }), groups, ...(extra && { extra }) };
}

function objectRef({ path, answer, code }: ServedRequest) {
  const { group = "", version, resource, subresource, namespace, name } = path ?? {};
  const created = name === "" && code === 201 ? nameIn(answer?.body) : undefined;
  const known = { resource, namespace, name: created ?? name, apiGroup: group, apiVersion: version, subresource };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== ""));
}

/** The name that a new object got, out of its JSON. */
function nameIn(body: string | Buffer | undefined): string | undefined {
  const text = typeof body === "string" ? body : "";
  return /"metadata":\{(?:"generateName":"[^"\\]*",)?"name":"([^"\\]*)"/.exec(text)?.[1];
}

/** Webhooks choose these, so there are no more than that. */
const MAX_ANNOTATIONS = 64;

/** Takes notes for the audit log. The first of a key stays, as in Kubernetes. */
export function annotator(annotations: Map<string, string>): (key: string, value: string) => void {
  return (key, value) => {
    if (annotations.size < MAX_ANNOTATIONS && !annotations.has(key)) annotations.set(cut(key), cut(value));
  };
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}

function micros(time: Date): string {
  return time.toISOString().replace("Z", "000Z");
}
