/**
 * Where MCP is spoken to one workload, for gateway and probes. Plain data: it crosses threads. May hold credentials (`headers`):
 * never log it, never write it to the API.
 */
export type WorkloadEndpoint = HttpEndpoint | StdioEndpoint;

/** Names one process: a workload that was started again is another. */
export function instanceOf({
  id,
  startedAt,
}: {
  readonly id: string;
  readonly startedAt?: string | undefined;
}): string {
  return `${id}@${startedAt ?? ""}`;
}

/** A server that listens. */
export interface HttpEndpoint {
  readonly kind: "http";
  readonly transport: "streamable-http" | "sse";
  /** With path, and query where it has one. */
  readonly url: string;
  /** Names the process that answers: sessions and streams end with it. */
  readonly instance: string;
  /** Set on each request, instead of what the caller sent under these names. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the caller's Authorization goes on to the server. */
  readonly forwardAuthorization?: boolean;
  /**
   * Of somebody else's server: ranges beside the public ones that its name may resolve to, judged when the connection is made.
   * Absent: the address is the controller's own doing, and not judged.
   */
  readonly allowedCidrs?: readonly string[];
}

/** A server that is spoken to over its standard input and output: `StdioHost` of the RuntimeBackend `backend`. */
export interface StdioEndpoint {
  readonly kind: "stdio";
  readonly backend: string;
  /** Of the workload there. */
  readonly id: string;
  /** Names its process, as above. */
  readonly instance: string;
  readonly sessionMode: "Shared" | "PerSession";
}
