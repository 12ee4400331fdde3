import { isJsonObject } from "../machinery/json-equal.ts";
import { type GatewayQuery, GatewayUnreachable, requestPart, shortText } from "./gateway-client.ts";
import type { WorkloadUsage } from "./usage-provider.ts";

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
  return { instances, cpuMillis: cpuMillis as number | undefined, memoryBytes: memoryBytes as number | undefined };
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
