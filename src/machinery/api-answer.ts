import type { StatusFailure } from "../api/meta.ts";
import { ApiError, ApiUnreachable, MalformedAnswer } from "./client.ts";
import type { HttpAnswer } from "./http-transport.ts";

/** Reasons for answers without a Status of their own (an unknown path, a proxy), as apimachinery's NewGenericServerResponse. */
const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  406: "NotAcceptable",
  409: "Conflict",
  410: "Gone",
  413: "RequestEntityTooLarge",
  415: "UnsupportedMediaType",
  422: "Invalid",
  429: "TooManyRequests",
  500: "InternalError",
  503: "ServiceUnavailable",
  504: "Timeout",
};

/** The JSON of a success. @throws {ApiError} for a refusal, {ApiUnreachable} for what no API server says. */
export function readAnswer(answer: HttpAnswer, what: string): unknown {
  if (answer.code < 200 || answer.code >= 300) throw refusalOf(answer, what);
  try {
    return JSON.parse(answer.text);
  } catch {
    throw new MalformedAnswer(`${what}: answered ${answer.code} with something that is not JSON`);
  }
}

export function refusalOf(answer: HttpAnswer, what: string): ApiError | ApiUnreachable {
  if (answer.code < 400) return new ApiUnreachable(`${what}: answered ${answer.code}, which no API server does`);
  return new ApiError(statusOf(answer, what), retryAfterMs(answer.headers["retry-after"]));
}

/** True for a Status of a failure that has what callers rely on. */
export function isStatusFailure(value: unknown): value is StatusFailure {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "Status" &&
    "message" in value &&
    typeof value.message === "string" &&
    "code" in value &&
    typeof value.code === "number"
  );
}

function statusOf({ code, text }: HttpAnswer, what: string): StatusFailure {
  try {
    const body: unknown = JSON.parse(text);
    if (isStatusFailure(body)) return body;
  } catch {
    // Not JSON: a proxy's page, or the plain text of an unknown path. Its words are not repeated.
  }
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code,
    reason: REASONS[code] ?? "Unknown",
    message: `${what}: answered ${code} ${REASONS[code] ?? ""}`.trimEnd() + (code === 404 ? missingKind(what) : ""),
  };
}

/** An object that is not there has a Status that says so; a kind that is not served has a plain text. */
function missingKind(what: string): string {
  const [, group, version, plural] =
    /^[A-Z]+ \/apis\/([^/]+)\/([^/]+)\/(?:namespaces\/[^/]+\/)?([^/]+)/.exec(what) ?? [];
  if (plural === undefined) return "";
  return `: the API server has no ${plural} in ${group}/${version}; is CustomResourceDefinition ${plural}.${group} installed?`;
}

/** Seconds or an HTTP date, RFC 9110 section 10.2.3. */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
