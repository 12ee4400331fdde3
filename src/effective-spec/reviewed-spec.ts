import { createHash } from "node:crypto";
import type { ConfigMap } from "../api/core.ts";
import { formatCpu, formatMemory } from "../api/quantity.ts";
import type { GuardrailProfileSpec, RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import type { Scaling, Visibility } from "../backends/backend.ts";
import { formatAllowedHost } from "../guardrails/allowed-host.ts";
import type { Egress, Guardrails } from "../guardrails/guardrails.ts";
import { canonicalJson } from "./canonical-json.ts";
import type { EffectiveSpec, EnvSource, Source, Volume } from "./effective-spec.ts";
import type { EnvVariable } from "./layers.ts";
import type { GitSource, RemoteHeader } from "./source.ts";
import { isPromised } from "./volumes.ts";

export { readReviewed, type TodaysUpkeep } from "./reviewed-spec-reader.ts";
export { isReviewedMember } from "./reviewed-spec-shape.ts";

/** What stands for an image that nobody could resolve before it runs: of pullPolicy Never, or built from git. */
export const UNRESOLVED = "unresolved";

/**
 * What people say yes to: an effective spec in a form that releases do not change. Names are the API's, quantities are text,
 * what nobody said is absent, and so is what no approval is about: desiredState, health, notes. Plain JSON. The digest is made
 * of it, so a member that a release adds must be absent wherever nobody asks for it.
 */
export interface ReviewedSpec {
  readonly backend: string;
  readonly source: ReviewedSource;
  /** `registry/repository@sha256:…`, an image ID, a package with its integrity, `UNRESOLVED`, or `none`. */
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly transport: EffectiveSpec["transport"];
  /** With overrides; `profile` is the name of the GuardrailProfile. */
  readonly guardrails: GuardrailProfileSpec & { readonly profile: string };
  /** The limits in force, whoever chose them. */
  readonly resources: { readonly cpu: string; readonly memory: string; readonly pids: number };
  readonly env?: readonly EnvVariable[];
  readonly envFrom?: readonly EnvSource[];
  /** The deployment's own; those that the guardrails promise follow from these. */
  readonly volumes?: readonly ReviewedVolume[];
  readonly restartPolicy: EffectiveSpec["restartPolicy"];
  readonly scaling?: Scaling;
  readonly exposure?: { readonly visibility: Visibility };
  /** Of every ConfigMap that is named, as far as it exists, by namespace and name. */
  readonly configMaps?: readonly ReviewedConfigMap[];
}

export type ReviewedVolume = NonNullable<RuntimeDeploymentSpec["volumes"]>[number];

export interface ReviewedSource {
  readonly image?: {
    readonly reference: string;
    readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
    readonly pullSecretRef?: { readonly name: string };
  };
  readonly git?: {
    readonly url: string;
    /** Branch, tag or commit. */
    readonly revision?: string;
    readonly contextDir?: string;
    readonly dockerfile: string;
    readonly buildArgs?: Readonly<Record<string, string>>;
    readonly credentialsRef?: { readonly name: string };
    readonly push?: { readonly repository: string; readonly secretRef?: { readonly name: string } };
    readonly timeoutSeconds: number;
    /** Value of the annotation that asks for another build. */
    readonly rebuild?: string;
  };
  readonly package?: { readonly npm?: string; readonly pypi?: string; readonly version: string };
  readonly process?: { readonly command: string; readonly args?: readonly string[]; readonly workingDir?: string };
  readonly remote?: { readonly url: string; readonly headers?: readonly RemoteHeader[] };
}

/** Contents, or of contents that are too much for an object their SHA-256 alone. */
export interface ReviewedConfigMap {
  readonly namespace: string;
  readonly name: string;
  readonly data?: Readonly<Record<string, string>>;
  /** Values are base64. */
  readonly binaryData?: Readonly<Record<string, string>>;
  /** In hexadecimal, of the canonical JSON of data and binaryData. */
  readonly sha256?: string;
}

/** What the references of a spec were found to mean. */
export interface Found {
  /** Undefined: nobody can tell before it runs. */
  readonly image: string | undefined;
  /** Those that the spec names and that exist, in any order. */
  readonly configMaps: readonly ConfigMap[];
}

/** All contents together, in bytes; above it only their digests go in. An object of the API server has little more than 1 MiB. */
const MOST_CONTENTS = 256 * 1024;

/** Pure. Equal meanings give equal values: members are in the order of their names. */
export function reviewedSpec(spec: EffectiveSpec, { image, configMaps }: Found): ReviewedSpec {
  const { cpuMillis, memoryBytes, pids } = spec.limits;
  const reviewed = {
    backend: spec.backend,
    source: reviewedSource(spec.source),
    image: image ?? UNRESOLVED,
    command: spec.command,
    args: spec.args,
    transport: spec.transport,
    guardrails: reviewedGuardrails(spec.guardrails),
    resources: { cpu: formatCpu(cpuMillis), memory: formatMemory(memoryBytes), pids },
    env: nonEmpty(spec.env.map(reviewedVariable)),
    envFrom: nonEmpty(spec.envFrom.map(reviewedEnvSource)),
    volumes: nonEmpty(spec.volumes.filter((volume) => !isPromised(volume)).map(reviewedVolume)),
    restartPolicy: spec.restartPolicy,
    scaling: spec.scaling,
    exposure: spec.visibility && { visibility: spec.visibility },
    configMaps: nonEmpty(reviewedConfigMaps(configMaps)),
  };
  return JSON.parse(canonicalJson(reviewed)) as ReviewedSpec;
}

/** Pure. `v1:sha256:` and 64 hexadecimal digits: what a yes is a yes to. The order of members does not count. */
export function specDigest(reviewed: ReviewedSpec): string {
  return `v1:sha256:${sha256(reviewed)}`;
}

function reviewedSource(source: Source): unknown {
  switch (source.kind) {
    case "image": {
      const { reference, pullPolicy, pullSecret } = source;
      return { image: { reference, pullPolicy, pullSecretRef: named(pullSecret) } };
    }
    case "git":
      return { git: reviewedGit(source) };
    case "package":
      return { package: { [source.registry]: source.name, version: source.version } };
    case "process": {
      const { command, args, workingDir } = source;
      return { process: { command, args: nonEmpty(args), workingDir } };
    }
    case "remote":
      return { remote: { url: source.url, headers: nonEmpty(source.headers.map(reviewedHeader)) } };
    default:
      return source satisfies never;
  }
}

/** Of a header out of a Secret the reference alone. */
function reviewedHeader({ name, value, valueFrom }: RemoteHeader): unknown {
  return { name, value, valueFrom: valueFrom && { secretKeyRef: keyReference(valueFrom.secretKeyRef) } };
}

function reviewedGit(source: GitSource): unknown {
  const { url, revision, contextDir, dockerfile, buildArgs, credentialsSecret, push, timeoutSeconds, rebuild } = source;
  return {
    url,
    revision,
    contextDir: contextDir || undefined,
    dockerfile,
    buildArgs: Object.keys(buildArgs).length > 0 ? buildArgs : undefined,
    credentialsRef: named(credentialsSecret),
    push: push && { repository: push.repository, secretRef: named(push.secret) },
    timeoutSeconds,
    rebuild: rebuild || undefined,
  };
}

function named(name: string | undefined): { name: string } | undefined {
  return name === undefined ? undefined : { name };
}

/** The inverse of `effectiveGuardrails`. */
function reviewedGuardrails(guardrails: Guardrails): unknown {
  const { profile, enforcement, network, filesystem, capabilities, resources, recommendedBackends } = guardrails;
  const { maxCpuMillis, maxMemoryBytes, maxPids } = resources;
  return {
    profile,
    enforcement,
    network: { ...reviewedEgress(network.egress), ingressPorts: network.ingressPorts },
    filesystem: { readOnlyRoot: filesystem.readOnlyRoot, allowedMounts: filesystem.allowedMounts },
    capabilities: { dropAll: capabilities.dropAll, add: nonEmpty(capabilities.add) },
    resources: {
      maxCpu: maxCpuMillis === undefined ? undefined : formatCpu(maxCpuMillis),
      maxMemory: maxMemoryBytes === undefined ? undefined : formatMemory(maxMemoryBytes),
      maxPids,
    },
    seccomp: guardrails.seccomp,
    appArmor: guardrails.appArmor,
    runAsNonRoot: guardrails.runAsNonRoot,
    recommendedBackends: nonEmpty(recommendedBackends),
  };
}

function reviewedEgress(egress: Egress): { egressAllowed: boolean; allowedHosts?: string[] } {
  switch (egress.kind) {
    case "open":
      return { egressAllowed: true };
    case "closed":
      return { egressAllowed: false };
    case "listed":
      return { egressAllowed: true, allowedHosts: egress.hosts.map(formatAllowedHost) };
    default:
      return egress satisfies never;
  }
}

/** Member by member, so that what a later release adds to the schema is no part of an older form unasked. */
function reviewedVariable({ name, value, valueFrom }: EnvVariable): unknown {
  const { secretKeyRef, configMapKeyRef } = valueFrom ?? {};
  return {
    name,
    value,
    valueFrom: valueFrom && {
      secretKeyRef: secretKeyRef && keyReference(secretKeyRef),
      configMapKeyRef: configMapKeyRef && keyReference(configMapKeyRef),
    },
  };
}

function keyReference({ name, key, optional }: { name: string; key: string; optional?: boolean }): unknown {
  return { name, key, optional };
}

function reviewedEnvSource({ prefix, secretRef, configMapRef }: EnvSource): unknown {
  return { prefix, secretRef: named(secretRef?.name), configMapRef: named(configMapRef?.name) };
}

function reviewedVolume(volume: Volume): unknown {
  const { name, path: mountPath, readOnly } = volume;
  switch (volume.kind) {
    case "volume":
      return { name, mountPath, readOnly, volume: { retain: volume.retain } };
    case "tmpfs":
      return { name, mountPath, readOnly, tmpfs: { sizeLimit: formatMemory(volume.sizeBytes) } };
    case "secret":
    case "configMap":
      return { name, mountPath, readOnly, [volume.kind]: { name: volume.objectName } };
    case "hostPath":
      return { name, mountPath, readOnly, hostPath: { path: volume.hostPath } };
    default:
      return volume satisfies never;
  }
}

/** By namespace and name, each once, however often it is named. */
function reviewedConfigMaps(configMaps: readonly ConfigMap[]): ReviewedConfigMap[] {
  const all = new Map(
    configMaps.map(({ metadata: { namespace = "", name }, data = {}, binaryData = {} }) => {
      const contents = { data: filled(data), binaryData: filled(binaryData) };
      return [`${namespace}/${name}`, { namespace, name, contents }] as const;
    }),
  );
  const bytes = [...all.values()].reduce((sum, { contents }) => sum + Buffer.byteLength(canonicalJson(contents)), 0);
  return [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([
        ,
        {
          namespace,
          name,
          contents: { data, binaryData },
        },
      ]) =>
        bytes > MOST_CONTENTS
          ? { namespace, name, sha256: sha256({ data, binaryData }) }
          : { namespace, name, ...(data && { data }), ...(binaryData && { binaryData }) },
    );
}

function filled(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> | undefined {
  return Object.keys(record).length > 0 ? record : undefined;
}

function nonEmpty<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length > 0 ? list : undefined;
}

function sha256(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
