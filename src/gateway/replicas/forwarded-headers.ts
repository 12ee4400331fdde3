import type { IncomingHttpHeaders } from "node:http";
import { FORWARDED_HEADER, type RequestHeaders } from "../mcp/request-headers.ts";

/** Of the hop (RFC 9110, 7.6.1). All else of the answer is the leader's own, which is this gateway's. */
const OF_THE_HOP: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "transfer-encoding", "upgrade"],
]);

/**
 * The headers of a request on its way to the leader, names and values in turn. Host is the leader's own, which it accepts from
 * anybody, and no more. Origin was judged here, against the Host that the client wrote. The credentials go along, since the
 * leader asks again who may use what.
 */
export function headersToLeader({ forwarded, authorization, via }: RequestHeaders, host: string): string[] {
  const onward = [...forwarded, "host", host, FORWARDED_HEADER, "1"];
  if (authorization !== undefined) onward.push("authorization", authorization);
  if (via !== undefined) onward.push("via", via);
  return onward;
}

/** Those of its answer for the client, names and values in turn. */
export function headersFromLeader(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    value === undefined || OF_THE_HOP.has(name) ? [] : [value].flat().flatMap((each) => [name, each]),
  );
}
