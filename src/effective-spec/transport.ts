import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";

/** How MCP is spoken to the server. */
export interface Transport {
  readonly type: "streamable-http" | "sse" | "stdio";
  /** Without meaning for stdio. */
  readonly port: number;
  readonly path: string;
  /** Of stdio: each client has a process for itself. Absent: the clients share one where the server lets them. */
  readonly sessionMode?: "PerSession";
  /** Whether the Authorization of callers goes on to the server; absent: it does not. */
  readonly forwardAuthorization?: true;
}

const DEFAULT_PORT = 8080;
const DEFAULT_PATH = { "streamable-http": "/mcp", sse: "/sse", stdio: "/mcp" } as const;

/** Pure. With every default; what nobody asked for is absent. */
export function transportOf(
  given: NonNullable<RuntimeDeploymentSpec["transport"]>,
  source: RuntimeDeploymentSpec["source"],
): Transport {
  const { type = source.package ? "stdio" : "streamable-http", port = DEFAULT_PORT } = given;
  return {
    type,
    port,
    path: given.path ?? DEFAULT_PATH[type],
    ...(type === "stdio" && given.sessionMode === "PerSession" && { sessionMode: "PerSession" }),
    ...(given.forwardAuthorization === true && { forwardAuthorization: true }),
  };
}

/** Pure. The port that a server of this transport is reached at: none for stdio, where nothing listens. */
export function transportPort({ type, port }: Transport): { readonly transportPort?: number } {
  return type === "stdio" ? {} : { transportPort: port };
}
