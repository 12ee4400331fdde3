import type { IncomingMessage, ServerResponse } from "node:http";
import { correlated } from "../../machinery/correlation.ts";
import type { SpanOptions, Tracer } from "../../machinery/tracer.ts";
import type { Directory } from "../directory.ts";
import { mcpRouteOf } from "./mcp-route.ts";

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

const TRACE_HEADERS: ReadonlySet<string> = new Set(["traceparent", "tracestate"]);

/**
 * Serves each request as a span, which is part of the client's trace where it has one, and lasts until the answer has ended. What is
 * passed on to a server names this span in its headers, in the place of the client's.
 */
export function tracedRequests(
  tracer: Tracer,
  directory: Pick<Directory, "get">,
  serve: RequestListener,
): RequestListener {
  return (request, response) => {
    const span = tracer.open(...spanOf(request, directory));
    request.rawHeaders.splice(0, Infinity, ...withTrace(request.rawHeaders, span.headers));
    response.once("close", () => {
      span.set({ "http.response.status_code": response.statusCode });
      // As for any server, what its client did wrong is no failure.
      if (response.statusCode >= 500) span.fail(String(response.statusCode));
      // Ordinary for a stream of events, and no failure of ours otherwise.
      else if (!response.writableFinished) span.set({ "slipway.client_gone": true });
      span.end();
    });
    return span.traceId === undefined
      ? serve(request, response)
      : correlated({ traceID: span.traceId }, () => serve(request, response));
  };
}

/** Only of a deployment that there is names are told: what else anybody asks for, without a token even, could be anything. */
function spanOf(
  { method = "", url = "", headers }: IncomingMessage,
  directory: Pick<Directory, "get">,
): [string, SpanOptions] {
  const route = mcpRouteOf(url);
  const isThere = route && directory.get(route.namespace, route.name) !== undefined;
  const place = isThere && { "k8s.namespace.name": route.namespace, "slipway.object.name": route.name };
  const name = `${METHODS.has(method) ? method : "HTTP"} ${route ? "/{namespace}/{name}/mcp" : "other"}`;
  const options = {
    kind: "server",
    parent: { traceparent: oneOf(headers.traceparent), tracestate: oneOf(headers.tracestate) },
    attributes: { "http.request.method": METHODS.has(method) ? method : "_OTHER", ...place },
  } as const;
  return [name, options];
}

/** Names of spans are few. */
const METHODS: ReadonlySet<string> = new Set(["GET", "POST", "DELETE", "OPTIONS", "HEAD", "PUT", "PATCH"]);

function oneOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(",") : header;
}

/** Names and values in turn, with `own` in the place of what was there of them. */
function withTrace(headers: readonly string[], own: Readonly<Record<string, string>>): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    if (!TRACE_HEADERS.has(name.toLowerCase())) kept.push(name, headers[index + 1] ?? "");
  }
  return [...kept, ...Object.entries(own).flat()];
}
