import { CodeEngineError, type FailureKind } from "./errors.ts";
import { fromJson } from "./json-text.ts";
import type { Redactor } from "./redactor.ts";

/** More of an error's body is not read for its message. */
const MAX_ERROR_LENGTH = 64 * 1024;

/** A request as far as errors tell of it. */
export interface Subject {
  readonly service: string;
  readonly operation: string;
}

/** An answer with a status that is no success. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
  readonly retryAfterMs: number | undefined;
}

/** What a status means; a service's own codes are not published, so nothing else decides. */
export function kindOf(status: number): FailureKind {
  switch (status) {
    case 401:
      return "unauthorized";
    case 404:
    case 410:
      return "notFound";
    case 409:
    case 412:
      return "conflict";
    case 429:
      return "throttled";
    case 501:
      return "terminal";
    default:
      return status >= 500 ? "transient" : "terminal";
  }
}

export interface RefusalOptions {
  readonly redactor: Redactor;
  /** Values that the request held and the answer may quote. */
  readonly sensitive: readonly string[];
}

/** The error that a refusal is. */
export function refusalError(subject: Subject, refusal: Refusal, options: RefusalOptions): CodeEngineError {
  const { status, text, retryAfterMs } = refusal;
  const { redactor, sensitive } = options;
  const clean = (said: string | undefined) => (said === undefined ? undefined : redactor.redact(said, sensitive));
  const { message, code, target, trace } = readBody(text);
  const said = message === undefined ? remedyOf(status) : `${clean(message)}${hintOf(status)}`;
  const told = { said, code: clean(code), target: clean(target), trace: clean(trace) };
  return new CodeEngineError({ ...subject, ...told, kind: kindOf(status), status, retryAfterMs });
}

function hintOf(status: number): string {
  return status === 403 ? `; ${remedyOf(status)}` : "";
}

/** For an answer that has no words, and for those whose words do not help. */
function remedyOf(status: number): string {
  switch (status) {
    case 401:
      return "the token is not accepted";
    case 403:
      return "the API key's owner needs a role for this (Writer, to change a project), and no context-based restriction may keep this address out";
    case 404:
      return "it does not exist, or a policy hides it";
    default:
      return status >= 300 && status < 400 ? "it answered with a redirect" : "it gave no reason";
  }
}

interface ErrorBody {
  readonly message?: string | undefined;
  readonly code?: string | undefined;
  readonly target?: string | undefined;
  readonly trace?: string | undefined;
}

/**
 * Each service has a form of its own: Code Engine's `errors`, IAM's `errorMessage`, Kubernetes' Status, Prometheus'
 * `error`. What is none of them, such as a proxy's page, has nothing to tell.
 */
function readBody(text: string): ErrorBody {
  const body = members(fromJson(text.slice(0, MAX_ERROR_LENGTH)));
  const first = members(Array.isArray(body.errors) ? body.errors[0] : undefined);
  const target = members(first.target);
  return {
    message: word(first.message) ?? word(body.errorMessage) ?? word(body.message) ?? word(body.error),
    code: word(first.code) ?? word(body.errorCode) ?? word(body.reason) ?? word(body.errorType),
    target: word(target.name) && [word(target.type), word(target.name)].filter(Boolean).join(" "),
    trace: word(body.trace) ?? word(members(body.context).requestId),
  };
}

function members(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function word(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}
