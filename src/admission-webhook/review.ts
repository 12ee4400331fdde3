import type { Admission, NamedWrite } from "../admission/admission.ts";
import { refusalStatus } from "../admission/refusal-status.ts";
import { isAmended, isJudged } from "../admission/rules.ts";
import type { Refusal, Writer } from "../admission/write.ts";
import { ImpersonatorExtra } from "../api/impersonator.ts";
import type { KubeObject } from "../api/meta.ts";
import { isJsonObject } from "../machinery/json-equal.ts";
import { patchBetween } from "./json-patch.ts";

/** A body that is no AdmissionReview. The message says why. */
export class NotAReview extends Error {
  override readonly name = "NotAReview";
}

/** Which webhook asks: the mutating one, or the validating one. A review does not tell. */
export type AdmissionHalf = "stamps" | "rules";

/**
 * Answers an AdmissionReview of `admission.k8s.io/v1` by the rules of src/admission. A write that no rule speaks of is allowed,
 * so that a configuration may name more than it needs. @throws {NotAReview}
 */
export function answerReview(review: unknown, half: AdmissionHalf, admission: Admission): object {
  const { uid, write } = readRequest(review);
  const response = write === undefined ? { allowed: true } : HALVES[half](write, admission);
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: { uid, ...response } };
}

const HALVES: Record<AdmissionHalf, (write: NamedWrite, admission: Admission) => object> = {
  stamps(write, admission) {
    const amended = isAmended(write) ? admission.amend(write) : undefined;
    if (amended?.refusal) return denied(write, amended.refusal);
    const patch = amended ? patchBetween(write.object, amended.object) : [];
    if (patch.length === 0) return { allowed: true };
    return { allowed: true, patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") };
  },
  rules(write, admission) {
    if (!isJudged(write)) return { allowed: true };
    const { refusal, warnings } = admission.judge(write);
    return { ...(refusal ? denied(write, refusal) : { allowed: true }), ...(warnings.length > 0 && { warnings }) };
  },
};

function denied(write: NamedWrite, refusal: Refusal): object {
  return { allowed: false, status: refusalStatus(refusal, write) };
}

interface ReviewedWrite {
  readonly uid: string;
  /** Undefined for an operation that changes nothing, such as CONNECT. */
  readonly write: NamedWrite | undefined;
}

function readRequest(review: unknown): ReviewedWrite {
  if (!isJsonObject(review) || review.kind !== "AdmissionReview" || review.apiVersion !== "admission.k8s.io/v1") {
    throw new NotAReview("the body is no AdmissionReview of admission.k8s.io/v1");
  }
  const { request } = review;
  if (!isJsonObject(request)) throw new NotAReview("request is missing");
  const resource = member(request, "resource");
  const kind = text(member(request, "kind"), "kind");
  const uid = text(request, "uid");
  const operation = text(request, "operation");
  if (operation !== "CREATE" && operation !== "UPDATE" && operation !== "DELETE") return { uid, write: undefined };
  const object = objectOf(request, "object");
  const oldObject = objectOf(request, "oldObject");
  if ((object === undefined) !== (operation === "DELETE")) throw new NotAReview("request.object does not fit");
  if ((oldObject === undefined) !== (operation === "CREATE")) throw new NotAReview("request.oldObject does not fit");
  const write: NamedWrite = {
    ...{ operation, object, oldObject, kind },
    group: optionalText(resource, "group"),
    resource: text(resource, "resource"),
    subresource: optionalText(request, "subResource"),
    namespace: optionalText(request, "namespace"),
    name: optionalText(request, "name") || nameOf(oldObject),
    user: userOf(member(request, "userInfo")),
    dryRun: request.dryRun === true,
  };
  return { uid, write };
}

/**
 * Of what is deleted together with a whole collection: kube-apiserver asks about each object, and names none of them in the
 * request. Empty for a create by generateName, which has no name yet.
 */
function nameOf(oldObject: KubeObject | undefined): string {
  return oldObject === undefined ? "" : text({ ...oldObject.metadata }, "name");
}

function userOf(userInfo: JsonObject): Writer {
  const impersonator = impersonatorIn(userInfo);
  if (impersonator) return impersonator;
  const groups = textsOf(userInfo.groups ?? [], "groups");
  return { username: text(userInfo, "username"), groups, uid: optionalText(userInfo, "uid") || undefined };
}

/** Whoever acts as an approver is none. The embedded API server tells of it; others tell their audit log alone. */
function impersonatorIn({ extra = {} }: JsonObject): Writer | undefined {
  if (!isJsonObject(extra)) throw new NotAReview("request.userInfo.extra is no object");
  const [username] = textsOf(extra[ImpersonatorExtra.Username] ?? [], "extra");
  if (username === undefined) return undefined;
  return { username, groups: textsOf(extra[ImpersonatorExtra.Groups] ?? [], "extra") };
}

function textsOf(value: unknown, name: string): readonly string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  throw new NotAReview(`request.userInfo.${name} are no texts`);
}

type JsonObject = Readonly<Record<string, unknown>>;

function member(object: JsonObject, name: string): JsonObject {
  const value = object[name];
  if (isJsonObject(value)) return value;
  throw new NotAReview(`request.${name} is missing`);
}

function text(object: JsonObject, name: string): string {
  const value = optionalText(object, name);
  if (value !== "") return value;
  throw new NotAReview(`${name} is missing`);
}

function optionalText(object: JsonObject, name: string): string {
  const value = object[name] ?? "";
  if (typeof value === "string") return value;
  throw new NotAReview(`${name} is no text`);
}

/** An API server has validated the object; what rules rely on is checked all the same. */
function objectOf(request: JsonObject, name: string): KubeObject | undefined {
  const value = request[name];
  if (value === undefined || value === null) return undefined;
  if (isJsonObject(value) && isJsonObject(value.metadata)) return value as unknown as KubeObject;
  throw new NotAReview(`request.${name} is no object with metadata`);
}
