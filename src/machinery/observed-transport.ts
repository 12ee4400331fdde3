import type * as http from "node:http";
import { type ApiCall, type ApiCallMetrics, apiCallOf } from "./api-calls.ts";
import type { HttpAnswer, HttpRequest, HttpTransport } from "./http-transport.ts";
import { errorType, NO_TRACES, type Tracer, type TraceSpan } from "./tracer.ts";

/** What the client needs of a transport. */
export type Transport = Pick<HttpTransport, "send" | "stream" | "renewCredentials" | typeof Symbol.dispose>;

export interface TransportObservers {
  readonly metrics?: ApiCallMetrics;
  readonly tracer?: Tracer;
}

/** A transport whose exchanges are counted and, where they are part of a trace, traced. Each repetition is one of its own. */
export class ObservedTransport implements Transport {
  readonly #inner: Transport;
  readonly #metrics: ApiCallMetrics | undefined;
  readonly #tracer: Tracer;

  constructor(inner: Transport, { metrics, tracer = NO_TRACES }: TransportObservers) {
    this.#inner = inner;
    this.#metrics = metrics;
    this.#tracer = tracer;
  }

  send(request: HttpRequest): Promise<HttpAnswer> {
    return this.#observed(
      request,
      ({ code }) => code,
      () => this.#inner.send(request),
    );
  }

  stream(request: HttpRequest): Promise<http.IncomingMessage | HttpAnswer> {
    const codeOf = (answer: http.IncomingMessage | HttpAnswer) => ("code" in answer ? answer.code : 200);
    return this.#observed(request, codeOf, () => this.#inner.stream(request));
  }

  renewCredentials(): void {
    this.#inner.renewCredentials();
  }

  [Symbol.dispose](): void {
    this.#inner[Symbol.dispose]();
  }

  #observed<R>(request: HttpRequest, codeOf: (answer: R) => number, run: () => Promise<R>): Promise<R> {
    const call = apiCallOf(request.method, request.path);
    const attributes = { "http.request.method": request.method, "url.path": request.path.split("?", 1)[0] ?? "" };
    const options = { kind: "client", attributes, onlyAsPart: true } as const;
    return this.#tracer.span(`${call.verb} ${call.resource}`, options, (span) => this.#timed(call, span, codeOf, run));
  }

  async #timed<R>(call: ApiCall, span: TraceSpan, codeOf: (answer: R) => number, run: () => Promise<R>): Promise<R> {
    const startedMs = performance.now();
    let code: number | undefined;
    try {
      const answer = await run();
      code = codeOf(answer);
      span.set({ "http.response.status_code": code });
      if (code >= 400) span.fail(String(code));
      return answer;
    } catch (error) {
      span.fail(errorType(error));
      throw error;
    } finally {
      this.#metrics?.answered?.(call, code, performance.now() - startedMs);
    }
  }
}
