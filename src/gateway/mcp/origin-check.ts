/** Whether a page of `origin` may use this gateway, and may read its answers. */
export type OriginVerdict = "none" | "own" | "listed" | "foreign";

/**
 * Judges the Origin header. Programs send none. A page of another site does, and could otherwise make a browser that stands
 * beside this gateway call servers: requests without preflight reach a server even where their answer cannot be read. So
 * only pages of this gateway itself and of `listed` origins pass, pages of other local ports not among them.
 */
export function originCheck(
  listed: readonly string[],
): (origin: string | undefined, host: string | undefined) => OriginVerdict {
  const allowed = new Set(listed.map((origin) => origin.toLowerCase()));
  return (origin, host) => {
    if (origin === undefined) return "none";
    const lower = origin.toLowerCase();
    if (allowed.has(lower)) return "listed";
    // Over TLS that something in front of the gateway ends, the scheme is another.
    const own = host?.toLowerCase();
    return own !== undefined && (lower === `http://${own}` || lower === `https://${own}`) ? "own" : "foreign";
  };
}

const EXPOSED = "mcp-session-id, mcp-protocol-version, retry-after, slipway-reason, www-authenticate";
const METHODS = "GET, POST, DELETE";
/** Seconds for which a browser remembers a preflight; the most that Chromium takes. */
const PREFLIGHT_SECONDS = 7_200;

/** What lets a page of a listed origin read an answer. */
export function corsHeaders(origin: string): ReadonlyMap<string, string> {
  return new Map([
    ["access-control-allow-origin", origin],
    ["access-control-expose-headers", EXPOSED],
    ["vary", "origin"],
  ]);
}

/** The answer to a preflight. MCP's parameters travel in headers of any name, so all that are asked for are allowed. */
export function preflightHeaders(origin: string, asked: string | undefined): Record<string, string> {
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": METHODS,
    ...(asked !== undefined && { "access-control-allow-headers": asked }),
    "access-control-max-age": String(PREFLIGHT_SECONDS),
    vary: "origin, access-control-request-headers",
  };
}
