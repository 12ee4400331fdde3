import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../machinery/errors.ts";
import {
  type AdmissionRequest,
  type Backend,
  type BackendCapabilities,
  type BackendHealth,
  type CreateOptions,
  type ImageState,
  NO_IMAGE,
  type Owner,
  type Program,
  type ResolvedImage,
  type Workload,
  type WorkloadSpec,
} from "../backend.ts";
import { REMOTE_GUARDRAILS } from "./guardrail-capabilities.ts";

export interface RemoteBackendConfig {
  /** Ranges beside the public addresses that servers may be reached at. */
  readonly allowedCidrs: readonly string[];
}

type RemoteProgram = Extract<Program, { kind: "remote" }>;

interface Known {
  readonly id: string;
  readonly spec: WorkloadSpec;
  readonly program: RemoteProgram;
  readonly role: CreateOptions["role"];
  /** Whether the gateway may send requests there. */
  connected: boolean;
}

/**
 * Servers that somebody else runs. Nothing is started or ended: a workload is the knowledge of where requests go and what
 * they carry. It lives in this process alone and is made again from the deployments after a restart, under the same id.
 */
export class RemoteBackend implements Backend {
  readonly #config: RemoteBackendConfig;
  /** By id. */
  readonly #known = new Map<string, Known>();
  readonly #watchers = new Set<(owner: Owner) => void>();

  constructor(config: RemoteBackendConfig) {
    this.#config = config;
  }

  async health(): Promise<BackendHealth> {
    const { allowedCidrs } = this.#config;
    const beside = allowedCidrs.length === 0 ? "" : ` and in ${allowedCidrs.join(", ")}`;
    return {
      available: true,
      reason: "Available",
      message: `servers are reached at public addresses${beside}`,
      version: undefined,
      capabilities: REMOTE_CAPABILITIES,
    };
  }

  admit({ program, env }: AdmissionRequest): void {
    remoteProgramOf(program);
    const [name] = Object.keys(env);
    if (name !== undefined) throw refused(`env ${name}: a server that somebody else runs gets no variables from here`);
  }

  async resolveImage(): Promise<ResolvedImage> {
    throw noImages();
  }

  async ensureImage(): Promise<ImageState> {
    throw noImages();
  }

  async observe({ uid }: Owner, signal: AbortSignal): Promise<readonly Workload[]> {
    signal.throwIfAborted();
    return this.#of(uid)
      .map((known) => this.#view(known))
      .sort((a, b) => (a.role === b.role ? 0 : a.role === "current" ? -1 : 1));
  }

  async create(spec: WorkloadSpec, { role }: CreateOptions, signal: AbortSignal): Promise<Workload> {
    signal.throwIfAborted();
    const program = remoteProgramOf(spec.program);
    // Equal for equal specs, in each life of the controller: what is reached is the same, and so are sessions there.
    const id = `remote-${spec.owner.uid}-${spec.hash}${role === "candidate" ? "-candidate" : ""}`;
    const known = this.#known.get(id) ?? { id, spec, program, role, connected: false };
    this.#known.set(id, known);
    return this.#view(known);
  }

  async start(id: string, signal: AbortSignal): Promise<Workload> {
    signal.throwIfAborted();
    const known = this.#known.get(id);
    if (!known) throw new TransientError(Reason.BackendError, "the remote server was forgotten; it is recorded again");
    this.#connect(known, true);
    return this.#view(known);
  }

  async stop(id: string): Promise<void> {
    const known = this.#known.get(id);
    if (known) this.#connect(known, false);
  }

  async repair(): Promise<void> {
    // Nothing drifts from what is only known.
  }

  async delete(id: string): Promise<void> {
    this.#forget(this.#known.get(id));
  }

  async purge({ uid }: Owner): Promise<boolean> {
    for (const known of this.#of(uid)) this.#forget(known);
    return true;
  }

  watch(onChange: (owner: Owner) => void, signal: AbortSignal): void {
    const watcher = (owner: Owner) => onChange(owner);
    this.#watchers.add(watcher);
    signal.addEventListener("abort", () => this.#watchers.delete(watcher), { once: true });
    for (const { spec } of this.#known.values()) onChange(spec.owner);
  }

  async collectOrphans(isAlive: (owner: Owner) => boolean): Promise<readonly Owner[]> {
    const orphans = [...this.#known.values()].filter(({ spec }) => !isAlive(spec.owner));
    for (const known of orphans) this.#forget(known);
    return [...new Map(orphans.map(({ spec: { owner } }) => [owner.uid, owner])).values()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#known.clear();
    this.#watchers.clear();
  }

  #of(uid: string): Known[] {
    return [...this.#known.values()].filter(({ spec }) => spec.owner.uid === uid);
  }

  #connect(known: Known, connected: boolean): void {
    if (known.connected === connected) return;
    known.connected = connected;
    this.#tell(known);
  }

  #forget(known: Known | undefined): void {
    if (known && this.#known.delete(known.id)) this.#tell(known);
  }

  #tell({ spec }: Known): void {
    for (const watcher of this.#watchers) watcher(spec.owner);
  }

  #view({ id, spec, program, role, connected }: Known): Workload {
    const { owner, hash, generation, guardrails } = spec;
    const { url, headers } = program;
    return {
      ...{ id, owner, role, hash, generation, guardrails },
      image: { pinned: NO_IMAGE },
      state: { kind: connected ? "running" : "created" },
      // Nobody here knows when its process started; the id alone tells one target from another.
      startedAt: undefined,
      platformRestarts: 0,
      hostPort: undefined,
      address: undefined,
      ...(connected && {
        reach: { kind: "remote" as const, url, headers, allowedCidrs: this.#config.allowedCidrs },
      }),
      drift: [],
    };
  }
}

/** What RuntimeBackends of type remote can do. */
export const REMOTE_CAPABILITIES: BackendCapabilities = {
  isolation: "none",
  sources: ["remote"],
  ...{ cpuLimits: false, memoryLimits: false, pidsLimits: false, seccomp: false, appArmor: false },
  ...{ cgroupVersion: "", rootless: false, observability: "none" },
  ...{ readOnlyFilesystem: false, customCapabilities: false, egressHostFiltering: false },
  ...{ maxCpuMillis: 0, maxMemoryBytes: 0, maxTimeoutSeconds: 0 },
  ...{ scaling: false, platformProbes: false, visibilities: [] },
  guardrails: REMOTE_GUARDRAILS,
};

function remoteProgramOf(program: Program | undefined): RemoteProgram {
  if (program?.kind !== "remote")
    throw refused("spec.source: must be remote; it is run by somebody else, or elsewhere");
  return program;
}

function refused(message: string): TerminalError {
  return new TerminalError(Reason.InvalidSpec, message);
}

function noImages(): TerminalError {
  return new TerminalError(Reason.SourceNotSupported, "images do not run where somebody else runs the servers");
}
