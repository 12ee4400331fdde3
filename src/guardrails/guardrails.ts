/**
 * What a workload may do: a GuardrailProfile with a deployment's overrides applied, quantities and hosts parsed. Plain JSON
 * of values, so that it can be compared, hashed and kept with what was made from it.
 */
export interface Guardrails {
  /** Name of the GuardrailProfile. */
  readonly profile: string;
  readonly enforcement: "Warn" | "Strict";
  readonly network: {
    readonly egress: Egress;
    /** TCP ports beside the transport's own; undefined: the transport's only; empty: none at all, not even that. */
    readonly ingressPorts: readonly number[] | undefined;
    /** Port of the deployment's transport, reachable unless `ingressPorts` is empty; absent where no deployment is meant. */
    readonly transportPort?: number;
  };
  readonly filesystem: {
    readonly readOnlyRoot: boolean;
    /** Container paths at or below which a deployment may mount; undefined: anywhere; empty: nowhere. */
    readonly allowedMounts: readonly string[] | undefined;
  };
  /** Names without `CAP_`. */
  readonly capabilities: { readonly dropAll: boolean; readonly add: readonly string[] };
  /** The most that a deployment may ask for; undefined: no maximum. */
  readonly resources: {
    readonly maxCpuMillis: number | undefined;
    readonly maxMemoryBytes: number | undefined;
    readonly maxPids: number | undefined;
  };
  readonly seccomp: Seccomp;
  readonly appArmor: AppArmor;
  readonly runAsNonRoot: boolean;
  /** Types of RuntimeBackend that the profile was written for; empty: any. */
  readonly recommendedBackends: readonly string[];
}

export type Egress =
  | { readonly kind: "open" }
  | { readonly kind: "closed" }
  /** Only these, in the order in which they were listed. */
  | { readonly kind: "listed"; readonly hosts: readonly AllowedHost[] };

export type AllowedHost =
  /** Exact, or with `wildcard` every name of one or more labels below it and not the name itself. Lower case, no final dot. */
  | {
      readonly kind: "name";
      readonly name: string;
      readonly wildcard: boolean;
      /** TCP and UDP port; undefined: any. */
      readonly port: number | undefined;
    }
  /** A range of addresses in its canonical form: `10.20.0.0/16`, `2001:db8::/32`, `192.0.2.1/32`. */
  | { readonly kind: "range"; readonly family: 4 | 6; readonly cidr: string; readonly port: number | undefined };

export type Seccomp =
  | { readonly type: "RuntimeDefault" | "Unconfined" }
  | { readonly type: "ConfigMap"; readonly namespace: string; readonly name: string; readonly key: string };

export type AppArmor =
  | { readonly type: "RuntimeDefault" | "Unconfined" }
  /** A profile that is loaded on the machine of the backend. */
  | { readonly type: "Localhost"; readonly name: string };
