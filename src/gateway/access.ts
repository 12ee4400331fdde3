/** Who asks, as the API server knows them. */
export interface GatewayUser {
  readonly username: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** A part of a RuntimeDeployment that is asked for. */
export interface Wanted {
  readonly namespace: string;
  readonly name: string;
  readonly subresource: "log" | "usage";
}

/** Decides who may use what, by the rights of the API server. Both throw where it cannot be asked. */
export interface GatewayAccess {
  /** Undefined where the token is nobody's. */
  authenticate(token: string, signal: AbortSignal): Promise<GatewayUser | undefined>;
  /** Whether the user may `get` it. */
  authorize(user: GatewayUser, wanted: Wanted, signal: AbortSignal): Promise<boolean>;
}
