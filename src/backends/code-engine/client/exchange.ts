export interface Exchange {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Where the service listens, without trailing slash. */
  readonly base: string;
  /** Encoded, beginning with a slash. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  /** `bytes` collects the whole answer, `stream` hands it out as it comes. */
  readonly answer: "bytes" | "stream";
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** An answer of any status. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  /** A Buffer, or a Readable where a stream was asked for. */
  readonly body: unknown;
}

export function isSuccess({ status }: Answer): boolean {
  return status >= 200 && status < 300;
}
