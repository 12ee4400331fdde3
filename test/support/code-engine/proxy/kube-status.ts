/** A failure as Kubernetes words it. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  readonly status: number;
  readonly reason: string;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
    this.reason = REASONS[status] ?? "InternalError";
  }
}

const REASONS: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  405: "MethodNotAllowed",
  429: "TooManyRequests",
  503: "ServiceUnavailable",
};

export function statusAnswer(error: KubeError, headers: Record<string, string> = {}): Response {
  const { message, reason, status: code } = error;
  const body = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
  return Response.json(body, { status: code, headers });
}
