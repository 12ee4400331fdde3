import { Reason } from "../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment, RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { TerminalError } from "../machinery/errors.ts";
import { cpuMillis, memoryBytes, type Quantity } from "../api/quantity.ts";

/** What a RuntimeBackend gives to deployments that ask for nothing. */
export interface BackendDefaults {
  readonly limits: { readonly cpu: Quantity; readonly memory: Quantity; readonly pids: number };
}

export type EnvVariable = NonNullable<RuntimeDeploymentSpec["env"]>[number];
export type EnvSource = NonNullable<RuntimeDeploymentSpec["envFrom"]>[number];

export type Volume = { readonly name: string; readonly path: string; readonly readOnly: boolean } & (
  | { readonly kind: "volume"; readonly retain: boolean }
  | { readonly kind: "tmpfs"; readonly sizeBytes: number }
  | { readonly kind: "secret" | "configMap"; readonly objectName: string }
  | { readonly kind: "hostPath"; readonly hostPath: string }
);

/**
 * A deployment with every default applied and every quantity parsed. Secrets and ConfigMaps are still references:
 * this is what people review, and what the plan starts from.
 */
export interface EffectiveSpec {
  readonly backend: string;
  readonly image: {
    readonly reference: string;
    readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
    readonly pullSecret: string | undefined;
  };
  readonly command: readonly string[] | undefined;
  readonly args: readonly string[] | undefined;
  readonly transport: { readonly type: "streamable-http" | "sse"; readonly port: number; readonly path: string };
  readonly limits: { readonly cpuMillis: number; readonly memoryBytes: number; readonly pids: number };
  readonly env: readonly EnvVariable[];
  readonly envFrom: readonly EnvSource[];
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

const DEFAULT_PATH = { "streamable-http": "/mcp", sse: "/sse" } as const;
/** As the schema promises for a tmpfs without `sizeLimit`. */
const DEFAULT_TMPFS = "64Mi";

/** Pure. @throws {TerminalError} `InvalidSpec`, naming the field, for what the schema lets through but nobody can run. */
export function effectiveSpec(
  { spec }: Pick<RuntimeDeployment, "spec">,
  backend: string,
  defaults: BackendDefaults,
): EffectiveSpec {
  const path = spec.transport.path ?? DEFAULT_PATH[spec.transport.type];
  const { resources = {}, health } = spec;
  return {
    backend,
    image: {
      reference: spec.source.image.reference,
      pullPolicy: spec.source.image.pullPolicy,
      pullSecret: spec.source.image.pullSecretRef?.name,
    },
    // An empty list is no list: merge patches and templates leave one behind, and Kubernetes reads it so.
    command: nonEmpty(spec.command),
    args: nonEmpty(spec.args),
    transport: { type: spec.transport.type, port: spec.transport.port, path },
    limits: {
      cpuMillis: quantity("spec.resources.cpu", resources.cpu ?? defaults.limits.cpu, cpuMillis),
      memoryBytes: quantity("spec.resources.memory", resources.memory ?? defaults.limits.memory, memoryBytes),
      pids: resources.pids ?? defaults.limits.pids,
    },
    env: spec.env ?? [],
    envFrom: spec.envFrom ?? [],
    volumes: (spec.volumes ?? []).map(volume),
    restartPolicy: spec.restartPolicy,
    desiredState: spec.desiredState,
    health: {
      probe: health.probe,
      path: health.path ?? path,
      periodMs: health.periodSeconds * 1000,
      timeoutMs: health.timeoutSeconds * 1000,
      failureThreshold: health.failureThreshold,
    },
  };
}

/** Names of the Secrets and ConfigMaps, in the deployment's own namespace, that its spec refers to. */
export function referencedObjects(spec: RuntimeDeploymentSpec): { secrets: string[]; configMaps: string[] } {
  const { source, env = [], envFrom = [], volumes = [] } = spec;
  const secrets = [
    source.image.pullSecretRef?.name,
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

function volume(given: NonNullable<RuntimeDeploymentSpec["volumes"]>[number]): Volume {
  const { name, mountPath: path, readOnly } = given;
  if (given.volume) return { name, path, readOnly, kind: "volume", retain: given.volume.retain };
  if (given.tmpfs) {
    const field = `spec.volumes[${name}].tmpfs.sizeLimit`;
    const sizeBytes = quantity(field, given.tmpfs.sizeLimit ?? DEFAULT_TMPFS, memoryBytes);
    return { name, path, readOnly, kind: "tmpfs", sizeBytes };
  }
  if (given.secret) return { name, path, readOnly: true, kind: "secret", objectName: given.secret.name };
  if (given.configMap) return { name, path, readOnly: true, kind: "configMap", objectName: given.configMap.name };
  if (given.hostPath) return { name, path, readOnly, kind: "hostPath", hostPath: given.hostPath.path };
  throw new TerminalError(
    Reason.InvalidSpec,
    `spec.volumes[${name}]: has no kind; set one of volume, tmpfs, configMap, secret, hostPath`,
  );
}

function quantity(field: string, given: Quantity, parse: (quantity: Quantity) => number): number {
  try {
    return parse(given);
  } catch (cause) {
    throw new TerminalError(Reason.InvalidSpec, `${field}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

function nonEmpty(list: readonly string[] | undefined): readonly string[] | undefined {
  return list && list.length > 0 ? list : undefined;
}

function distinct(names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined))];
}
