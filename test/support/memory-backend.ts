import { Reason } from "../../src/api/v1alpha1/conditions.ts";
import type {
  Backend,
  BackendHealth,
  CreateOptions,
  ImageRequest,
  ImageState,
  LogOptions,
  LogSource,
  Owner,
  ResolvedImage,
  Workload,
  WorkloadSpec,
} from "../../src/backends/backend.ts";
import type { BuildRequest, BuildState, ImageBuilder } from "../../src/backends/build.ts";
import { expandVariables } from "../../src/backends/code-engine/variables.ts";
import type { VariableExpander } from "../../src/backends/variables.ts";
import { NEVER_WITH_RESTRICTED_NETWORK } from "../../src/guardrails/confinement.ts";
import { TerminalError, TransientError } from "../../src/machinery/errors.ts";
import { type Container, ENGINE_CAPABILITIES, type MemoryEngine } from "./memory-engine.ts";

export interface MemoryBackendOptions {
  readonly allowedRegistries?: readonly string[];
  /** Tells the containers of one backend from those of another on the same Engine. */
  readonly place?: string;
  /** Given, literal variables may refer to a project of this subdomain, which may be none as yet. */
  readonly subdomain?: { now: string | undefined };
}

/** A Backend on a MemoryEngine. */
export class MemoryBackend implements Backend, LogSource, ImageBuilder {
  readonly engine: MemoryEngine;
  readonly #options: MemoryBackendOptions;
  readonly #listeners = new Set<(owner: Owner, place?: string) => void>();
  readonly #pulls = new Map<string, number>();
  readonly expandVariables?: VariableExpander["expandVariables"];
  closed = false;

