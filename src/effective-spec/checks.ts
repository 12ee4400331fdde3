import { cpuMillis, formatCpu, formatMemory, memoryBytes } from "../api/quantity.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { type Bound, excesses } from "../guardrails/bounds.ts";
import type { GuardrailCapabilities } from "../guardrails/capabilities.ts";
import { leadsPastNetwork } from "../guardrails/confinement.ts";
import { isAtOrBelow } from "../guardrails/container-path.ts";
import type { GuardrailOverrides } from "../guardrails/effective-guardrails.ts";
import { enforcementOf } from "../guardrails/enforcement.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { isNetworkRestricted } from "../guardrails/held-capabilities.ts";
import { listing } from "../guardrails/listing.ts";
import type { Source } from "./source.ts";
import type { Transport } from "./transport.ts";
import type { Volume } from "./volumes.ts";

/** What is judged before anything is created. */
export interface Judged {
  readonly guardrails: Guardrails;
  readonly bounds: readonly Bound[];
  /** The deployment's. */
  readonly namespace: string;
  /** As the deployment itself asks, beside its profile. */
  readonly ownSeccomp: GuardrailOverrides["seccomp"];
  /** As deployment and catalog entry ask; undefined members ask for nothing. */
  readonly resources: NonNullable<RuntimeDeploymentSpec["resources"]>;
  readonly volumes: readonly Volume[];
  readonly probe: RuntimeDeploymentSpec["health"]["probe"];
  readonly transport: Transport;
  readonly sourceKind: Source["kind"];
  /** `capabilities` are undefined while nobody has asked the backend. */
  readonly backend: {
    readonly name: string;
    readonly type: string;
    readonly capabilities: GuardrailCapabilities | undefined;
  };
}

/** Why a deployment cannot run as it is; the message names values and remedy. */
export interface Violation {
  readonly reason: Reason;
  readonly message: string;
}

/** Pure. Undefined: nothing against it. */
export type Check = (judged: Judged) => Violation | undefined;

/** Every bound holds for profile and overrides alike, whoever submits them. */
export const withinBounds: Check = ({ guardrails, bounds }) => {
  const wider = excesses(guardrails, bounds);
  if (wider.length === 0) return undefined;
  return {
    reason: Reason.GuardrailsTooWide,
    message: `GuardrailProfile "${guardrails.profile}" with its overrides lets more happen than it may here: ${wider.join("; ")}. Choose a narrower profile, or narrow these fields by spec.guardrails.overrides`,
  };
};

/** Asking for more is refused, not cut: who asks for two cores and gets a half would look for the cause elsewhere. */
export const withinMaxima: Check = ({ guardrails: { profile, resources: maxima }, resources }) => {
  const { maxCpuMillis = Infinity, maxMemoryBytes = Infinity, maxPids = Infinity } = maxima;
  const { cpu, memory, pids } = resources;
  const over = [
    cpu !== undefined && cpuMillis(cpu) > maxCpuMillis ? `cpu ${cpu}, at most ${formatCpu(maxCpuMillis)}` : [],
    memory !== undefined && memoryBytes(memory) > maxMemoryBytes
      ? `memory ${memory}, at most ${formatMemory(maxMemoryBytes)}`
      : [],
    pids !== undefined && pids > maxPids ? `pids ${pids}, at most ${maxPids}` : [],
  ].flat();
  if (over.length === 0) return undefined;
  return {
    reason: Reason.LimitExceeded,
    message: `spec.resources asks for more than GuardrailProfile "${profile}" allows: ${over.join("; ")}. Ask for less, or choose a profile that allows more`,
  };
};

export const mountsAllowed: Check = ({ guardrails: { profile, filesystem }, volumes }) => {
  const { allowedMounts } = filesystem;
  if (!allowedMounts) return undefined;
  const outside = volumes.filter(({ path }) => !allowedMounts.some((root) => isAtOrBelow(path, root)));
  if (outside.length === 0) return undefined;
  const paths = outside.map(({ name, path }) => `${path} (volume ${name})`);
  return {
    reason: Reason.VolumeNotAllowed,
    message: `spec.volumes: ${listing(paths)}: GuardrailProfile "${profile}" allows mounts ${allowedMounts.length === 0 ? "nowhere" : `at or below ${listing(allowedMounts)} only`}`,
  };
};

