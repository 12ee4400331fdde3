import type * as http from "node:http";
import { type ApiCallMetrics, apiCallOf } from "./api-calls.ts";
import type { HttpAnswer, HttpRequest } from "./http-transport.ts";
import type { Transport } from "./observed-transport.ts";
import type { Lane, RequestPace } from "./request-pace.ts";

/** A transport whose requests keep to a pace, each repetition too. Watches do not count: they are few, and last. */
export class PacedTransport implements Transport {
  readonly #inner: Transport;
  readonly #pace: RequestPace;
  readonly #metrics: ApiCallMetrics | undefined;

  constructor(inner: Transport, pace: RequestPace, metrics?: ApiCallMetrics) {
    this.#inner = inner;
    this.#pace = pace;
    this.#metrics = metrics;
  }

  async send(request: HttpRequest): Promise<HttpAnswer> {
    const waitedMs = await this.#pace.pass(laneOf(request), request.signal);
    if (waitedMs > 0) this.#metrics?.throttled?.(apiCallOf(request.method, request.path), waitedMs);
    return await this.#inner.send(request);
  }

  stream(request: HttpRequest): Promise<http.IncomingMessage | HttpAnswer> {
    return this.#inner.stream(request);
  }

  renewCredentials(): void {
    this.#inner.renewCredentials();
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }
}

/** Reviews of tokens and rights are questions that are asked by POST. */
function laneOf({ method, path }: HttpRequest): Lane {
  if (
    method === "GET" ||
    path.startsWith("/apis/authentication.k8s.io/") ||
    path.startsWith("/apis/authorization.k8s.io/")
  )
    return "question";
  return path.startsWith("/apis/events.k8s.io/") ? "event" : "change";
}
