import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { CallOptions } from "../engine/engine-client.ts";
import type { Sandboxes, SandboxRequest } from "../sandbox/sandbox.ts";
import type { OwnChanges } from "../watch/own-changes.ts";
import { isPublished } from "./joined-network.ts";
import { networkRules } from "./network-rules.ts";
import {
  DockerLabel,
  hostPortFromLabels,
  type Labels,
  type Maker,
  ownerFromLabels,
  roleFromLabels,
} from "./object-labels.ts";
import type { SandboxNow } from "./sandbox-drift.ts";

/** A start that nobody waits for any more ends by itself. */
const START_TIMEOUT_MS = 120_000;
/** More than are ever created at once. */
const REMEMBERED = 1024;

export interface WorkloadSandboxesParts {
  readonly sandboxes: Sandboxes;
  readonly maker: Maker;
  readonly starts: OwnChanges;
  readonly ends: OwnChanges;
}

/** Who wants a sandbox, and for what. */
export type Wish = Omit<SandboxRequest, "published" | "labels"> & {
  readonly port: number;
  /** Undefined: nothing is published. */
  readonly hostPort: number | undefined;
};

/** The sandboxes of workloads. Their start begins as soon as they are there, and is waited for before a workload runs. */
export class WorkloadSandboxes {
  readonly #parts: WorkloadSandboxesParts;
  readonly #starting = new Map<string, Promise<void>>();
  /** Those whose start has succeeded and that nobody has asked for since. */
  readonly #ready = new Set<string>();

  constructor(parts: WorkloadSandboxesParts) {
    this.#parts = parts;
  }

  /** Whether the Engine can run sandboxes. @throws {TransientError} `SandboxUnavailable` while it should and cannot. */
  async areSupported(options: CallOptions): Promise<boolean> {
    const support = await this.#parts.sandboxes.support(options);
    if (support.kind === "failing") throw new TransientError(Reason.SandboxUnavailable, unavailable(support.reason));
    return support.kind === "supported";
  }

  /** Whether it is known to; never throws for one that fails. */
  async mayBe(options: CallOptions): Promise<boolean> {
    return (await this.#parts.sandboxes.support(options)).kind === "supported";
  }

  /** Makes a sandbox and begins to start it. Answers its ID. */
  async make({ port, hostPort, ...request }: Wish, options: CallOptions): Promise<string> {
    const published = hostPort !== undefined && isPublished(request.rules) ? { port, hostPort } : undefined;
    // Without what may differ between two creations of one revision: equal requests find the same sandbox.
    const labels: Labels =
      hostPort === undefined ? {} : { [DockerLabel.Port]: String(port), [DockerLabel.HostPort]: String(hostPort) };
    const id = await this.#parts.sandboxes.create({ ...request, published, labels }, options);
    this.#begin(id);
    return id;
  }

  /** Resolves once its rules hold. @throws as `Sandboxes.start`. */
  async start(id: string, options: CallOptions): Promise<void> {
    if (this.#ready.delete(id)) return;
    await this.#start(id, options);
    this.#ready.delete(id);
    options.signal.throwIfAborted();
  }

  async stop(id: string, options: CallOptions): Promise<void> {
    this.#ready.delete(id);
    await this.#parts.ends.during([id], () => this.#parts.sandboxes.stop(id, options));
  }

  async remove(id: string, options: CallOptions): Promise<void> {
    this.#ready.delete(id);
    await this.#parts.ends.during([id], () => this.#parts.sandboxes.remove(id, options));
  }

  /** What an inspection of a sandbox tells. */
  now(inspected: Docker.ContainerInspectInfo): SandboxNow {
    const { Name, State } = inspected;
    return { ...this.#parts.sandboxes.view(inspected), name: Name.replace(/^\//, ""), paused: State.Paused };
  }

  /** What a workload that exists wants of a sandbox, by its labels; undefined where nothing of its network is restricted. */
  wishOf(labels: Labels): Wish | undefined {
    const rules = networkRules(labels);
    const owner = ownerFromLabels(labels, this.#parts.maker);
    if (!rules || !owner) return undefined;
    return {
      owner,
      role: roleFromLabels(labels),
      hash: labels[Label.SpecHash] ?? "",
      rules,
      port: Number(labels[DockerLabel.Port]),
      hostPort: hostPortFromLabels(labels),
    };
  }

  #begin(id: string): void {
    if (this.#ready.size >= REMEMBERED) this.#ready.clear();
    this.#start(id, { signal: AbortSignal.timeout(START_TIMEOUT_MS) }).then(
      () => this.#ready.add(id),
      // Who starts the workload tries again, and hears of it.
      () => undefined,
    );
  }

  /** One start at a time of each: a second one would wait for words that the first has heard. */
  async #start(id: string, options: CallOptions): Promise<void> {
    const { sandboxes, starts, ends } = this.#parts;
    const underWay = this.#starting.get(id);
    if (underWay !== undefined) return await underWay;
    ends.forget(id);
    const start = starts.during([id], () => sandboxes.start(id, options)).finally(() => this.#starting.delete(id));
    this.#starting.set(id, start);
    await start;
  }
}

function unavailable(reason: string): string {
  return `the network of this deployment is restricted, and sandboxes cannot be started on the Engine: ${reason}`;
}
