import type { EndpointKey } from "../directory.ts";

const DEFAULT_NAMESPACE = "default";
/** RFC 1123: a label, and a name made of labels. */
const PATH =
  /^\/(?:([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/)?([a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*)\/mcp$/;
/** Longest path that can name a deployment: two names of 63 and 253 characters. */
const LONGEST = 323;

export interface McpRoute extends EndpointKey {
  /** As the client wrote it. */
  readonly path: string;
  /** With its question mark; empty where there is none. */
  readonly query: string;
}

/** The deployment that a request target names; undefined where it names none. */
export function mcpRouteOf(target: string): McpRoute | undefined {
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  if (path.length > LONGEST) return undefined;
  const [, namespace = DEFAULT_NAMESPACE, name] = PATH.exec(path) ?? [];
  if (name === undefined || name.length > 253) return undefined;
  return { namespace, name, path, query: mark === -1 ? "" : target.slice(mark) };
}
