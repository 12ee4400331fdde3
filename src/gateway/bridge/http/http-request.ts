/** One request to a server that listens. */
export interface HttpAsk {
  readonly method: "GET" | "POST" | "DELETE";
  /** Path and query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Ends the request, and the reading of its answer. */
  readonly signal: AbortSignal;
  /** Whether somebody waits for its end, rather than for what may come. */
  readonly isCall: boolean;
}

/** Its answer, as far as it has begun. */
export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** To be read to its end, or left: whoever stops reading ends the connection. Slow readers slow the server down. */
  readonly body: AsyncIterable<Uint8Array>;
}

/**
 * How a server is reached. Adds what belongs to the endpoint (host, credentials); a connection and the first byte of an answer
 * have their time. @throws {RequestFailed}
 */
export type HttpRequest = (ask: HttpAsk) => Promise<HttpAnswer>;

/** There is no answer, or no more of it. `reason` is PascalCase, for programs; the message is the gateway's, not the server's. */
export class RequestFailed extends Error {
  override readonly name = "RequestFailed";
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export function headerOf({ headers }: Pick<HttpAnswer, "headers">, name: string): string | undefined {
  const value = headers[name];
  return typeof value === "object" ? value[0] : value;
}
