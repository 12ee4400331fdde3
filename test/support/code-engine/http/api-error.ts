/** What an error is about: a member of the body, a query parameter, or a header. */
export interface ErrorTarget {
  readonly type: "field" | "parameter" | "header";
  readonly name: string;
}

export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly target?: ErrorTarget;
}

/** An answer other than success, thrown by handlers and made an envelope in one place. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly problems: readonly Problem[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, problems: readonly Problem[], headers: Readonly<Record<string, string>> = {}) {
    super(problems.map(({ message }) => message).join(" "));
    this.status = status;
    this.problems = problems;
    this.headers = headers;
  }
}

/** Codes other than `resource_not_found` are the emulator's own: nobody outside IBM knows the real ones. */
const CODES: Readonly<Record<number, string>> = {
  400: "invalid_request",
  401: "unauthorized",
  403: "forbidden",
  404: "resource_not_found",
  405: "method_not_allowed",
  409: "conflict",
  412: "precondition_failed",
  413: "payload_too_large",
  415: "unsupported_media_type",
  429: "too_many_requests",
};

export function codeOf(status: number): string {
  return CODES[status] ?? "internal_error";
}

export function apiError(status: number, message: string, target?: ErrorTarget): ApiError {
  return new ApiError(status, [{ code: codeOf(status), message, ...(target && { target }) }]);
}

/** The one error body that IBM publishes. */
export function notFound(): ApiError {
  return apiError(404, "Resource not found.");
}

export function conflict(message: string): ApiError {
  return apiError(409, message);
}

export function invalidField(name: string, message: string): ApiError {
  return apiError(400, message, { type: "field", name });
}

export function invalidParameter(name: string, message: string): ApiError {
  return apiError(400, message, { type: "parameter", name });
}

export function quotaExceeded(what: string, limit: number): ApiError {
  return new ApiError(400, [{ code: "quota_exceeded", message: `The quota of ${limit} ${what} is exhausted.` }]);
}
