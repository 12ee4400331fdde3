import type { HttpEndpoint } from "../../backends/workload-endpoint.ts";
import { FORWARDED_HEADER, type RequestHeaders } from "./request-headers.ts";

export interface OnwardOptions {
  /** Of the server: many refuse a Host that is not their own. */
  readonly host: string;
  /** This gateway, as Via names it (RFC 9110, 7.6.3). */
  readonly via: string;
  readonly upstream: Pick<HttpEndpoint, "headers" | "forwardAuthorization">;
  readonly hasBody: boolean;
}

/** The headers of a request on its way to a server, names and values in turn. */
export function onwardHeaders(headers: RequestHeaders, { host, via, upstream, hasBody }: OnwardOptions): string[] {
  const own = Object.entries(upstream.headers ?? {});
  let onward = hasBody ? headers.forwarded : withoutBody(headers.forwarded);
  for (const [name] of own) onward = withoutHeader(onward, name.toLowerCase());
  onward.push("host", host, "via", headers.via === undefined ? via : `${headers.via}, ${via}`);
  for (const [name, value] of own) onward.push(name, value);
  const isSet = own.some(([name]) => name.toLowerCase() === "authorization");
  const { authorization } = headers;
  if (upstream.forwardAuthorization && authorization !== undefined && !isSet)
    onward.push("authorization", authorization);
  return onward;
}

/** The headers of a request on its way to what stands at `/-/`, which judges Host and Authorization itself. */
export function adminHeaders({ forwarded, host, authorization, isForwarded }: RequestHeaders): string[] {
  const onward = withoutBody(forwarded);
  if (host !== undefined) onward.push("host", host);
  if (authorization !== undefined) onward.push("authorization", authorization);
  if (isForwarded) onward.push(FORWARDED_HEADER, "1");
  return onward;
}

function withoutBody(headers: readonly string[]): string[] {
  return withoutHeader(withoutHeader(headers, "content-length"), "content-type");
}

/** Names and values without those of one name, which is in lower case. */
export function withoutHeader(headers: readonly string[], name: string): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const each = headers[index] ?? "";
    if (each.toLowerCase() !== name) kept.push(each, headers[index + 1] ?? "");
  }
  return kept;
}
