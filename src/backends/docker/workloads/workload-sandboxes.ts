import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { CallOptions } from "../engine/engine-client.ts";
import type { Sandboxes, SandboxRequest } from "../sandbox/sandbox.ts";
import type { OwnChanges } from "../watch/own-changes.ts";
import { isPublished } from "./joined-network.ts";
import { networkRules } from "./network-rules.ts";
import { DockerLabel, type Labels, type Maker, ownerFromLabels, roleFromLabels } from "./object-labels.ts";
import type { SandboxNow } from "./sandbox-drift.ts";

/** A start that nobody waits for any more ends by itself. */
const START_TIMEOUT_MS = 120_000;
/** More than are ever created at once. */
const MAX_BEGUN = 1024;

export interface WorkloadSandboxesParts {
  readonly sandboxes: Sandboxes;
  readonly maker: Maker;
  readonly starts: OwnChanges;
  readonly ends: OwnChanges;
}

/** Who wants a sandbox, and for what. */
export type Wish = Omit<SandboxRequest, "published" | "labels"> & { readonly port: number; readonly hostPort: number };

/** The sandboxes of workloads. Their start begins as soon as they are there, and is waited for before a workload runs. */
export class WorkloadSandboxes {
  readonly #parts: WorkloadSandboxesParts;
  readonly #begun = new Map<string, Promise<void>>();

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
    const published = isPublished(request.rules) ? { port, hostPort } : undefined;
    // Without what may differ between two creations of one revision: equal requests find the same sandbox.
    const labels = { [DockerLabel.Port]: String(port), [DockerLabel.HostPort]: String(hostPort) };
    const id = await this.#parts.sandboxes.create({ ...request, published, labels }, options);
    this.#begin(id);
    return id;
  }

  /** Resolves once its rules hold. @throws as `Sandboxes.start`. */
  async start(id: string, options: CallOptions): Promise<void> {
    const begun = this.#begun.get(id);
    this.#begun.delete(id);
    await (begun ?? this.#start(id, options));
    options.signal.throwIfAborted();
  }

  async stop(id: string, options: CallOptions): Promise<void> {
    await this.#parts.ends.during([id], () => this.#parts.sandboxes.stop(id, options));
  }

  async remove(id: string, options: CallOptions): Promise<void> {
    this.#begun.delete(id);
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
      hostPort: Number(labels[DockerLabel.HostPort]),
    };
  }

  #begin(id: string): void {
    if (this.#begun.size >= MAX_BEGUN) this.#begun.clear();
    const begun = this.#start(id, { signal: AbortSignal.timeout(START_TIMEOUT_MS) });
    // Who starts the workload hears of it; if nobody does, there is nobody to tell.
    begun.catch(() => undefined);
    this.#begun.set(id, begun);
  }

  async #start(id: string, options: CallOptions): Promise<void> {
    this.#parts.ends.forget(id);
    await this.#parts.starts.during([id], () => this.#parts.sandboxes.start(id, options));
  }
}

function unavailable(reason: string): string {
  return `the network of this deployment is restricted, and sandboxes cannot be started on the Engine: ${reason}`;
}
