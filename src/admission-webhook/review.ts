import { refusalStatus } from "../admission/refusal-status.ts";
import { isJudged, judge } from "../admission/rules.ts";
import type { Known, Write } from "../admission/write.ts";
import type { KubeObject } from "../api/meta.ts";
import { isJsonObject } from "../machinery/json-equal.ts";

/** A body that is no AdmissionReview. The message says why. */
export class NotAReview extends Error {
  override readonly name = "NotAReview";
}

/**
 * Answers an AdmissionReview of `admission.k8s.io/v1` by the rules of src/admission. Pure. A write that no rule speaks of
 * is allowed, so that a configuration may name more than it needs. @throws {NotAReview}
 */
export function answerReview(review: unknown, known: Known): object {
  const { uid, kind, write } = readRequest(review);
  const answer = (response: object) => ({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    response: { uid, ...response },
  });
  if (write === undefined || !isJudged(write)) return answer({ allowed: true });
  const { refusal, warnings } = judge(write, known);
  const said = warnings.length === 0 ? {} : { warnings };
  if (refusal) return answer({ allowed: false, ...said, status: refusalStatus(refusal, { ...write, kind }) });
  return answer({ allowed: true, ...said });
}

interface ReviewedWrite {
  readonly uid: string;
  readonly kind: string;
  /** Undefined for an operation that changes nothing, such as CONNECT. */
  readonly write: Write | undefined;
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
  if (operation !== "CREATE" && operation !== "UPDATE" && operation !== "DELETE") {
    return { uid, kind, write: undefined };
  }
  const object = objectOf(request, "object");
  const oldObject = objectOf(request, "oldObject");
  if ((object === undefined) !== (operation === "DELETE")) throw new NotAReview("request.object does not fit");
  if ((oldObject === undefined) !== (operation === "CREATE")) throw new NotAReview("request.oldObject does not fit");
  const write: Write = {
    ...{ operation, object, oldObject },
    group: optionalText(resource, "group"),
    resource: text(resource, "resource"),
    subresource: optionalText(request, "subResource"),
    // A create by generateName has none yet.
    name: optionalText(request, "name"),
  };
  return { uid, kind, write };
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
