/**
 * What a request's headers say to the gateway, and which of them go on to the server. Names and values alternate, in the
 * order and the spelling of the client.
 */
export interface RequestHeaders {
  readonly forwarded: string[];
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly accept: string | undefined;
  readonly via: string | undefined;
  readonly contentLength: number | undefined;
  /** Whether another replica passed it on. Anybody can say so: it takes something from a request, and gives it nothing. */
  readonly isForwarded: boolean;
  /** Whether it is no request, but another replica's word that calls of this caller are under way. */
  readonly tellsOfCalls: boolean;
}

/** From one replica of the gateway to the one that leads. */
export const FORWARDED_HEADER = "slipway-forwarded";
export const TELLS_OF_CALLS = "calls";

/**
 * Not forwarded. Of the hop (RFC 9110, 7.6.1): framing and connection are anew on the way to the server. Of the
 * gateway: credentials that are meant for it (a browser sends cookies of every service on this host, whatever the port),
 * Origin, which was judged here, and what proxies claim of clients: nobody vouches for it, and no MCP server needs it.
 */
const KEPT_HERE: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"],
  ...["te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "expect", "host", "via"],
  ...["authorization", "cookie", "origin", "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port"],
  ...["x-forwarded-prefix", "x-forwarded-proto", "x-forwarded-server", "x-real-ip"],
  ...["access-control-request-method", "access-control-request-headers", "access-control-request-private-network"],
  FORWARDED_HEADER,
]);

/** A second one of these would let two readers of one request understand it in two ways. */
const ONCE: ReadonlySet<string> = new Set(["host", "origin", "authorization", "content-length", "content-type"]);

/** Reads `rawHeaders` of node:http. The name of the header that makes the request ambiguous, where one does. */
export function readRequestHeaders(raw: readonly string[]): RequestHeaders | { readonly ambiguous: string } {
  const own: Record<string, string> = Object.create(null) as Record<string, string>;
  const forwarded: string[] = [];
  let nominated: ReadonlySet<string> | undefined;
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = raw[index] ?? "";
    const value = raw[index + 1] ?? "";
    const lower = name.toLowerCase();
    if (ONCE.has(lower) && lower in own) return { ambiguous: lower };
    if (lower === "connection") nominated = union(nominated, value);
    if (KEPT_HERE.has(lower) || READ.has(lower)) own[lower] = lower in own ? `${own[lower]}, ${value}` : value;
    if (!KEPT_HERE.has(lower)) forwarded.push(name, value);
  }
  const { host, origin, authorization, accept, via } = own;
  const contentLength = own["content-length"] === undefined ? undefined : Number(own["content-length"]);
  const kept = nominated === undefined ? forwarded : without(forwarded, nominated);
  const isForwarded = FORWARDED_HEADER in own;
  const tellsOfCalls = own[FORWARDED_HEADER] === TELLS_OF_CALLS;
  return { forwarded: kept, host, origin, authorization, accept, via, contentLength, isForwarded, tellsOfCalls };
}

/** Forwarded, and looked at. */
const READ: ReadonlySet<string> = new Set(["accept", "content-length", "content-type"]);
/** What a Connection header may not take from a request: it would change what the request says. */
const FIXED: ReadonlySet<string> = new Set(["content-length", "content-type"]);

function union(before: ReadonlySet<string> | undefined, value: string): ReadonlySet<string> | undefined {
  const lower = value.toLowerCase();
  if (lower === "keep-alive" || lower === "close") return before;
  const names = lower.split(",").map((name) => name.trim());
  return new Set([...(before ?? []), ...names]);
}

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] ?? "";
    const lower = name.toLowerCase();
    if (!names.has(lower) || FIXED.has(lower)) kept.push(name, headers[index + 1] ?? "");
  }
  return kept;
}
