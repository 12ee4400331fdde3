import type { Readable } from "node:stream";
import type { Clock } from "../../machinery/clock.ts";

/** What a handler answers. The listener adds what every answer has: security headers, warnings, length, compression. */
export interface Answer {
  readonly status: number;
  /** Absent for an answer without a body. */
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Instead of a body too long to be held as a whole: sent as the client takes it. Read once. */
  readonly pieces?: Iterable<string>;
  /** Instead of a body: takes over the connection until the stream ends. */
  readonly stream?: AnswerStream;
}

/** A body without an end in sight. */
export interface AnswerStream {
  /** Writes to `sink` until done, then ends it. `signal` fires when the client left or the server stops. */
  run(sink: StreamSink, signal: AbortSignal): void;
}

export interface StreamSink {
  /** Bytes that the client has not taken yet. */
  readonly pendingBytes: number;
  write(text: string): void;
  /** Calls `listener` once when the client has taken what was pending. The returned function cancels. */
  onDrain(listener: () => void): () => void;
  end(): void;
  /** Breaks the connection off, so that a client cannot take the end for a regular one. */
  destroy(): void;
}

/** Headers as node gives them: lower case names, repeated ones joined. */
export type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** A request after its head was read. The body is read only by handlers that want one. */
export interface HttpRequest {
  readonly method: string;
  /** Undecoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: RequestHeaders;
  readonly body: Readable;
  /** Where others may wait for what this request holds while its body comes. */
  readonly patience?: Patience;
}

/** How long a body may take. */
export interface Patience {
  readonly clock: Pick<Clock, "schedule">;
  /** Whether every place is taken and somebody waits. */
  isCrowded(): boolean;
}

export function header(request: HttpRequest, name: string): string {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : (value ?? "");
}

export function json(status: number, value: unknown): Answer {
  return { status, contentType: "application/json", body: JSON.stringify(value) };
}

export function text(status: number, body: string): Answer {
  return { status, contentType: "text/plain; charset=utf-8", body };
}

/** What Go's mux answers for a path it does not know. */
export function pageNotFound(): Answer {
  return text(404, "404 page not found\n");
}
