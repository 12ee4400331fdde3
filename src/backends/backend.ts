import type { GuardrailCapabilities } from "../guardrails/capabilities.ts";
import type { Confinement } from "../guardrails/confinement.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import type { Logger } from "../machinery/logger.ts";
import type { ImageBuilder } from "./build.ts";
import type { EgressManager } from "./egress.ts";
import type { PlatformProbe } from "./platform-probe.ts";
import type { StdioStream } from "./stdio-stream.ts";
import type { UsageSource } from "./usage.ts";
import type { VariableExpander } from "./variables.ts";

/** The deployment that something outside belongs to. `uid` decides; namespace and name are for people. */
export interface Owner {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** Everything that a workload is made from. No reference is left in it: secrets are resolved, the image has a digest. */
export interface WorkloadSpec {
  readonly owner: Owner;
  /** Generation of the deployment that this came from. Not part of the hash. */
  readonly generation: number;
  /** Equal hashes mean that the running workload is right. Secret values went in by a keyed HMAC. */
  readonly hash: string;
  /** The same without what a place may change beside a running process: its visibility. Undefined: as `hash`. */
  readonly processHash?: string;
  /** `NO_IMAGE` of what is neither image nor package. */
  readonly image: ResolvedImage;
  /** What it is where it is no container's image. */
  readonly program?: Program;
  /** MCP is spoken over its standard input and output, and `port` has no meaning. */
  readonly stdio?: boolean;
  /** Undefined keeps the image's ENTRYPOINT. */
  readonly command: readonly string[] | undefined;
  /** Undefined keeps the image's CMD (and, as in Kubernetes, drops it where `command` is given). */
  readonly args: readonly string[] | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Port that the server listens on. */
  readonly port: number;
  readonly mounts: readonly Mount[];
  readonly limits: { readonly cpuMillis: number; readonly memoryBytes: number; readonly pids: number };
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  /** How many instances; undefined: one, also while nobody asks, and always undefined where a place has no choice. */
  readonly scaling?: Scaling | undefined;
  /** Who reaches it; undefined: what the place does by itself, and always so where it has no choice. */
  readonly visibility?: Visibility | undefined;
  /** When the place itself takes an instance for ready; undefined: as it does by itself. */
  readonly readiness?: PlatformProbe | undefined;
  /** When the place itself starts an instance again; undefined: when its process ends. */
  readonly liveness?: PlatformProbe | undefined;
  /** Names in `env` whose values come out of Secrets. Undefined: any of them may. Part of no hash. */
  readonly secretVariables?: ReadonlySet<string>;
  readonly confinement: Confinement;
  /** What the confinement came from, kept with the workload so that it can be judged later. Not part of the hash. */
  readonly guardrails: Guardrails;
}

/** Secrets are resolved in it: never log it. */
export type Program =
  /** That of the package that `image` names; the arguments are the workload's. */
  | { readonly kind: "package" }
  | {
      readonly kind: "process";
      readonly command: string;
      readonly args: readonly string[];
      /** Undefined: a directory of its own. */
      readonly workingDir: string | undefined;
    }
  | {
      readonly kind: "remote";
      readonly url: string;
      readonly transport: "streamable-http" | "sse" | "stdio";
      readonly headers: Readonly<Record<string, string>>;
    };

/** Bounds that a place keeps to by itself, by the requests that come. */
export interface Scaling {
  /** 0: none while nobody asks. */
  readonly min: number;
  readonly max: number;
  /** Requests at once that one instance takes. */
  readonly concurrency: number;
  /** Instances that a new revision begins with; undefined: the larger of one and `min`. */
  readonly initial?: number | undefined;
  /** How long an instance is kept that has no more work; undefined: 0. */
  readonly downDelaySeconds?: number | undefined;
  /** The longest that a request may take; undefined: as long as the place lets it. */
  readonly requestTimeoutSeconds?: number | undefined;
}

/** `public`: everybody. `private`: the provider's own network. `project`: what runs beside it. */
export type Visibility = "public" | "private" | "project";

export type Mount = { readonly name: string; readonly path: string; readonly readOnly: boolean } & (
  | { readonly kind: "volume"; readonly retain: boolean }
  | { readonly kind: "tmpfs"; readonly sizeBytes: number }
  /** Files by name, written once at creation. `secret` keeps them out of everything that is readable by others. */
  | { readonly kind: "files"; readonly files: Readonly<Record<string, Uint8Array>>; readonly secret: boolean }
  | { readonly kind: "hostPath"; readonly hostPath: string }
);

export interface ImageRequest {
  /** As the user wrote it; of a package `npm:NAME@RANGE` or `pypi:NAME@RANGE`. */
  readonly reference: string;
  readonly pullPolicy: "Always" | "IfNotPresent" | "Never";
  /** Contents of `.dockerconfigjson`; undefined asks without credentials. */
  readonly dockerConfig: string | undefined;
}

/** An image, or a package, that can no longer change under its name. */
export interface ResolvedImage {
  /** What the status shows: `registry/repository@sha256:…`, `sha256:…` (an image ID) where no digest exists, `npm:NAME@VERSION#INTEGRITY` and so with pypi. */
  readonly pinned: string;
}

/** Stands for the image of a server that has none: a program of the machine, or somebody else's. */
export const NO_IMAGE = "none";

/** Where packages come from. It is the member of `spec.source.package`, and begins what a package is pinned to. */
export type PackageRegistry = "npm" | "pypi";

/** Pure. Whether something pinned is a package and no image. */
export function isPackage(pinned: string): boolean {
  const registries: readonly PackageRegistry[] = ["npm", "pypi"];
  return registries.some((registry) => pinned.startsWith(`${registry}:`));
}

export interface PullProgress {
  readonly layersDone: number;
  readonly layersTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
}

export type ImageState = { readonly kind: "present" } | { readonly kind: "pulling"; readonly progress: PullProgress };

export type WorkloadState =
  | { readonly kind: "created" }
  /** The place brings it up and nothing of it serves yet; `waitsFor` says for what, where that is unusual. */
  | { readonly kind: "starting"; readonly waitsFor: string | undefined }
  /** The place could not bring it up, and does not try again by itself. */
  | ({ readonly kind: "failed" } & Trouble)
  | { readonly kind: "running" }
  /** The place itself waits before it starts the process again. */
  | {
      readonly kind: "restarting";
      readonly exitCode: number;
      readonly outOfMemory: boolean;
      /** Why its program could not be run at all; empty when it ran. */
      readonly error: string;
    }
  | { readonly kind: "paused" }
  | {
      readonly kind: "exited";
      readonly exitCode: number;
      readonly outOfMemory: boolean;
      /** As above. */
      readonly error: string;
      readonly at: string;
    };

/** What went wrong, and the remedy. */
export interface Trouble {
  /** Of api/v1alpha1/conditions.ts. */
  readonly reason: string;
  readonly message: string;
}

/** A newer revision that the place itself tries while an earlier one serves. */
export interface Rollout {
  /** Names this attempt: another one has another. */
  readonly id: string;
  readonly hash: string;
  readonly generation: number;
  /** Undefined while it may still succeed. */
  readonly trouble: Trouble | undefined;
}

/** One workload as it is now. */
export interface Workload {
  readonly id: string;
  readonly owner: Owner;
  /** `candidate` is a newer revision on trial beside the one that serves, on a port of its own. */
  readonly role: "current" | "candidate";
  readonly hash: string;
  readonly generation: number;
  readonly image: ResolvedImage;
  /** What it was made under; undefined where the place does not tell, which counts as unrestricted. */
  readonly guardrails: Guardrails | undefined;
  readonly state: WorkloadState;
  /** Start of its process, RFC 3339; undefined before the first. */
  readonly startedAt: string | undefined;
  /** Starts that the place made by itself since the workload was created. */
  readonly platformRestarts: number;
  /** The port on the place's machine that it is, or would be, published on; undefined where no port is chosen. */
  readonly hostPort: number | undefined;
  /** `host:port` of its endpoint. Undefined while it has none: disconnected from its network, or no ingress. */
  readonly address: string | undefined;
  /** Whether TLS is spoken at `address`. */
  readonly secure?: boolean;
  /** How MCP is spoken to it, where that is not by HTTP at `address`. */
  readonly reach?: Reach;
  /** Why the controller cannot dial `address` though others can; the place alone then says that it serves. */
  readonly unreachable?: string | undefined;
  /** Whether the place ends its last instance while nobody asks, and starts one for who does. */
  readonly scalesToZero?: boolean;
  /** What is asked for beyond what serves, where the place replaces by itself (`Backend.update`). */
  readonly rollout?: Rollout | undefined;
  /** What differs from how it was made, though its hash is right: renamed, network gone, … Empty when nothing does. */
  readonly drift: readonly Drift[];
}

export type Reach =
  /** Over its standard input and output: `StdioHost`. */
  | { readonly kind: "stdio" }
  /** Where somebody else runs it. Holds credentials: never log it. */
  | {
      readonly kind: "remote";
      /** With path and query. */
      readonly url: string;
      readonly headers: Readonly<Record<string, string>>;
      /** Ranges beside the public ones that its name may resolve to. */
      readonly allowedCidrs: readonly string[];
    };

export interface Drift {
  /** `sandbox`: what enforces its network rules is gone, ended or was started anew; mending it restarts the workload. */
  readonly kind: "name" | "network" | "ports" | "sandbox" | "spec";
  readonly message: string;
}

export interface BackendHealth {
  readonly available: boolean;
  /** PascalCase; `Available` when it is. */
  readonly reason: string;
  readonly message: string;
  readonly version: string | undefined;
  readonly capabilities: BackendCapabilities | undefined;
  /** Parts that the place can do without. Each becomes a condition of its RuntimeBackend. */
  readonly aspects?: readonly Aspect[];
}

/** One part of a place that may be missing while the rest works: history of logs, metrics, rules for egress. */
export interface Aspect {
  /** Of `ConditionType`. */
  readonly type: string;
  readonly available: boolean;
  /** PascalCase. */
  readonly reason: string;
  /** Where it is not available: what is missing, and the remedy. */
  readonly message: string;
}

export interface BackendCapabilities {
  readonly isolation: string;
  readonly sources: readonly string[];
  readonly cpuLimits: boolean;
  readonly memoryLimits: boolean;
  readonly pidsLimits: boolean;
  readonly seccomp: boolean;
  readonly appArmor: boolean;
  readonly cgroupVersion: string;
  readonly rootless: boolean;
  /** Where logs come from: `native` is the place itself. */
  readonly observability: string;
  readonly readOnlyFilesystem: boolean;
  /** Whether Linux capabilities can be dropped and added one by one. */
  readonly customCapabilities: boolean;
  /** Whether a workload can be kept to hosts that are listed by name. */
  readonly egressHostFiltering: boolean;
  /** The most that one workload can have here, whatever it asks for; 0: no maximum. */
  readonly maxCpuMillis: number;
  readonly maxMemoryBytes: number;
  readonly maxTimeoutSeconds: number;
  /** Whether `scaling` takes effect; else there is one instance. */
  readonly scaling: boolean;
  /** Whether the place asks instances itself, so that `readiness` and `liveness` take effect. */
  readonly platformProbes: boolean;
  /** What `visibility` may be; empty: it has no effect. */
  readonly visibilities: readonly Visibility[];
  readonly guardrails: GuardrailCapabilities;
}

export interface CreateOptions {
  readonly role: "current" | "candidate";
  /** The port that the deployment had before; a candidate has none. Undefined: choose a free one. */
  readonly hostPort: number | undefined;
}

/** What can be judged of a workload before its image is known. */
export interface AdmissionRequest {
  /** Undefined: it is built, and stays where it is, or has none. */
  readonly imageReference: string | undefined;
  readonly program?: Program;
  readonly stdio?: boolean;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  readonly restartPolicy: WorkloadSpec["restartPolicy"];
  readonly confinement: Confinement;
}

/**
 * Somewhere a workload can run. Methods are idempotent, return without waiting for readiness, and stop at `signal`.
 * All throw `TerminalError` where only a changed spec helps and `TransientError` (with a reason of
 * api/v1alpha1/conditions.ts and a message that says the remedy) where a retry may.
 */
export interface Backend extends AsyncDisposable {
  /** Asks the place how it is. Never throws for an unreachable place: that is the answer. */
  health(signal: AbortSignal): Promise<BackendHealth>;
  /**
   * Refuses what this place may not or cannot run, before anything is created: registries, host paths, a seccomp profile
   * that is none. No I/O. @throws {TerminalError}
   */
  admit(spec: AdmissionRequest): void;
  /** Finds the digest behind a reference, at the registry or, by the pull policy, in what is here. Pulls nothing. */
  resolveImage(request: ImageRequest, signal: AbortSignal): Promise<ResolvedImage>;
  /**
   * Says whether the image is here, and if not starts a pull in the background (one for each image, whoever asks) and
   * tells `watch` when it moves. A pull that failed is thrown once to each owner, and the next call starts another.
   */
  ensureImage(owner: Owner, image: ResolvedImage, request: ImageRequest, signal: AbortSignal): Promise<ImageState>;
  /** Never writes. Empty when nothing exists. The current workload comes first. */
  observe(owner: Owner, signal: AbortSignal): Promise<readonly Workload[]>;
  /**
   * Succeeds when a workload of this owner, role and hash exists already. Does not start it.
   * @throws {TerminalError} `RunsAsRoot` for an image that its confinement forbids, before anything is made.
   */
  create(spec: WorkloadSpec, options: CreateOptions, signal: AbortSignal): Promise<Workload>;
  /**
   * Only of places that try a newer revision by themselves while the earlier one serves: there is never a candidate then.
   * Succeeds when that revision is there or under way; one that failed is tried again. Does not wait for it.
   */
  update?(id: string, spec: WorkloadSpec, signal: AbortSignal): Promise<Workload>;
  /**
   * Whether what is made from `spec` cannot run while `workload` does, for example on the only port that both can have: nothing is
   * tried beside it then. Absent: anything runs beside anything. No I/O.
   */
  excludes?(workload: Workload, spec: WorkloadSpec): boolean;
  /**
   * Succeeds when it runs already; a paused one goes on. Answers what is true afterwards. Where its network is restricted, its
   * process begins once the rules hold and never before, whoever starts it; what has lost its sandbox while it was stopped
   * (which is no drift) gets another here, and may then be another workload itself: its id changes.
   * @throws {TransientError} `SandboxUnavailable`, when it does not start.
   */
  start(id: string, signal: AbortSignal): Promise<Workload>;
  /** SIGTERM, `graceSeconds`, SIGKILL. Succeeds when it is stopped or gone. The place does not start it again. */
  stop(id: string, graceSeconds: number, signal: AbortSignal): Promise<void>;
  /**
   * Mends what `Workload.drift` names, without a restart of the process unless a sandbox has to be: the workload may then be
   * another (its id changes), and is never without its rules in between.
   */
  repair(workload: Workload, signal: AbortSignal): Promise<void>;
  /** Succeeds when the workload is gone already. Volumes stay. */
  delete(id: string, signal: AbortSignal): Promise<void>;
  /** Removes everything that is left of an owner, volumes that are not retained included. True once nothing is left. */
  purge(owner: Owner, signal: AbortSignal): Promise<boolean>;
  /**
   * Calls back with the owner of whatever changed, until `signal`. Reconnects by itself, and then names all owners. What
   * `start` has answered need not be told again.
   */
  watch(onChange: (owner: Owner) => void, signal: AbortSignal): void;
  /**
   * Removes what belongs to owners that `isAlive` does not know; what is not Slipway's is never touched.
   * Answers what was removed.
   */
  collectOrphans(isAlive: (owner: Owner) => boolean, signal: AbortSignal): Promise<readonly Owner[]>;
}

export interface LogOptions {
  /** Lines from the end; undefined: all that is kept. */
  readonly tail: number | undefined;
  readonly follow: boolean;
  readonly timestamps: boolean;
}

/** What only some backends can do. */
export interface LogSource {
  /** Standard output and error, in the order in which they were written, as UTF-8 lines without the newline. */
  logs(owner: Owner, options: LogOptions, signal: AbortSignal): AsyncIterable<string>;
}

/** What only places can do that run servers of stdio. */
export interface StdioHost {
  /**
   * Standard input and output of a running workload as one stream of bytes. Whoever calls later has the streams from then on: the
   * earlier one ends. @throws {TransientError} where it does not run.
   */
  attach(id: string, signal: AbortSignal): Promise<StdioStream>;
  /**
   * Starts one more process of a workload, for one client alone and confined as the workload is. It ends, by force where it has to,
   * once the stream does. @throws {TransientError}
   */
  attachOwn?(id: string, signal: AbortSignal): Promise<StdioStream>;
}

/** Makes the backend of one RuntimeBackend type from its spec. Registered by name in main.ts: the controllers know no type. */
export type BackendFactory<Config> = (config: Config, logger: Logger) => FullBackend;

/** A backend with what only some can do. */
export type FullBackend = Backend &
  Partial<LogSource & ImageBuilder & UsageSource & EgressManager & VariableExpander & StdioHost>;
