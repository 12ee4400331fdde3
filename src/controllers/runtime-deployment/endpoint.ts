import type { Workload } from "../../backends/backend.ts";
import { instanceOf, type WorkloadEndpoint } from "../../backends/workload-endpoint.ts";
import type { Transport } from "../../effective-spec/effective-spec.ts";
import type { Facts } from "./facts.ts";
import { originOf } from "./origin.ts";

/** Pure. Where MCP is spoken to what runs, if its status must not or cannot say so. */
export function unrecorded({ current, transport, backend = "" }: Pick<Facts, "current" | "transport" | "backend">) {
  return current?.reach && current.state.kind === "running" ? endpointOf(current, { transport, backend }) : undefined;
}

/** Pure. Where MCP is spoken to a workload; undefined while it has no address. `backend`: name of the RuntimeBackend. */
export function endpointOf(
  workload: Pick<Workload, "id" | "startedAt" | "address" | "secure" | "reach">,
  { transport, backend }: { readonly transport: Transport; readonly backend: string },
): WorkloadEndpoint | undefined {
  const instance = instanceOf(workload);
  const { id, reach } = workload;
  if (reach?.kind === "stdio") {
    return { kind: "stdio", backend, id, instance, sessionMode: transport.sessionMode ?? "Shared" };
  }
  if (transport.type === "stdio") return undefined;
  const http = {
    kind: "http" as const,
    ...{ transport: transport.type, instance },
    ...(transport.forwardAuthorization && { forwardAuthorization: true }),
  };
  if (reach) return { ...http, url: reach.url, headers: reach.headers, allowedCidrs: reach.allowedCidrs };
  const origin = originOf(workload);
  return origin === undefined ? undefined : { ...http, url: `${origin}${transport.path}` };
}
