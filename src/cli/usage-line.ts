import { memoryBytes } from "../api/quantity.ts";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { GatewayError, GatewayUnreachable } from "../gateway/gateway-client.ts";
import { requestUsage } from "../gateway/usage-client.ts";
import type { WorkloadRequests, WorkloadUsage } from "../gateway/usage-provider.ts";
import type { KubeTarget } from "../machinery/kubeconfig.ts";
import { authorizationOf } from "./authorization.ts";
import { namedGateway } from "./gateway-address.ts";
import { UsageError } from "./usage-error.ts";

export interface UsageLineOptions {
  readonly target: KubeTarget;
  readonly gateway: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
}

/** Measuring takes its time at most places. The rest of the status is not kept from its reader for longer. */
const PATIENCE_MS = 6_000;

/**
 * What a deployment's workload uses just now, or why that is not known, for people. Undefined where nothing of it is
 * anywhere. Never throws but for what was typed. @throws {UsageError}
 */
export async function usageLine(
  { metadata, status }: RuntimeDeployment,
  { target, gateway: typed, kubeconfig, env, signal }: UsageLineOptions,
): Promise<string | undefined> {
  if (status?.workload?.backend === undefined) return undefined;
  // The default address is not tried: nobody has asked for the token to go there.
  const gateway = await namedGateway({ gateway: typed, kubeconfig }, env);
  if (gateway === undefined) return "unknown: no gateway is named; name one with --gateway or SLIPWAY_GATEWAY";
  try {
    const authorization = await authorizationOf(target);
    if (authorization === undefined) return "unknown: the kubeconfig's user has no bearer token";
    const patience = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
    const { namespace = "default", name } = metadata;
    const usage = await requestUsage({ gateway, authorization, namespace, name, signal: patience }, PATIENCE_MS);
    return usageText(usage, status.guardrails?.limits ?? {}, new Date());
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (error instanceof GatewayError && error.code === 404) return undefined;
    if (error instanceof GatewayError) return `unknown: ${error.message}`;
    const why = error instanceof GatewayUnreachable ? error.message : "no answer in time";
    return `unknown: gateway ${gateway.origin}: ${why}`;
  }
}

interface Limits {
  readonly cpu?: string;
  readonly memory?: string;
}

/**
 * `2 instances, CPU 240m of 2 × 500m, memory 128Mi of 2 × 1Gi`: limits are those of each instance. Behind it requests, where
 * they are counted.
 */
export function usageText(usage: WorkloadUsage, limits: Limits, now: Date): string {
  const { requests } = usage;
  const used = usedText(usage, limits);
  return requests === undefined ? used : `${used}; ${requestsText(requests, now)}`;
}

/** `120 requests in 10 min (118 2xx, 2 5xx), 5 min ago`: what is older than the rest says so. */
function requestsText({ total, byStatus, spanSeconds, until }: WorkloadRequests, now: Date): string {
  const each = Object.entries(byStatus).map(([status, count]) => `${count} ${status}`);
  const statuses = each.length === 0 ? "" : ` (${each.join(", ")})`;
  const ageMinutes = Math.round((now.getTime() - Date.parse(until)) / 60_000);
  const ago = ageMinutes < 1 ? "" : `, ${ageMinutes} min ago`;
  return `${total} ${total === 1 ? "request" : "requests"} in ${Math.round(spanSeconds / 60)} min${statuses}${ago}`;
}

function usedText({ instances, cpuMillis, memoryBytes: used }: WorkloadUsage, limits: Limits): string {
  const count = `${instances} ${instances === 1 ? "instance" : "instances"}`;
  if (instances === 0) return count;
  const each = (limit: string) => (instances === 1 ? limit : `${instances} × ${limit}`);
  const of = (limit: string | undefined) => (limit === undefined ? "" : ` of ${each(limit)}`);
  if (cpuMillis === undefined && used === undefined) return `${count}; CPU and memory are not measured`;
  const cpu = cpuMillis === undefined ? "unknown" : `${cpuMillis}m`;
  const memory = used === undefined ? "unknown" : inUnitsOf(limits.memory, used);
  return `${count}, CPU ${cpu}${of(limits.cpu)}, memory ${memory}${of(limits.memory)}`;
}

/** Whole numbers of the family that the limit is in, so that both can be compared at a glance. */
function inUnitsOf(limit: string | undefined, bytes: number): string {
  const unit = limit !== undefined && /[kMGT]$/.test(limit) ? "M" : "Mi";
  return `${Math.round(bytes / memoryBytes(`1${unit}`))}${unit}`;
}
