import type { Lease } from "../api/core.ts";
import type { NewObject } from "../api/meta.ts";

export type LeaseSpec = NonNullable<Lease["spec"]>;

/** Where the others reach the gateway of whoever holds the lease, as `HOST:PORT`. */
export const GATEWAY_ADDRESS_ANNOTATION = "slipway.dev/gateway-address";

export interface Claim {
  readonly identity: string;
  readonly leaseMs: number;
  readonly gatewayAddress: string | undefined;
  readonly now: Date;
}

/** A lease as it has to be written in order to take it, or to keep it where `isOurs`. */
export function claimed<L extends NewObject<Lease>>(found: L, isOurs: boolean, claim: Claim): L & { spec: LeaseSpec } {
  const { identity, leaseMs, gatewayAddress } = claim;
  const now = microTime(claim.now);
  const { acquireTime = now, leaseTransitions = -1 } = found.spec ?? {};
  const { [GATEWAY_ADDRESS_ANNOTATION]: _former, ...others } = found.metadata.annotations ?? {};
  const annotations = { ...others, ...(gatewayAddress && { [GATEWAY_ADDRESS_ANNOTATION]: gatewayAddress }) };
  return {
    ...found,
    metadata: { ...found.metadata, annotations },
    spec: {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1_000),
      acquireTime: isOurs ? acquireTime : now,
      renewTime: now,
      leaseTransitions: isOurs ? leaseTransitions : leaseTransitions + 1,
    },
  };
}

/** As client-go gives a lease up: without a holder, so that nobody waits. */
export function released({ metadata, ...lease }: Lease, now: Date): Lease {
  const { [GATEWAY_ADDRESS_ANNOTATION]: _ours, ...annotations } = metadata.annotations ?? {};
  const { holderIdentity: _holder, ...spec } = lease.spec ?? {};
  return {
    ...lease,
    metadata: { ...metadata, annotations },
    spec: { ...spec, leaseDurationSeconds: 1, renewTime: microTime(now) },
  };
}

/** Whether nobody has taken the lease in between, not even one of the same identity. */
export function isSameTerm(a: LeaseSpec | undefined, b: LeaseSpec | undefined): boolean {
  return a?.holderIdentity === b?.holderIdentity && a?.leaseTransitions === b?.leaseTransitions;
}

/** Equal for two readings between which nobody renewed or took the lease, whatever else was written to it. */
export function markOf({ metadata, spec = {} }: Lease): string {
  return JSON.stringify([metadata.uid, spec.holderIdentity, spec.renewTime, spec.acquireTime, spec.leaseTransitions]);
}

/** Kubernetes' MicroTime. */
function microTime(time: Date): string {
  return time.toISOString().replace("Z", "000Z");
}
