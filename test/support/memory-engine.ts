import { createHash, randomUUID } from "node:crypto";
import { Reason } from "../../src/api/v1alpha1/conditions.ts";
import type { CreateOptions, Owner, WorkloadSpec, WorkloadState } from "../../src/backends/backend.ts";
import { GUARDRAIL_FEATURES, type GuardrailCapabilities, type Support } from "../../src/guardrails/capabilities.ts";
import type { Clock } from "../../src/machinery/clock.ts";
import { TransientError } from "../../src/machinery/errors.ts";
import { MemoryBuilds } from "./memory-builds.ts";

/** How the program in an image behaves. */
export interface Program {
  /** What a probe is told; `silent` never answers. */
  readonly answers: "mcp" | "garbage" | "silent";
  /** Ends this long after each start, with this code. */
  readonly exits?: { readonly afterMs: number; readonly code: number; readonly outOfMemory?: boolean };
  /** Who runs it; undefined: not root. */
  readonly user?: "root";
  /** The Engine cannot start it. */
  readonly unstartable?: string;
}

/** A container as it stands in the engine. */
export interface Container {
  readonly id: string;
  readonly spec: WorkloadSpec;
  /** The backend that made it. */
  readonly place: string;
  readonly role: "current" | "candidate";
  readonly hostPort: number;
  state: WorkloadState;
  startedAt: string | undefined;
  platformRestarts: number;
  stoppedByHand: boolean;
  renamed: boolean;
  disconnected: boolean;
  /** What enforces its network rules is gone: its process has loopback only. */
  sandboxLost: boolean;
  /** Cancels what its process would do next. */
  cancel: () => void;
}

/** The method that is called, and whether its effect has happened when the fault is asked for. */
export type Fault = (method: string, moment: "before" | "after") => Promise<void> | void;

export const ENGINE_BACKOFF_MS = 100;

/** All features in one way, but for those that `patch` names. */
export function guardrailCapabilities(
  patch: Partial<GuardrailCapabilities["features"]> = {},
  appArmorProfiles: readonly string[] = ["mcp-standard", "mcp-restricted", "mcp-airgapped"],
): GuardrailCapabilities {
  const support = (): Support => ({ enforcement: "Enforced", reason: "by the Engine in memory" });
  const features = Object.fromEntries(GUARDRAIL_FEATURES.map((feature) => [feature, support()]));
  return { features: { ...(features as GuardrailCapabilities["features"]), ...patch }, appArmorProfiles };
}

/** What every one of these engines can do. */
export const ENGINE_CAPABILITIES = {
  isolation: "container",
  sources: ["image"],
  cpuLimits: true,
  memoryLimits: true,
  pidsLimits: true,
  seccomp: true,
  appArmor: false,
  cgroupVersion: "2",
  rootless: false,
  observability: "native",
  readOnlyFilesystem: true,
  customCapabilities: true,
  egressHostFiltering: true,
  maxCpuMillis: 0,
  maxMemoryBytes: 0,
  maxTimeoutSeconds: 0,
  scaling: false,
  platformProbes: false,
  visibilities: [],
} as const;

