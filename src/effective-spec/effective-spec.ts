import type { RuntimeDeployment, RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { BackendCapabilities } from "../backends/backend.ts";
import type { Bound } from "../guardrails/bounds.ts";
import type { GuardrailCapabilities } from "../guardrails/capabilities.ts";
import { effectiveGuardrails, type NamedProfile } from "../guardrails/effective-guardrails.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { TerminalError } from "../machinery/errors.ts";
import { CHECKS, type Violation } from "./checks.ts";
import { type CatalogLayer, type EnvVariable, layered } from "./layers.ts";
import { type BackendDefaults, chooseLimits, type Limits } from "./limits.ts";
import { choosePlatformProbes, type PlatformProbes } from "./platform-probes.ts";
import { chooseReach, type Reach } from "./reach.ts";
import { chooseSource, type Source } from "./source.ts";
import { type Transport, transportPort } from "./transport.ts";
import { upkeepOf } from "./upkeep.ts";
import { parseVolumes, promisedVolumes, type Volume } from "./volumes.ts";

export { type CatalogLayer, type EnvVariable, profileNameOf } from "./layers.ts";
export type { BackendDefaults } from "./limits.ts";
export type { Source } from "./source.ts";
export type { Transport } from "./transport.ts";
export type { Volume } from "./volumes.ts";

export type EnvSource = NonNullable<RuntimeDeploymentSpec["envFrom"]>[number];

/**
 * A deployment with every layer merged, every default applied and every quantity parsed. Secrets and ConfigMaps are still
 * references: this is what people review, and what the plan starts from. Plain JSON.
 */
export interface EffectiveSpec extends Reach, PlatformProbes {
  readonly backend: string;
  readonly source: Source;
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  readonly transport: Transport;
  readonly guardrails: Guardrails;
  readonly limits: Limits;
  /** Where the limits that nobody asked for come from, for people. */
  readonly limitNotes: readonly string[];
  readonly env: readonly EnvVariable[];
  readonly envFrom: readonly EnvSource[];
  /** The deployment's, then those that its profile promises. */
  readonly volumes: readonly Volume[];
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  readonly desiredState: "Running" | "Stopped";
  readonly health: {
    readonly probe: "mcp" | "http" | "tcp" | "none";
    readonly path: string;
    readonly periodMs: number;
    readonly timeoutMs: number;
    readonly failureThreshold: number;
  };
}

export interface EffectiveSpecInput {
  readonly deployment: Pick<RuntimeDeployment, "spec"> & {
    readonly metadata: {
      readonly namespace?: string;
      readonly annotations?: Readonly<Record<string, string>>;
    };
  };
  readonly catalog?: CatalogLayer;
  /** The one that `profileNameOf` names. */
  readonly profile: NamedProfile;
  readonly bounds: readonly Bound[];
  readonly backend: {
    readonly name: string;
    readonly type: string;
    readonly defaults: BackendDefaults;
    /** Undefined while nobody has asked it: then only what needs its answer is not refused. */
    readonly capabilities: GuardrailCapabilities | undefined;
    /** Undefined while nobody has asked it, or where nobody starts anything. */
    readonly reach?: Pick<BackendCapabilities, "scaling" | "visibilities" | "platformProbes"> | undefined;
  };
}

/**
 * Pure. Profile, overrides, catalog entry and deployment in one value.
 * @throws {TerminalError} `InvalidSpec`, naming the field, for what the schema lets through but nobody can run, and the
 * reason of the first of `CHECKS` that has something against it.
 */
export function effectiveSpec(input: EffectiveSpecInput): EffectiveSpec {
  const { spec, violations } = examineSpec(input);
  const [first] = violations;
  if (first) throw new TerminalError(first.reason, first.message);
  return spec;
}

/**
 * Pure. The same for reports, with all that is against it: what has a violation must not run.
 * @throws {TerminalError} `InvalidSpec` as above.
 */
export function examineSpec(input: EffectiveSpecInput): {
  readonly spec: EffectiveSpec;
  readonly violations: readonly Violation[];
} {
  const { deployment, catalog, profile, bounds, backend } = input;
  const { spec } = deployment;
  const { source, command, args, env, resources, overrides } = layered(spec, catalog);
  const upkeep = upkeepOf(deployment, catalog);
  const merged = effectiveGuardrails(profile, overrides);
  const guardrails = { ...merged, network: { ...merged.network, ...transportPort(upkeep.transport) } };
  const volumes = parseVolumes(spec.volumes);
  const chosen = chooseSource(source, deployment.metadata.annotations);
  const { limits, limitNotes } = chooseLimits({ asked: resources, backend, guardrails });

  const judged = {
    guardrails,
    bounds,
    namespace: deployment.metadata.namespace ?? "",
    ownSeccomp: spec.guardrails?.overrides?.seccomp,
    resources,
    volumes,
    probe: upkeep.health.probe,
    transport: upkeep.transport,
    sourceKind: chosen.kind,
    backend,
  };
  const violations = CHECKS.map((check) => check(judged)).filter((violation) => violation !== undefined);
  const reach = chooseReach(spec, backend);
  const { probeNotes, ...probes } = choosePlatformProbes(spec.health, upkeep.transport, backend);
  const effective: EffectiveSpec = {
    backend: backend.name,
    source: chosen,
    command,
    args,
    guardrails,
    limits,
    limitNotes,
    ...reach,
    ...probes,
    reachNotes: [...reach.reachNotes, ...probeNotes],
    env,
    envFrom: spec.envFrom ?? [],
    volumes: [...volumes, ...promisedVolumes(guardrails, volumes)],
    ...upkeep,
  };
  return { spec: effective, violations };
}

/** Names of the Secrets and ConfigMaps, in the deployment's own namespace, that its spec refers to. */
export function referencedObjects(spec: RuntimeDeploymentSpec): { secrets: string[]; configMaps: string[] } {
  const { source, env = [], envFrom = [], volumes = [] } = spec;
  const secrets = [
    source.image?.pullSecretRef?.name,
    ...buildSecrets(spec),
    ...(source.remote?.headers ?? []).map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
    ...env.map(({ valueFrom }) => valueFrom?.secretKeyRef?.name),
    ...envFrom.map(({ secretRef }) => secretRef?.name),
    ...volumes.map(({ secret }) => secret?.name),
  ];
  const configMaps = [
    ...env.map(({ valueFrom }) => valueFrom?.configMapKeyRef?.name),
    ...envFrom.map(({ configMapRef }) => configMapRef?.name),
    ...volumes.map(({ configMap }) => configMap?.name),
  ];
  return { secrets: distinct(secrets), configMaps: distinct(configMaps) };
}

/** Names of the Secrets that an image is built with. */
export function buildSecrets({ source: { git } }: RuntimeDeploymentSpec): string[] {
  return distinct([git?.credentialsRef?.name, git?.push?.secretRef?.name]);
}

function distinct(names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined))];
}
