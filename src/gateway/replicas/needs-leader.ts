import type { WorkloadEndpoint } from "../../backends/workload-endpoint.ts";
import type { Endpoint } from "../directory.ts";

/** Addresses that mean another machine, or another pod, to each replica. */
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|0\.0\.0\.0|\[::1?\])$/i;

/**
 * Whether a replica that does not lead passes requests on to the one that does. It serves what listens at an address of its own
 * and keeps nothing in a gateway; everything else is known, run, held back or remembered where the controllers are.
 */
export function needsLeader({ state, changing, upstream }: Pick<Endpoint, "state" | "changing" | "upstream">): boolean {
  // Only the leader knows what is about to end, and holds requests for what comes next.
  if (!state.ready || changing === true) return true;
  return upstream === undefined || isOfLeader(upstream);
}

function isOfLeader(upstream: WorkloadEndpoint): boolean {
  // A client of legacy SSE posts to the gateway that has its stream, and may meet any.
  return upstream.kind === "stdio" || upstream.transport === "sse" || LOOPBACK.test(new URL(upstream.url).hostname);
}
