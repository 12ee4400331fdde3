import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { McpGateway, McpGatewayStatus } from "../../api/v1alpha1/index.ts";
import { setCondition } from "../../machinery/conditions.ts";
import type { Problem } from "../registration/live-gateway.ts";

export interface GatewayFacts {
  /** Undefined: it answers. */
  readonly problem: Problem | undefined;
  /** Undefined: not told, or not asked this time. */
  readonly version: string | undefined;
  readonly registered: number;
}

/** Pure. */
export function summarize(
  { metadata: { generation = 0 }, status }: McpGateway,
  { problem, version, registered }: GatewayFacts,
  now: Date,
): McpGatewayStatus {
  const note = problem ?? { reason: Reason.GatewayAvailable, message: "its API answers, and takes the token" };
  const available = {
    ...{ type: ConditionType.Available, status: problem ? ("False" as const) : ("True" as const) },
    ...{ reason: note.reason, message: note.message, observedGeneration: generation },
  };
  const known = problem ? status?.version : version;
  return {
    observedGeneration: generation,
    conditions: [...setCondition(status?.conditions ?? [], available, now)],
    registered,
    ...(known !== undefined && { version: known }),
  };
}
