import type { GatewayUser } from "../access.ts";

/** A deployment, all of a namespace (no name), or all there are (neither). */
export interface UseScope {
  readonly namespace?: string;
  readonly name?: string;
}

/** Decides who may use which MCP servers, by the rights of the API server. Both throw where it cannot be asked. */
export interface UseAccess {
  /** Undefined where the token is nobody's. */
  authenticate(token: string, signal: AbortSignal): Promise<GatewayUser | undefined>;
  /** Whether the user may `use` runtimedeployments of that scope. */
  mayUse(user: GatewayUser, scope: UseScope, signal: AbortSignal): Promise<boolean>;
}
