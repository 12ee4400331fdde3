import { isObject } from "../../schema/schema-node.ts";
import type { DenialStatus } from "./webhook-failure.ts";

/** What a webhook answered, checked. */
export interface ReviewResponse {
  readonly allowed: boolean;
  readonly status: DenialStatus;
  readonly warnings: readonly string[];
  /** For the audit log, by keys of the webhook's own. */
  readonly auditAnnotations: Readonly<Record<string, string>>;
  /** Undefined where there is none. */
  readonly patch: EncodedPatch | undefined;
}

interface EncodedPatch {
  /** In base64. */
  readonly text: string;
  readonly type: string;
}

/** An answer that kube-apiserver would not take. The message is its own. */
export class InvalidResponse extends Error {
  override readonly name = "InvalidResponse";
}

const WRONG_TYPE = "failed to call webhook";
const WRONG_CONTENT = "received invalid webhook response";

/** `stage` is how kube-apiserver says where it noticed. */
function invalidResponse(because: string, stage = WRONG_CONTENT): InvalidResponse {
  return new InvalidResponse(`${stage}: ${because}`);
}

export interface ExpectedReview {
  readonly uid: string;
  readonly version: string;
  readonly isMutating: boolean;
}

/** `VerifyAdmissionResponse`: v1 is strict; v1beta1 checks neither uid nor types. @throws {InvalidResponse} */
export function readResponse(review: unknown, expected: ExpectedReview): ReviewResponse {
  if (!isObject(review) || !isObject(review.response)) throw invalidResponse("webhook response was absent");
  const { response } = review;
  const isStrict = expected.version === "v1";
  if (isStrict) checkIdentity(review, response, expected);
  const patch = patchOf(response, expected, isStrict);
  return {
    allowed: field(response, "allowed", "boolean") ?? false,
    status: statusOf(response.status),
    warnings: textsOf(response.warnings),
    auditAnnotations: annotationsOf(response.auditAnnotations),
    patch,
  };
}

function checkIdentity(
  { apiVersion, kind }: Readonly<Record<string, unknown>>,
  { uid = "" }: Readonly<Record<string, unknown>>,
  expected: ExpectedReview,
): void {
  if (uid !== expected.uid) {
    throw invalidResponse(
      `expected response.uid=${JSON.stringify(expected.uid)}, got ${JSON.stringify(String(uid).slice(0, 64))}`,
    );
  }
  if (apiVersion === "admission.k8s.io/v1" && kind === "AdmissionReview") return;
  throw invalidResponse(
    `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${String(apiVersion ?? "").slice(0, 64)}, Kind=${String(kind ?? "").slice(0, 64)}`,
  );
}

function patchOf(
  response: Readonly<Record<string, unknown>>,
  { isMutating }: ExpectedReview,
  isStrict: boolean,
): EncodedPatch | undefined {
  const patch = field(response, "patch", "string") ?? "";
  const patchType = field(response, "patchType", "string");
  if (isStrict) checkPatchType({ patch, patchType, isMutating });
  if (patch === "" || !isMutating) return undefined;
  // v1beta1 did not look at the type.
  return { text: patch, type: isStrict ? (patchType ?? "") : "JSONPatch" };
}

/** What a mutating webhook wants changed, not yet looked at. @throws {InvalidResponse} */
export function decodePatch({ patch }: ReviewResponse): unknown {
  if (patch === undefined) return undefined;
  if (patch.type !== "JSONPatch") throw new InvalidResponse(`unsupported patch type ${JSON.stringify(patch.type)}`);
  try {
    return JSON.parse(Buffer.from(patch.text, "base64").toString("utf8")) as unknown;
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    throw invalidResponse(because, "received undecodable patch in webhook response");
  }
}

interface GivenPatch {
  readonly patch: string;
  readonly patchType: string | undefined;
  readonly isMutating: boolean;
}

function checkPatchType({ patch, patchType, isMutating }: GivenPatch): void {
  if (!isMutating) {
    if (patch !== "") throw invalidResponse("validating webhook may not return response.patch");
    if (patchType !== undefined) throw invalidResponse("validating webhook may not return response.patchType");
    return;
  }
  if (patch !== "" && patchType === undefined) {
    throw invalidResponse("webhook returned response.patch but not response.patchType");
  }
  if (patch === "" && patchType !== undefined) {
    throw invalidResponse("webhook returned response.patchType but not response.patch");
  }
  if (patchType === "") throw invalidResponse('webhook returned invalid response.patchType of ""');
}

function statusOf(status: unknown): DenialStatus {
  if (status === undefined || status === null) return {};
  if (!isObject(status)) throw wrongType("status", "Status");
  const code = field(status, "code", "number");
  const reason = field(status, "reason", "string");
  const message = field(status, "message", "string");
  return {
    ...(code === undefined ? {} : { code }),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
    ...(isObject(status.details) ? { details: detailsOf(status.details) } : {}),
  };
}

/** Of `metav1.StatusDetails` what is of the right type: it becomes part of the answer to somebody else. */
function detailsOf(details: Readonly<Record<string, unknown>>): NonNullable<DenialStatus["details"]> {
  const { retryAfterSeconds, causes } = details;
  return {
    ...textMembers(details, ["name", "group", "kind", "uid"]),
    ...(Array.isArray(causes)
      ? { causes: causes.filter(isObject).map((cause) => textMembers(cause, ["reason", "message", "field"])) }
      : {}),
    ...(Number.isInteger(retryAfterSeconds) ? { retryAfterSeconds: retryAfterSeconds as number } : {}),
  };
}

function textMembers<Name extends string>(
  object: Readonly<Record<string, unknown>>,
  names: readonly Name[],
): { [Member in Name]?: string } {
  const members: { [Member in Name]?: string } = {};
  for (const name of names) {
    const value = object[name];
    if (typeof value === "string") members[name] = value;
  }
  return members;
}

function textsOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((text) => typeof text === "string")) return value;
  throw wrongType("warnings", "[]string");
}

function annotationsOf(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined || value === null) return {};
  if (isObject(value) && Object.values(value).every((text) => typeof text === "string")) {
    return value as Record<string, string>;
  }
  throw wrongType("auditAnnotations", "map[string]string");
}

interface FieldTypes {
  boolean: boolean;
  number: number;
  string: string;
}

/** Undefined for what is absent or null, which Go does not tell apart. */
function field<Type extends keyof FieldTypes>(
  object: Readonly<Record<string, unknown>>,
  name: string,
  type: Type,
): FieldTypes[Type] | undefined {
  const value = object[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === type) return value as FieldTypes[Type];
  throw wrongType(name, type);
}

function wrongType(name: string, type: string): InvalidResponse {
  return invalidResponse(`json: cannot unmarshal field AdmissionResponse.response.${name} of type ${type}`, WRONG_TYPE);
}