/** A container engine in memory. It outlives the backends that speak to it, as a real one outlives the controller. */
export class MemoryEngine {
  readonly containers = new Map<string, Container>();
  /** The same by owner and by port: with ten thousand of them nothing can be looked for one by one. */
  readonly #byOwner = new Map<string, Set<Container>>();
  readonly #byPort = new Map<number, Set<Container>>();
  /** Digest behind each tag at the registry; a tag that is not there is not found. */
  readonly registry = new Map<string, string>();
  readonly programs = new Map<string, Program>();
  readonly local = new Set<string>();
  readonly volumes = new Map<string, { owner: Owner; retain: boolean }>();
  /** Ports that other programs hold. */
  readonly takenPorts = new Set<number>();
  /** `place` names the backend whose workload it is; undefined for what concerns any. */
  readonly listeners = new Set<(owner: Owner, place?: string) => void>();
  /** Every call that changed something, such as `create current`. */
  readonly log: string[] = [];
  readonly calls = new Map<string, number>();
  reachable = true;
  /** URLs of servers that somebody else runs, and that answer MCP. */
  readonly remotes = new Set<string>();
  /** What it can enforce. */
  guardrails = guardrailCapabilities();
  /** Loses events of the watch. */
  deaf = false;
  /** How long a pull takes. */
  pullMs = 0;
  fault: Fault = () => undefined;
  readonly builds: MemoryBuilds;
  /** What the pulls of an image were authorized with, by its digest. */
  readonly pulledWith = new Map<string, string | undefined>();
  readonly clock: Clock;
  #nextPort = 30_000;
  #starts = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.builds = new MemoryBuilds(clock);
  }

  /** Publishes an image: answers its pinned form. */
  publish(tag: string, program: Program = { answers: "mcp" }, content: string = tag): string {
    const digest = `${tag.split(":")[0]}@sha256:${createHash("sha256").update(content).digest("hex")}`;
    this.registry.set(tag, digest);
    this.programs.set(digest, program);
    return digest;
  }

  of(owner: Pick<Owner, "uid">): Container[] {
    return [...(this.#byOwner.get(owner.uid) ?? [])];
  }

  /** The running container behind an address. */
  at(address: string): Container | undefined {
    const port = Number(address.slice(address.lastIndexOf(":") + 1));
    return [...(this.#byPort.get(port) ?? [])].find(
      ({ state, disconnected, sandboxLost }) => state.kind === "running" && !disconnected && !sandboxLost,
    );
  }

  program(container: Container): Program {
    return this.programs.get(container.spec.image.pinned) ?? { answers: "mcp" };
  }

  notify(owner: Owner, place?: string): void {
    if (this.deaf || !this.reachable) return;
    for (const listener of this.listeners) listener(owner, place);
  }

  freePort(): number {
    while (this.takenPorts.has(this.#nextPort)) this.#nextPort++;
    return this.#nextPort++;
  }

  start(container: Container): void {
    const { unstartable, exits } = this.program(container);
    if (unstartable !== undefined) throw new TransientError(Reason.StartFailed, unstartable);
    const used = [...(this.#byPort.get(container.hostPort) ?? [])].some(
      (other) => other !== container && other.state.kind === "running",
    );
    if (used || this.takenPorts.has(container.hostPort))
      throw new TransientError(Reason.PortConflict, `port ${container.hostPort} is taken by another program`);
    container.state = { kind: "running" };
    // As precise as an Engine's, so that no two starts look alike.
    const nanoseconds = String(++this.#starts % 1_000_000).padStart(6, "0");
    container.startedAt = this.clock.now().toISOString().replace("Z", `${nanoseconds}Z`);
    container.stoppedByHand = false;
    // Nothing starts without a sandbox: what has lost its own while it was stopped gets another.
    container.sandboxLost = false;
    container.cancel();
    if (exits) {
      container.cancel = this.clock.schedule(exits.afterMs, () => this.end(container, exits.code, exits.outOfMemory));
    }
    this.notify(container.spec.owner, container.place);
  }

  /** The process ended by itself, or was killed behind the Engine's back: its restart policy decides. */
  end(container: Container, exitCode: number, outOfMemory = false): void {
    container.cancel();
    const { restartPolicy, owner } = container.spec;
    // What lives in a sandbox is started by the controller alone: the Engine would not wait for the sandbox's rules.
    const again =
      !isSandboxed(container.spec) && (restartPolicy === "Always" || (restartPolicy === "OnFailure" && exitCode !== 0));
    if (!again || container.role === "candidate") {
      container.state = { kind: "exited", exitCode, outOfMemory, error: "", at: this.clock.now().toISOString() };
    } else {
      container.state = { kind: "restarting", exitCode, outOfMemory, error: "" };
      const delay = Math.min(ENGINE_BACKOFF_MS * 2 ** container.platformRestarts, 60_000);
      container.cancel = this.clock.schedule(delay, () => {
        container.platformRestarts++;
        this.start(container);
      });
    }
    this.notify(owner, container.place);
  }

  /** As `docker stop` or `docker kill`: the Engine leaves it stopped. */
  halt(container: Container, exitCode = 137): void {
    container.cancel();
    container.stoppedByHand = true;
    container.state = { kind: "exited", exitCode, outOfMemory: false, error: "", at: this.clock.now().toISOString() };
    this.notify(container.spec.owner, container.place);
  }

  /** Its sandbox was killed, or the Engine started it anew. */
  loseSandbox(container: Container): void {
    container.sandboxLost = true;
    this.notify(container.spec.owner, container.place);
  }

  remove(container: Container): void {
    container.cancel();
    this.containers.delete(container.id);
    this.#byOwner.get(container.spec.owner.uid)?.delete(container);
    this.#byPort.get(container.hostPort)?.delete(container);
    this.notify(container.spec.owner, container.place);
  }

  add(spec: WorkloadSpec, { role, hostPort }: CreateOptions, place = ""): Container {
    const container: Container = {
      place,
      id: randomUUID(),
      spec,
      role,
      hostPort: hostPort ?? this.freePort(),
      state: { kind: "created" },
      startedAt: undefined,
      platformRestarts: 0,
      stoppedByHand: false,
      renamed: false,
      disconnected: false,
      sandboxLost: false,
      cancel: () => undefined,
    };
    this.containers.set(container.id, container);
    join(this.#byOwner, spec.owner.uid, container);
    join(this.#byPort, container.hostPort, container);
    for (const mount of spec.mounts) {
      if (mount.kind === "volume")
        this.volumes.set(`${spec.owner.uid}/${mount.name}`, { owner: spec.owner, retain: mount.retain });
    }
    this.notify(spec.owner, place);
    return container;
  }
}

function join<Key>(groups: Map<Key, Set<Container>>, key: Key, container: Container): void {
  const group = groups.get(key);
  if (group) group.add(container);
  else groups.set(key, new Set([container]));
}

function isSandboxed({ confinement }: WorkloadSpec): boolean {
  return confinement.network !== undefined;
}
