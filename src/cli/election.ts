import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import { LeaderElection, leaseTimes } from "../machinery/leader-election.ts";
import type { Logger } from "../machinery/logger.ts";

/** Leader election as the command line says it. */
export interface ElectionSettings {
  readonly leaseMs: number;
  /** A host, where other replicas reach this one's gateway; absent: nothing is forwarded to it. */
  readonly advertiseAddress?: string | undefined;
}

export interface ElectionOptions extends ElectionSettings {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where the gateway listens. Asked for once this replica wants to lead, which is after it has begun to listen. */
  readonly gatewayUrl: () => string;
}

/** Named by the roles of the chart. */
const LEASE = { namespace: "slipway-system", name: "slipway-controller" };

/** An answer that comes later than this is not waited for: there is time for another try. */
export function leaseCallTimeoutMs({ leaseMs }: ElectionSettings): number {
  return leaseTimes(leaseMs).renewDeadlineMs / 2;
}

export function createElection({ leaseMs, advertiseAddress, gatewayUrl, ...options }: ElectionOptions): LeaderElection {
  return new LeaderElection({
    ...options,
    lease: LEASE,
    // A host may have several, and one that starts anew is another.
    identity: `${hostname()}_${randomUUID()}`,
    times: leaseTimes(leaseMs),
    gatewayAddress: () => advertiseAddress && `${advertiseAddress}:${new URL(gatewayUrl()).port || "80"}`,
  });
}
