import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import type { Mount, Scaling, Visibility, WorkloadSpec } from "../../backend.ts";
import { type PlatformProbe, STANDARD_READINESS } from "../../platform-probe.ts";
import { isPromised } from "../admission.ts";
import type { AppPrototype, DomainMappings } from "../client/resources/apps.ts";
import type { ConfigMapPrototype, SecretData, SecretPrototype } from "../client/resources/config.ts";
import type { EnvVariablePrototype, ProbePrototype, VolumeMountPrototype } from "../client/resources/container.ts";
import { type CpuMemoryPair, largestPairWithin } from "../client/rules/cpu-memory.ts";
import { type Maker, marked, partName } from "./marks.ts";
import { markOf } from "./record.ts";

/** The longest that Code Engine lets a request, and so a stream of MCP, last. */
export const REQUEST_TIMEOUT_SECONDS = 600;
/** The least: what a writable root can fill. */
const EPHEMERAL_STORAGE = "400M";
const ONE: Scaling = { min: 1, max: 1, concurrency: 100 };

export interface TemplateInput {
  readonly spec: WorkloadSpec;
  readonly maker: Maker;
  readonly app: string;
  readonly attempt: number;
  /** Number of the user that the image is made for; undefined where it is not known. */
  readonly uid: number | undefined;
  readonly credentials: SecretData["registry"] | undefined;
}

/** An app, and the secrets and config maps that it refers to. */
export interface AppTemplate {
  readonly prototype: AppPrototype;
  readonly secrets: readonly SecretPrototype[];
  readonly configMaps: readonly ConfigMapPrototype[];
}

/** Pure. What a workload is on Code Engine. Values of variables and files travel in secrets unless they are known to be none. */
export function appTemplate(input: TemplateInput): AppTemplate {
  const { spec, maker, app, attempt, uid, credentials } = input;
  const { owner, scaling = ONE, confinement, visibility, readiness = STANDARD_READINESS, liveness } = spec;
  const mark = markOf(spec);
  const parts = partsOf(app, spec, mark);
  const pull: SecretPrototype[] = credentials
    ? [{ format: "registry", name: partName(app, "pull", JSON.stringify(credentials)), data: credentials }]
    : [];
  const { cpu, memory } = pairFor(spec.limits);
  const closed = confinement.network?.ingressPorts.length === 0;
  const prototype: AppPrototype = {
    name: app,
    image_reference: spec.image.pinned,
    image_port: spec.port,
    ...(pull[0] && { image_secret: pull[0].name }),
    managed_domain_mappings: closed ? "local" : MAPPINGS[visibility ?? "project"],
    run_commands: spec.command ?? [],
    run_arguments: spec.args ?? [],
    ...(uid !== undefined && { run_as_user: uid }),
    run_env_variables: [...parts.variables, ...marked(maker, { owner, hash: mark, attempt })],
    run_service_account: "none",
    run_compute_resource_token_enabled: false,
    run_volume_mounts: parts.mounts,
    scale_cpu_limit: cpu,
    scale_memory_limit: memory,
    scale_ephemeral_storage_limit: EPHEMERAL_STORAGE,
    scale_min_instances: scaling.min,
    scale_max_instances: scaling.max,
    scale_initial_instances: scaling.initial ?? Math.max(1, scaling.min),
    scale_concurrency: scaling.concurrency,
    scale_request_timeout: scaling.requestTimeoutSeconds ?? REQUEST_TIMEOUT_SECONDS,
    scale_down_delay: scaling.downDelaySeconds ?? 0,
    probe_readiness: probeOf(readiness, spec.port),
    ...(liveness && { probe_liveness: probeOf(liveness, spec.port) }),
  };
  return { prototype, secrets: [...pull, ...parts.secrets], configMaps: parts.configMaps };
}

function probeOf(probe: PlatformProbe, port: number): ProbePrototype {
  const { kind, path, periodSeconds, timeoutSeconds, failureThreshold, initialDelaySeconds } = probe;
  return {
    type: kind,
    ...(kind === "http" && path !== undefined && { path }),
    port,
    interval: periodSeconds,
    timeout: timeoutSeconds,
    failure_threshold: failureThreshold,
    ...(initialDelaySeconds !== undefined && { initial_delay: initialDelaySeconds }),
  };
}

const MAPPINGS: Readonly<Record<Visibility, DomainMappings>> = {
  public: "local_public",
  private: "local_private",
  project: "local",
};

/** @throws {TerminalError} `LimitExceeded` where even the smallest size is above the limits. */
function pairFor({ cpuMillis, memoryBytes }: WorkloadSpec["limits"]): CpuMemoryPair {
  const pair = largestPairWithin(cpuMillis / 1000, memoryBytes);
  if (pair) return pair;
  throw new TerminalError(
    Reason.LimitExceeded,
    `spec.resources: Code Engine has no size within ${cpuMillis}m CPU and ${memoryBytes} bytes of memory; its smallest is 125m with 250M`,
  );
}

interface Parts {
  readonly variables: readonly EnvVariablePrototype[];
  readonly mounts: readonly VolumeMountPrototype[];
  readonly secrets: readonly SecretPrototype[];
  readonly configMaps: readonly ConfigMapPrototype[];
}

/** Named by the revision's mark, so that a revision that serves keeps what it was made with. */
function partsOf(app: string, { env, secretVariables, mounts }: WorkloadSpec, mark: string): Parts {
  const isSecret = (name: string) => secretVariables?.has(name) ?? true;
  const entries = Object.entries(env);
  const hidden = entries.filter(([name]) => isSecret(name));
  const plain = entries.filter(([name]) => !isSecret(name));
  const files = mounts
    .filter((mount) => !isPromised(mount))
    .flatMap((mount) => (mount.kind === "files" ? [mount] : []));
  const nameOf = (kind: string) => partName(app, kind, mark);
  const references: EnvVariablePrototype[] = [
    ...(plain.length > 0 ? [{ type: "config_map_full_reference", reference: nameOf("env") } as const] : []),
    ...(hidden.length > 0 ? [{ type: "secret_full_reference", reference: nameOf("secret-env") } as const] : []),
  ];
  return {
    variables: references,
    mounts: files.map(({ name, path, secret }) => ({
      type: secret ? "secret" : "config_map",
      reference: nameOf(`files/${name}`),
      mount_path: path,
      read_only: true,
    })),
    secrets: [
      ...(hidden.length > 0 ? [generic(nameOf("secret-env"), Object.fromEntries(hidden))] : []),
      ...files.filter(({ secret }) => secret).map((mount) => generic(nameOf(`files/${mount.name}`), texts(mount))),
    ],
    configMaps: [
      ...(plain.length > 0 ? [{ name: nameOf("env"), data: Object.fromEntries(plain) }] : []),
      ...files
        .filter(({ secret }) => !secret)
        .map((mount) => ({ name: nameOf(`files/${mount.name}`), data: texts(mount) })),
    ],
  };
}

function generic(name: string, data: Readonly<Record<string, string>>): SecretPrototype {
  return { format: "generic", name, data };
}

function texts({ files }: Extract<Mount, { kind: "files" }>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => [name, Buffer.from(content).toString("utf8")]),
  );
}
