import type { Workload } from "../../backends/backend.ts";

/** Scheme, host and port of a workload's endpoint; undefined where it has none. */
export function originOf({ address, secure }: Pick<Workload, "address" | "secure">): string | undefined {
  // A port that is the scheme's own is left out.
  return address === undefined ? undefined : new URL(`${secure ? "https" : "http"}://${address}`).origin;
}
