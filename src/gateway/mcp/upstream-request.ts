import type { HttpEndpoint } from "../../backends/workload-endpoint.ts";
import { type HttpAsk, type HttpRequest, RequestFailed } from "../bridge/http/http-request.ts";
import { failureOf } from "./exchange.ts";
import { redirectProblem } from "./redirects.ts";
import type { UpstreamPool } from "./upstream-pool.ts";

export interface UpstreamRequestOptions {
  readonly pool: UpstreamPool;
  readonly endpoint: Pick<HttpEndpoint, "url" | "headers" | "forwardAuthorization">;
  /** This gateway, as Via names it, so that a URL that leads back here is seen. */
  readonly via: string;
  /** Of the caller. */
  readonly authorization: string | undefined;
}

/** The gateway's own requests to a server, among those of clients: they end with the instance as those do. */
export function upstreamRequest({ pool, endpoint, via, authorization }: UpstreamRequestOptions): HttpRequest {
  const { host } = new URL(endpoint.url);
  const own = Object.fromEntries(
    Object.entries(endpoint.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const forwarded = endpoint.forwardAuthorization && authorization !== undefined ? { authorization } : {};
  return async ({ method, path, headers, body, signal, isCall }: HttpAsk) => {
    const cut = new AbortController();
    const ongoing = { isCall, cut: (reason: string) => cut.abort(new RequestFailed("UpstreamReplaced", reason)) };
    pool.enter(ongoing);
    try {
      const answer = await pool.dispatcher.request({
        ...{ method, path, body: body ?? null, signal: AbortSignal.any([signal, cut.signal]) },
        headers: { ...headers, ...forwarded, ...own, host, via },
      });
      answer.body.once("close", () => pool.leave(ongoing));
      // Whoever does not read it any more hears of nothing.
      answer.body.on("error", () => undefined);
      const problem = redirectProblem(pool, answer.statusCode);
      if (problem) {
        answer.body.destroy();
        throw problem;
      }
      return { status: answer.statusCode, headers: answer.headers, body: readable(answer.body) };
    } catch (error) {
      pool.leave(ongoing);
      throw failed(error);
    }
  };
}

async function* readable(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    throw failed(error);
  }
}

function failed(error: unknown): RequestFailed {
  if (error instanceof RequestFailed) return error;
  const { reason, message } = failureOf(error instanceof Error ? error : new Error("no answer", { cause: error }));
  return new RequestFailed(reason, message, { cause: error });
}