/** With these capabilities a workload could send past the rules of its network. */
export const networkKeepsItsRules: Check = ({ guardrails }) => {
  if (!isNetworkRestricted(guardrails)) return undefined;
  const dangerous = guardrails.capabilities.add.filter(leadsPastNetwork);
  if (dangerous.length === 0) return undefined;
  return {
    reason: Reason.InvalidSpec,
    message: `GuardrailProfile "${guardrails.profile}" with its overrides restricts the network and adds ${listing(dangerous)}, with which the workload could get past that; take it out of capabilities.add, or restrict neither egress nor ingress`,
  };
};

/** Whoever writes a deployment may not have the controller read what lies in a namespace of others; who writes profiles may. */
export const seccompOfOwnNamespace: Check = ({ ownSeccomp, namespace }) =>
  ownSeccomp?.namespace === undefined || ownSeccomp.namespace === namespace
    ? undefined
    : {
        reason: Reason.InvalidSpec,
        message: `spec.guardrails.overrides.seccomp.namespace: "${ownSeccomp.namespace}": a deployment may name ConfigMaps of its own namespace only; copy it to "${namespace}", or have a GuardrailProfile name it`,
      };

/** A probe of a server that nothing can reach would call it broken forever. */
export const ingressForProbe: Check = ({ guardrails: { profile, network }, probe, transport }) =>
  network.ingressPorts?.length === 0 && probe !== "none" && transport.type !== "stdio"
    ? {
        reason: Reason.IngressClosed,
        message: `GuardrailProfile "${profile}" lets nothing in (network.ingressPorts is empty), so probe ${probe} cannot reach the server; set spec.health.probe to none, or choose a profile with ingress`,
      }
    : undefined;

/** Only MCP can be asked of what has no address of its own. */
export const probeOfReach: Check = ({ probe, transport, sourceKind }) => {
  if (probe === "mcp" || probe === "none") return undefined;
  const remedy = "set spec.health.probe to mcp or none";
  if (transport.type === "stdio")
    return {
      reason: Reason.InvalidSpec,
      message: `spec.health.probe: ${probe} cannot ask a server of transport stdio, which has no address; ${remedy}`,
    };
  if (sourceKind !== "remote") return undefined;
  return {
    reason: Reason.InvalidSpec,
    message: `spec.health.probe: ${probe} is not asked of servers that somebody else runs; ${remedy}`,
  };
};

/** What belongs to a process of ours means nothing for one that somebody else runs. */
export const remoteIsReached: Check = ({ sourceKind, transport, volumes }) => {
  if (sourceKind !== "remote") return undefined;
  if (transport.type === "stdio") {
    const message =
      "spec.transport.type: stdio does not reach spec.source.remote, which has a URL; set streamable-http or sse";
    return { reason: Reason.InvalidSpec, message };
  }
  if (volumes.length === 0) return undefined;
  const names = listing(volumes.map(({ name }) => name));
  const message = `spec.volumes: ${names}: nothing can be mounted where somebody else runs the server; remove it`;
  return { reason: Reason.InvalidSpec, message };
};

/** A backend that was never reached says nothing of what it can enforce; nothing starts there either. */
export const enforcedIfStrict: Check = ({ guardrails, backend }) => {
  if (guardrails.enforcement !== "Strict" || !backend.capabilities) return undefined;
  const lacking = enforcementOf(guardrails, backend.capabilities, backend).fields.filter(
    ({ enforcement }) => enforcement === "NotEnforced",
  );
  if (lacking.length === 0) return undefined;
  const fields = lacking.map(({ field, reason }) => `${field} (${reason})`);
  return {
    reason: Reason.GuardrailNotEnforced,
    message: `GuardrailProfile "${guardrails.profile}" is strict, and RuntimeBackend "${backend.name}" cannot enforce ${fields.join("; ")}. Choose another backend, or a profile whose enforcement is Warn`,
  };
};

/** In the order in which they are asked; the first violation is the one that is told. */
export const CHECKS: readonly Check[] = [
  withinBounds,
  withinMaxima,
  mountsAllowed,
  networkKeepsItsRules,
  seccompOfOwnNamespace,
  ingressForProbe,
  remoteIsReached,
  probeOfReach,
  enforcedIfStrict,
];
