import type { StatusFailure } from "../../api/meta.ts";
import type { FieldError } from "../resource.ts";

export type StatusCause = { reason?: string; message?: string; field?: string };

/** What an error is about, as `details` names it: the plural for most reasons, the kind for `Invalid`. */
export interface StatusSubject {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly uid?: string;
}

/** A refusal in the words of kube-apiserver. Thrown anywhere below the HTTP edge, which writes `status` as the answer. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: StatusFailure;

  constructor(code: number, reason: string | undefined, message: string, details?: StatusFailure["details"]) {
    super(message);
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      ...(reason === undefined ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }

  get code(): number {
    return this.status.code;
  }
}

/** `widgets.example.com`, or `configmaps` in the core group: how messages name a resource or a kind. */
export function qualified(kind: string, group: string): string {
  return group === "" ? kind : `${kind}.${group}`;
}

function details({ group, kind, name, uid }: StatusSubject, causes?: readonly StatusCause[]): StatusFailure["details"] {
  return {
    ...(name === "" ? {} : { name }),
    ...(group === "" ? {} : { group }),
    kind,
    ...(uid === undefined ? {} : { uid }),
    ...(causes === undefined || causes.length === 0 ? {} : { causes: [...causes] }),
  };
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, "BadRequest", message);
}

export function unauthorized(): StatusError {
  return new StatusError(401, "Unauthorized", "Unauthorized");
}

/** `message` says who may not do what; the caller words it, since it depends on the request. */
export function forbidden(subject: StatusSubject, message: string): StatusError {
  return new StatusError(403, "Forbidden", message, details(subject));
}

/** A refusal by an admission rule: `widgets "a" is forbidden: because`. */
export function forbiddenBecause(subject: StatusSubject, because: string): StatusError {
  const { kind, group, name } = subject;
  return forbidden(subject, `${qualified(kind, group)} ${JSON.stringify(name)} is forbidden: ${because}`);
}

export function notFound(subject: StatusSubject): StatusError {
  const { kind, group, name } = subject;
  return new StatusError(
    404,
    "NotFound",
    `${qualified(kind, group)} ${JSON.stringify(name)} not found`,
    details(subject),
  );
}

/** The answer for a resource that is not served, where the path itself is known. */
export function resourceNotFound(): StatusError {
  return new StatusError(404, "NotFound", "the server could not find the requested resource", {});
}

export function methodNotSupported(): StatusError {
  const message = "the server does not allow this method on the requested resource";
  return new StatusError(405, "MethodNotAllowed", message, {});
}

export function alreadyExists(subject: StatusSubject): StatusError {
  const { kind, group, name } = subject;
  const message = `${qualified(kind, group)} ${JSON.stringify(name)} already exists`;
  return new StatusError(409, "AlreadyExists", message, details(subject));
}

export function conflict(subject: StatusSubject, because: string, causes?: readonly StatusCause[]): StatusError {
  const { kind, group, name } = subject;
  const message = `Operation cannot be fulfilled on ${qualified(kind, group)} ${JSON.stringify(name)}: ${because}`;
  return new StatusError(409, "Conflict", message, details(subject, causes));
}

/** A write with a resourceVersion that is not the object's. */
export function modified(subject: StatusSubject): StatusError {
  return conflict(
    subject,
    "the object has been modified; please apply your changes to the latest version and try again",
  );
}

/** Kubernetes prints one error bare and several in brackets, each message once. */
function joined(errors: readonly FieldError[]): string {
  const texts = [...new Set(errors.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`)))];
  return texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}

/** `subject.kind` is the kind here, not the plural, as Kubernetes has it. */
export function invalid(subject: StatusSubject, errors: readonly FieldError[]): StatusError {
  const { kind, group, name } = subject;
  const causes = errors.map(({ type, path, message }) => ({
    reason: type,
    message,
    ...(path === "" ? {} : { field: path }),
  }));
  const message = `${qualified(kind, group)} ${JSON.stringify(name)} is invalid: ${joined(errors)}`;
  return new StatusError(422, "Invalid", message, details(subject, causes));
}

export function expired(message: string): StatusError {
  return new StatusError(410, "Expired", message);
}

export function internalError(message: string): StatusError {
  return new StatusError(500, "InternalError", `Internal error occurred: ${message}`, { causes: [{ message }] });
}

export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return new StatusError(429, "TooManyRequests", message, { retryAfterSeconds });
}

/** Clients of Kubernetes repeat the request by themselves after the time given. */
export function unavailable(message: string, retryAfterSeconds: number): StatusError {
  return new StatusError(503, "ServiceUnavailable", message, { retryAfterSeconds });
}

export function requestEntityTooLarge(limitBytes: number): StatusError {
  return new StatusError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limitBytes}`);
}