  constructor(engine: MemoryEngine, options: MemoryBackendOptions = {}) {
    this.engine = engine;
    this.#options = options;
    const { subdomain, place = "" } = options;
    if (!subdomain) return;
    this.expandVariables = (env, siblings, signal) =>
      this.#call("expandVariables", signal, () => {
        const project = { id: "project-1", region: "us-south", subdomain: subdomain.now };
        return expandVariables({ env, project, siblings, appOf: ({ name }) => `app-of-${name}`, backend: place });
      });
  }

  async health(): Promise<BackendHealth> {
    if (!this.engine.reachable) {
      const message = "the Engine does not answer; start it";
      return {
        available: false,
        reason: Reason.BackendUnavailable,
        message,
        version: undefined,
        capabilities: undefined,
      };
    }
    const capabilities = { ...ENGINE_CAPABILITIES, guardrails: this.engine.guardrails };
    return { available: true, reason: "Available", message: "the Engine answers", version: "1.0", capabilities };
  }

  admit({ imageReference, mounts, confinement: { network, capabilities } }: Parameters<Backend["admit"]>[0]): void {
    const beyond = capabilities.add.find((name) => NEVER_WITH_RESTRICTED_NETWORK.some((never) => never === name));
    if (network && beyond !== undefined)
      throw new TerminalError(Reason.InvalidSpec, `${beyond} leads past the rules of a restricted network`);
    const { allowedRegistries } = this.#options;
    if (allowedRegistries && !allowedRegistries.some((prefix) => imageReference?.startsWith(`${prefix}/`)))
      throw new TerminalError(Reason.RegistryNotAllowed, `${imageReference}: not from an allowed registry`);
    if (mounts.some(({ kind }) => kind === "hostPath"))
      throw new TerminalError(Reason.VolumeNotAllowed, "host paths are not allowed here");
  }

  resolveImage({ reference }: ImageRequest, signal: AbortSignal): Promise<ResolvedImage> {
    return this.#call("resolveImage", signal, () => {
      const pinned = this.engine.registry.get(reference);
      if (pinned === undefined) throw new TransientError(Reason.ImageNotFound, `${reference}: no such image; push it`);
      return { pinned };
    });
  }

  ensureImage(owner: Owner, image: ResolvedImage, request: ImageRequest, signal: AbortSignal): Promise<ImageState> {
    return this.#call("ensureImage", signal, () => {
      this.engine.pulledWith.set(image.pinned, request.dockerConfig);
      if (this.engine.local.has(image.pinned)) return { kind: "present" };
      const { clock, pullMs } = this.engine;
      const since = this.#pulls.get(image.pinned);
      if (since === undefined) {
        this.#pulls.set(image.pinned, clock.monotonicMs());
        if (pullMs > 0) this.#pull(owner, image);
      }
      const passed = since === undefined ? 0 : clock.monotonicMs() - since;
      if (passed >= pullMs) {
        this.engine.local.add(image.pinned);
        return { kind: "present" };
      }
      const layersDone = Math.floor((passed * 10) / pullMs);
      const progress = { layersDone, layersTotal: 10, bytesDone: passed * 1e4, bytesTotal: pullMs * 1e4 };
      return { kind: "pulling", progress };
    });
  }

  /** Tells of progress until the image is here. */
  #pull(owner: Owner, image: ResolvedImage): void {
    this.engine.clock.schedule(100, () => {
      this.engine.notify(owner);
      if (!this.engine.local.has(image.pinned) && !this.closed) this.#pull(owner, image);
    });
  }

  observe(owner: Owner, signal: AbortSignal): Promise<readonly Workload[]> {
    return this.#call("observe", signal, () =>
      this.#of(owner)
        .map((container) => this.#view(container))
        .sort((a, b) => (a.role === b.role ? 0 : a.role === "current" ? -1 : 1)),
    );
  }

  create(spec: WorkloadSpec, options: CreateOptions, signal: AbortSignal): Promise<Workload> {
    return this.#call("create", signal, () => {
      const same = this.#of(spec.owner).filter(({ role }) => role === options.role);
      const found = same.find(({ spec: { hash } }) => hash === spec.hash);
      if (found) return this.#view(found);
      if (same.length > 0) throw new TransientError(Reason.BackendError, "the name is taken by an older workload");
      if (!this.engine.local.has(spec.image.pinned))
        throw new TransientError(Reason.ImageNotFound, `${spec.image.pinned}: is not here`);
      if (spec.confinement.runAsNonRoot && this.engine.programs.get(spec.image.pinned)?.user === "root")
        throw new TerminalError(Reason.RunsAsRoot, `${spec.image.pinned} runs as root; build it with another user`);
      this.engine.log.push(`create ${options.role}`);
      return this.#view(this.engine.add(spec, options, this.#options.place));
    });
  }

  async start(id: string, signal: AbortSignal): Promise<Workload> {
    const known = this.engine.containers.get(id);
    // Another sandbox means another network, and so another container.
    const isLost = known?.sandboxLost && known.state.kind !== "running" && known.state.kind !== "paused";
    const at = isLost ? (await this.#remake(known, signal)).id : id;
    return await this.#call("start", signal, () => {
      const container = this.engine.containers.get(at);
      if (!container) throw new TransientError(Reason.BackendError, "the container is gone");
      if (container.state.kind === "paused") container.state = { kind: "running" };
      else if (container.state.kind !== "running") {
        this.engine.log.push(`start ${container.role}`);
        this.engine.start(container);
      }
      return this.#view(container);
    });
  }

  async #remake(lost: Container, signal: AbortSignal): Promise<Container> {
    const { spec, role, hostPort, place } = lost;
    await this.#call("remake", signal, () => this.engine.remove(lost));
    return await this.#call("remake", signal, () => this.engine.add(spec, { role, hostPort }, place));
  }

  stop(id: string, _graceSeconds: number, signal: AbortSignal): Promise<void> {
    return this.#call("stop", signal, () => {
      const container = this.engine.containers.get(id);
      if (!container || container.state.kind === "exited" || container.state.kind === "created") return;
      this.engine.log.push(`stop ${container.role}`);
      this.engine.halt(container, 0);
    });
  }

  async repair(workload: Workload, signal: AbortSignal): Promise<void> {
    const container = await this.#call("repair", signal, () => {
      const found = this.engine.containers.get(workload.id);
      if (!found) throw new TransientError(Reason.BackendError, "the container is gone");
      this.engine.log.push(`repair ${found.role}`);
      found.renamed = false;
      found.disconnected = false;
      return found;
    });
    if (!container.sandboxLost) return;
    await this.#call("repair", signal, () => this.engine.halt(container));
    await this.start(container.id, signal);
  }

  delete(id: string, signal: AbortSignal): Promise<void> {
    return this.#call("delete", signal, () => {
      const container = this.engine.containers.get(id);
      if (!container) return;
      this.engine.log.push(`delete ${container.role}`);
      this.engine.remove(container);
    });
  }

  purge(owner: Owner, signal: AbortSignal): Promise<boolean> {
    return this.#call("purge", signal, () => {
      this.engine.log.push("purge");
      for (const container of this.#of(owner)) this.engine.remove(container);
      this.engine.builds.remove(owner, this.#place);
      for (const [name, volume] of this.engine.volumes) {
        if (volume.owner.uid === owner.uid && !volume.retain) this.engine.volumes.delete(name);
      }
      return true;
    });
  }

  watch(onChange: (owner: Owner) => void, signal: AbortSignal): void {
    const { place: mine = "" } = this.#options;
    const listener = (owner: Owner, place?: string) => {
      if (place === undefined || place === mine) onChange(owner);
    };
    this.#listeners.add(listener);
    this.engine.listeners.add(listener);
    signal.addEventListener("abort", () => this.engine.listeners.delete(listener), { once: true });
    // A connection begins with all owners: what happened before is not told again.
    queueMicrotask(() => {
      for (const { spec, place } of this.engine.containers.values()) if (!this.engine.deaf) listener(spec.owner, place);
    });
  }

  collectOrphans(isAlive: (owner: Owner) => boolean, signal: AbortSignal): Promise<readonly Owner[]> {
    return this.#call("collectOrphans", signal, () => {
      const owners = new Map<string, Owner>();
      for (const { spec } of this.engine.containers.values()) owners.set(spec.owner.uid, spec.owner);
      for (const { owner, retain } of this.engine.volumes.values()) if (!retain) owners.set(owner.uid, owner);
      const orphans = [...owners.values()].filter((owner) => !isAlive(owner));
      for (const owner of orphans) {
        for (const container of this.engine.of(owner)) this.engine.remove(container);
        for (const [name, volume] of this.engine.volumes) {
          if (volume.owner.uid === owner.uid && !volume.retain) this.engine.volumes.delete(name);
        }
      }
      return orphans;
    });
  }

  async *logs(owner: Owner, options: LogOptions): AsyncIterable<string> {
    const lines = this.engine.of(owner).map(({ id }) => `log of ${id}`);
    yield* lines.slice(-(options.tail ?? lines.length));
  }

  admitBuild({ push }: BuildRequest): void {
    if (push) return;
    throw new TerminalError(Reason.InvalidSpec, "spec.source.git.push: must be set, since no image is kept here");
  }

  ensureBuild(owner: Owner, request: BuildRequest, attempt: number, signal: AbortSignal): Promise<BuildState> {
    const place = this.#place;
    return this.#call("ensureBuild", signal, () =>
      this.engine.builds.ensure({ owner, place }, request, attempt, () => this.engine.notify(owner, place)),
    );
  }

  endBuilds(owner: Owner, signal: AbortSignal): Promise<void> {
    return this.#call("endBuilds", signal, () => this.engine.builds.remove(owner, this.#place));
  }

  async *buildLogs(_owner: Owner, options: LogOptions): AsyncIterable<string> {
    this.engine.calls.set("buildLogs", (this.engine.calls.get("buildLogs") ?? 0) + 1);
    const { log } = this.engine.builds;
    yield* log.slice(-(options.tail ?? log.length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
    for (const listener of this.#listeners) this.engine.listeners.delete(listener);
  }

  get #place(): string {
    return this.#options.place ?? "";
  }

  #of(owner: Owner): Container[] {
    return this.engine.of(owner).filter((container) => container.place === this.#place);
  }

  async #call<T>(method: string, signal: AbortSignal, effect: () => T): Promise<T> {
    this.engine.calls.set(method, (this.engine.calls.get(method) ?? 0) + 1);
    await this.engine.fault(method, "before");
    signal.throwIfAborted();
    if (!this.engine.reachable) throw new TransientError(Reason.BackendUnavailable, "the Engine does not answer");
    const result = effect();
    await this.engine.fault(method, "after");
    return result;
  }

  #view({ id, spec, role, hostPort, state, startedAt, platformRestarts, ...faults }: Container): Workload {
    const drift = [
      ...(faults.renamed ? [{ kind: "name" as const, message: "the container was renamed" }] : []),
      ...(faults.disconnected ? [{ kind: "network" as const, message: "the container was cut off its network" }] : []),
      ...(faults.sandboxLost && state.kind === "running"
        ? [{ kind: "sandbox" as const, message: "the container's sandbox had ended" }]
        : []),
    ];
    const connected = !faults.disconnected && !faults.sandboxLost;
    const reachable = state.kind === "running" && connected && isPublished(spec);
    return {
      id,
      owner: spec.owner,
      role,
      hash: spec.hash,
      generation: spec.generation,
      image: spec.image,
      guardrails: spec.guardrails,
      state: { ...state },
      startedAt,
      platformRestarts,
      hostPort,
      address: reachable && !spec.stdio ? `127.0.0.1:${hostPort}` : undefined,
      ...(spec.stdio && { reach: { kind: "stdio" } as const }),
      drift,
    };
  }
}

/** Whether its port is to be reached from outside. */
function isPublished({ confinement }: WorkloadSpec): boolean {
  return confinement.network?.ingressPorts.length !== 0;
}
