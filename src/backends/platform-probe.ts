/** How a place itself asks its instances, at the port that the server listens on. */
export interface PlatformProbe {
  readonly kind: "tcp" | "http";
  /** Of http. */
  readonly path: string | undefined;
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  /** In a row. */
  readonly failureThreshold: number;
  readonly initialDelaySeconds: number | undefined;
}

/**
 * What decides by itself when a revision takes over: that something listens, asked often. Whether that speaks MCP the
 * controller asks. A deployment that asks for just this says nothing, so that it stays what it was.
 */
export const STANDARD_READINESS: PlatformProbe = {
  kind: "tcp",
  path: undefined,
  periodSeconds: 5,
  timeoutSeconds: 2,
  failureThreshold: 3,
  initialDelaySeconds: undefined,
};
