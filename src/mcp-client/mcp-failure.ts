/** Why a server could not be asked, or did not answer as MCP prescribes. */
export type FailureKind =
  /** Nobody answers at the gateway's address. */
  | "unreachable"
  /** Answered with an HTTP status that is none of success. */
  | "refused"
  /** Answered with a JSON-RPC error. */
  | "rpc-error"
  /** Answered with what is no MCP, or with more than is read. */
  | "invalid"
  | "timeout"
  | "cancelled";

export interface FailureDetails {
  /** Of the answer, where `kind` is refused. */
  readonly status?: number;
  /** One word for programs, where the gateway gave one. */
  readonly reason?: string;
  readonly cause?: unknown;
}

/** The message may quote the server: it is text of strangers. */
export class McpFailure extends Error {
  override readonly name = "McpFailure";
  readonly kind: FailureKind;
  readonly status: number | undefined;
  readonly reason: string | undefined;

  constructor(kind: FailureKind, message: string, { status, reason, cause }: FailureDetails = {}) {
    super(message, { cause });
    this.kind = kind;
    this.status = status;
    this.reason = reason;
  }
}
