import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { EngineError, EngineTimeout } from "../engine/engine-error.ts";

/** Docker Hub counts by six hours; asking sooner only prolongs it. */
const RATE_LIMIT_RETRY_MS = 10 * 60_000;

interface Rule {
  readonly pattern: RegExp;
  readonly reason: Reason;
  readonly remedy: string;
  readonly retryAfterMs?: number;
}

/**
 * What registries and the Engine say when an image cannot be had, the more specific first. The words are the same in
 * the answer to a question about an image and within the stream of a pull, where there is no status.
 */
const RULES: readonly Rule[] = [
  {
    pattern: /no space left on device/i,
    reason: Reason.ImagePullFailed,
    remedy: "the Engine's disk is full; make room with: docker system prune",
  },
  {
    pattern: /toomanyrequests|too many requests|rate limit/i,
    reason: Reason.ImagePullFailed,
    remedy: "the registry limits pulls; set spec.source.image.pullSecretRef, or a registryMirror at the RuntimeBackend",
    retryAfterMs: RATE_LIMIT_RETRY_MS,
  },
  {
    pattern: /no matching manifest|does not match the specified platform|image operating system/i,
    reason: Reason.ImageNotFound,
    remedy: "the image does not exist for the Engine's platform; choose another tag or build it for this platform",
  },
  {
    pattern: /server gave HTTP response to HTTPS client/i,
    reason: Reason.ImagePullFailed,
    remedy:
      "the registry speaks plain HTTP; give it TLS, or list it in insecure-registries of the Engine's daemon.json",
  },
  {
    pattern: /x509|certificate|tls:/i,
    reason: Reason.ImagePullFailed,
    remedy: "the Engine does not trust the registry's certificate; put its CA into /etc/docker/certs.d/HOST/ca.crt",
  },
  {
    pattern:
      /unauthorized|authentication required|denied|no basic auth credentials|incorrect username or password|forbidden|HTTP 40[13]\b/i,
    reason: Reason.ImagePullUnauthorized,
    remedy:
      "the image does not exist or is private; check its name, and the credentials in spec.source.image.pullSecretRef",
  },
  {
    pattern: /manifest unknown|name unknown|not found|no such image|does not exist|HTTP 404\b/i,
    reason: Reason.ImageNotFound,
    remedy: "check its name and tag, or push it",
  },
  {
    pattern: /no such host|server misbehaving|temporary failure in name resolution/i,
    reason: Reason.ImagePullFailed,
    remedy: "the registry's name does not resolve on the Engine's machine; check the image's name and the DNS",
  },
  {
    pattern: /connection refused|timeout|deadline exceeded|request canceled|no route to host|connection reset|\bEOF\b/i,
    reason: Reason.ImagePullFailed,
    remedy: "the registry does not answer; check that it runs and that the Engine's machine reaches it",
  },
];

const BY_STATUS: Readonly<Record<number, Reason>> = {
  401: Reason.ImagePullUnauthorized,
  403: Reason.ImagePullUnauthorized,
  404: Reason.ImageNotFound,
};

/**
 * Pure. Why an image cannot be had, as an error that heals by itself once somebody pushes it, mends a Secret or a
 * registry. Errors that are not about the image pass unchanged.
 */
export function imageFailure(error: unknown, image: string): unknown {
  if (error instanceof EngineTimeout) {
    const message = `image ${image}: the registry did not answer in time; check that the Engine's machine reaches it`;
    return new TransientError(Reason.ImagePullFailed, message, { cause: error });
  }
  if (!(error instanceof EngineError)) return error;
  return describeImageFailure(error.said, image, { status: error.status, cause: error });
}

/** Pure. The same for an error in the middle of a pull, where the Engine tells it in words alone. */
export function describeImageFailure(
  said: string,
  image: string,
  { status, cause }: { status?: number; cause?: unknown } = {},
): TransientError {
  const rule = RULES.find(({ pattern }) => pattern.test(said));
  const reason = rule?.reason ?? BY_STATUS[status ?? 0] ?? Reason.ImagePullFailed;
  const remedy = rule?.remedy ?? "it is tried again";
  const retry = rule?.retryAfterMs === undefined ? {} : { retryAfterMs: rule.retryAfterMs };
  return new TransientError(reason, `image ${image}: ${said}; ${remedy}`, { cause, ...retry });
}
