import type { IncomingHttpHeaders } from "node:http";
import { REASON_HEADER, REVISION_HEADER } from "./answers.ts";

/**
 * Not passed to the client. Of the hop, and what would speak for the gateway's whole origin, which all servers share:
 * cookies, stored data, other places of this host, who may read answers from a page (that is decided here).
 */
const KEPT_HERE: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "transfer-encoding", "upgrade"],
  ...["set-cookie", "set-cookie2", "clear-site-data", "alt-svc", "strict-transport-security", "public-key-pins"],
  ...["service-worker-allowed", "nel", "report-to", "reporting-endpoints", "content-security-policy"],
  ...["x-content-type-options", "access-control-allow-origin", "access-control-allow-credentials"],
  ...["access-control-allow-headers", "access-control-allow-methods", "access-control-allow-private-network"],
  ...["access-control-expose-headers", "access-control-max-age", REASON_HEADER, REVISION_HEADER],
]);

/** An answer that a browser opens as a page must not act as this origin: it could call every other server here. */
const HARMLESS: readonly string[] = [
  "x-content-type-options",
  "nosniff",
  "content-security-policy",
  "default-src 'none'; sandbox",
];

/** The server's headers for the client, names and values in turn. */
export function responseHeaders(headers: IncomingHttpHeaders): string[] {
  const nominated = nominatedBy(headers.connection);
  const passed: string[] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined || KEPT_HERE.has(name) || nominated?.has(name)) continue;
    if (typeof value === "string") passed.push(name, value);
    else for (const each of value) passed.push(name, each);
  }
  passed.push(...HARMLESS);
  return passed;
}

function nominatedBy(connection: string | undefined): ReadonlySet<string> | undefined {
  if (connection === undefined || connection === "keep-alive" || connection === "close") return undefined;
  const names = connection.toLowerCase().split(",");
  return new Set(names.map((name) => name.trim()).filter((name) => name !== "content-length"));
}
