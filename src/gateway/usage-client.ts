import { isJsonObject } from "../machinery/json-equal.ts";
import { type GatewayQuery, GatewayUnreachable, requestPart, shortText } from "./gateway-client.ts";
import type { WorkloadRequests, WorkloadUsage } from "./usage-provider.ts";

/**
 * Asks a gateway what a workload uses. Waits no longer than `timeoutMs` for the beginning of the answer; its end the signal
 * bounds. @throws {GatewayError} when it refuses. @throws {GatewayUnreachable}
 */
export async function requestUsage(query: GatewayQuery, timeoutMs: number): Promise<WorkloadUsage> {
  const answer = await requestPart(query, { subresource: "usage", search: {}, timeoutMs });
  const usage = usageIn(await shortText(answer));
  if (usage === undefined) throw new GatewayUnreachable("what answers there is no Slipway gateway");
  return usage;
}

function usageIn(text: string): WorkloadUsage | undefined {
  const found = parsed(text);
  if (!isJsonObject(found)) return undefined;
  const { instances, cpuMillis, memoryBytes } = found;
  if (!isAmount(instances) || !isAmount(cpuMillis ?? 0) || !isAmount(memoryBytes ?? 0)) return undefined;
  const used = { cpuMillis: cpuMillis as number | undefined, memoryBytes: memoryBytes as number | undefined };
  const requests = requestsIn(found.requests);
  return { instances, ...used, ...(requests && { requests }) };
}

/** Undefined also where it makes no sense: what is used is told all the same. */
function requestsIn(found: unknown): WorkloadRequests | undefined {
  if (!isJsonObject(found)) return undefined;
  const { total, byStatus, spanSeconds, until } = found;
  if (!isAmount(total) || !isAmount(spanSeconds) || typeof until !== "string" || Number.isNaN(Date.parse(until)))
    return undefined;
  if (!isJsonObject(byStatus) || !Object.values(byStatus).every(isAmount)) return undefined;
  return { total, byStatus: byStatus as Readonly<Record<string, number>>, spanSeconds, until };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}
