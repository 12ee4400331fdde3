import Docker from "dockerode";

/** Where an Engine listens that nobody configured otherwise; also the default of `RuntimeBackend.spec.docker.host`. */
export const DEFAULT_SOCKET = "/var/run/docker.sock";

/** An Engine's answer to a ping, or why there is none. */
export type Ping =
  | { readonly kind: "answers"; readonly version: string }
  /** The socket is there, and this user may not open it. */
  | { readonly kind: "forbidden" }
  | { readonly kind: "silent"; readonly message: string };

/** The address that Docker's own client would use: DOCKER_HOST, else the default socket. */
export function engineAddress(env: NodeJS.ProcessEnv = process.env): string {
  return env.DOCKER_HOST || `unix://${DEFAULT_SOCKET}`;
}

/** Whether an Engine started here would answer at this address. */
export function isDefaultAddress(address: string): boolean {
  return address === `unix://${DEFAULT_SOCKET}` || address === "unix:///run/docker.sock";
}

/** A client of the Engine at `address`; DOCKER_TLS_VERIFY and DOCKER_CERT_PATH hold for the one of DOCKER_HOST. */
export function engineClient(address: string = engineAddress(), options: { timeoutMs?: number } = {}): Docker {
  const timeout = options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs };
  return address.startsWith("unix://")
    ? new Docker({ socketPath: address.slice("unix://".length), ...timeout })
    : new Docker(timeout);
}

/** Asks once. Never throws. */
export async function pingEngine(address: string, timeoutMs = 3_000): Promise<Ping> {
  try {
    const { Version } = await engineClient(address, { timeoutMs }).version();
    return { kind: "answers", version: Version };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") return { kind: "forbidden" };
    return { kind: "silent", message: (error as Error).message };
  }
}
