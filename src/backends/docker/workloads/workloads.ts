import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../../machinery/errors.ts";
import type { CreateOptions, Workload, WorkloadSpec } from "../../backend.ts";
import { refuseRoot } from "../../images/image-user.ts";
import { createContainer } from "../engine/create-container.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import type { LocalImage } from "../images/local-images.ts";
import type { OwnChanges } from "../watch/own-changes.ts";
import { claimName } from "./claim-name.ts";
import { containerOptions, type Placement } from "./container-options.ts";
import { createFailure } from "./create-failure.ts";
import { writeFiles } from "./file-writer.ts";
import type { HostPorts } from "./host-ports.ts";
import { joinedContainer } from "./joined-network.ts";
import type { WorkloadNetwork } from "./network.ts";
import { ownerFromLabels, roleFromLabels } from "./object-labels.ts";
import { containerName, isFilesVolume, sandboxName } from "./object-names.ts";
import { checkRetained } from "./retained-volumes.ts";
import type { Confiners } from "./security-options.ts";
import { WorkloadObserver } from "./workload-observer.ts";
import type { WorkloadSandboxes } from "./workload-sandboxes.ts";
import { WorkloadStarter } from "./workload-starter.ts";
import { createdWorkload, type Surroundings } from "./workload-view.ts";

/** A loaded Engine takes seconds for a container, and works on several at once more slowly still. */
const CHANGE_TIMEOUT_MS = 120_000;

export interface WorkloadParts {
  readonly engine: EngineClient;
  readonly network: WorkloadNetwork;
  readonly ports: HostPorts;
  readonly around: Surroundings;
  readonly bindAddress: string;
  readonly sandboxes: WorkloadSandboxes;
  /** What calls of ours start. */
  readonly starts: OwnChanges;
  /** What the Engine knows of an image. @throws {TransientError} `ImageNotFound` when it has it no longer. */
  readonly localImage: (pinned: string, options: CallOptions) => Promise<LocalImage>;
  /** Undefined where the image does not know its user. */
  readonly uidOf: (image: LocalImage, options: CallOptions) => Promise<number | undefined>;
  readonly means: (options: CallOptions) => Promise<EngineMeans>;
}

/** What the Engine has for containers. */
export interface EngineMeans {
  /** An init process to be process 1. */
  readonly init: boolean;
  readonly confiners: Confiners;
}

/** The containers of deployments. */
export class Workloads {
  readonly #parts: WorkloadParts;
  readonly #starter: WorkloadStarter;
  readonly #observer: WorkloadObserver;
  readonly start: WorkloadStarter["start"];
  readonly observe: WorkloadObserver["observe"];

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    this.#observer = new WorkloadObserver(parts);
    this.#starter = new WorkloadStarter(parts, this.#observer, CHANGE_TIMEOUT_MS);
    this.start = this.#starter.start.bind(this.#starter);
    this.observe = this.#observer.observe.bind(this.#observer);
  }

  /**
   * Two calls, and two for a sandbox, which starts while the container is made: what could only be known by asking first is
   * told by the Engine's refusal.
   */
  async create(spec: WorkloadSpec, { role, hostPort: kept }: CreateOptions, options: CallOptions): Promise<Workload> {
    const { engine, network, ports, around, bindAddress } = this.#parts;
    const [image, means, hostPort] = await Promise.all([
      this.#image(spec, options),
      this.#parts.means(options),
      spec.stdio ? undefined : (kept ?? ports.choose({ uid: spec.owner.uid, role, hash: spec.hash })),
      network.ensure(options),
      checkRetained(engine, spec, options),
    ]);
    await writeFiles(engine, { spec, role, image: image.name, maker: around.maker }, options);
    const placement: Placement = {
      role,
      hostPort,
      hostPortKept: kept !== undefined,
      bindAddress,
      network: network.name,
      sandbox: await this.#sandbox(spec, { role, hostPort }, options),
      image: image.name,
      uid: image.uid,
      ...means,
    };
    const { sandbox } = placement;
    const wanted = containerOptions(spec, placement, around.maker);
    const create = async (): Promise<Workload> => {
      const id = await this.#create(wanted, options);
      this.#starter.expect({ id, sandbox });
      return createdWorkload(id, spec, { role, hostPort });
    };
    const makeRoom = () => this.#makeRoom(wanted.name, spec, { role, sandbox, ...options });
    try {
      return await claimName(create, makeRoom, options.signal);
    } catch (error) {
      const failure = createFailure(error, spec.image.pinned);
      // Of what may yet be made the sandbox is kept: the next attempt finds it.
      if (sandbox !== undefined && failure instanceof TerminalError)
        await this.#parts.sandboxes.remove(sandbox, options);
      throw failure;
    }
  }

  /** SIGTERM, then SIGKILL; its sandbox afterwards. A container that is stopped or gone already is fine. */
  async stop(id: string, graceSeconds: number, { signal }: CallOptions): Promise<void> {
    const { engine, sandboxes } = this.#parts;
    const inspected = await this.#observer.inspect(id, { signal });
    if (!inspected) return;
    try {
      if (inspected.HostConfig.RestartPolicy?.Name === "on-failure") {
        // The Engine takes the exit after SIGTERM for a failure when it starts again itself.
        const update = (docker: Docker) => docker.getContainer(id).update({ RestartPolicy: { Name: "no" } });
        await engine.call("update a container", update, { signal });
      }
      await engine.call("stop a container", (docker) => docker.getContainer(id).stop({ t: graceSeconds }), {
        signal,
        timeoutMs: graceSeconds * 1000 + CHANGE_TIMEOUT_MS,
      });
    } catch (error) {
      if (!hasStatus(error, 304, 404)) throw error;
    }
    const sandbox = joinedContainer(inspected);
    if (sandbox !== undefined) await sandboxes.stop(sandbox, { signal });
  }

  async repair(workload: Workload, options: CallOptions): Promise<void> {
    const kinds = new Set(workload.drift.map(({ kind }) => kind));
    const { id, owner, role } = workload;
    const inspected = await this.#observer.inspect(id, options);
    const sandbox = inspected && joinedContainer(inspected);
    if (kinds.has("name")) {
      await this.#rename(id, containerName(owner, role), options);
      if (sandbox !== undefined) await this.#rename(sandbox, sandboxName(owner, role), options);
    }
    if (kinds.has("sandbox")) await this.#starter.mendSandbox(workload, options);
    else if (kinds.has("network") || kinds.has("ports")) await this.#starter.reconnect(sandbox ?? id, options);
  }

  /**
   * Removes a container with its sandbox, its anonymous volumes and those that hold its files. Others stay. A workload whose
   * sandbox goes first has loopback only until it goes, too.
   */
  async delete(id: string, { signal }: CallOptions): Promise<void> {
    const { engine, sandboxes } = this.#parts;
    const inspected = await this.#observer.inspect(id, { signal });
    if (!inspected) return;
    const sandbox = joinedContainer(inspected);
    await Promise.all([this.#remove(id, { signal }), sandbox !== undefined && sandboxes.remove(sandbox, { signal })]);
    const files = inspected.Mounts.map(({ Name = "" }) => Name).filter(isFilesVolume);
    await Promise.all(files.map((name) => removeVolume(engine, name, { signal })));
  }

  async #remove(id: string, { signal }: CallOptions): Promise<void> {
    const remove = (docker: Docker) => docker.getContainer(id).remove({ force: true, v: true });
    const options = { signal, timeoutMs: CHANGE_TIMEOUT_MS };
    try {
      await this.#parts.engine.call("remove a container", remove, options);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  /** @throws {TerminalError} `RunsAsRoot` */
  async #image(
    { image: { pinned }, confinement, mounts }: WorkloadSpec,
    options: CallOptions,
  ): Promise<{ name: string; uid: number }> {
    const { localImage, uidOf } = this.#parts;
    const image = await localImage(pinned, options);
    const matters = confinement.runAsNonRoot || mounts.some(({ kind }) => kind === "tmpfs");
    const uid = matters ? await uidOf(image, options) : 0;
    if (confinement.runAsNonRoot) refuseRoot(pinned, image.user, uid);
    // The Engine refuses to start what its image's user is not known for.
    return { name: image.name, uid: uid ?? 0 };
  }

  /** @throws {TransientError} `SandboxUnavailable` */
  async #sandbox(
    { owner, hash, port, confinement: { network: rules } }: WorkloadSpec,
    { role, hostPort }: Pick<Placement, "role" | "hostPort">,
    options: CallOptions,
  ): Promise<string | undefined> {
    const { sandboxes } = this.#parts;
    if (!rules || !(await sandboxes.areSupported(options))) return undefined;
    return await sandboxes.make({ owner, role, hash, rules, port, hostPort }, options);
  }

  async #rename(id: string, name: string, options: CallOptions): Promise<void> {
    const inspected = await this.#observer.inspect(id, options);
    if (!inspected || inspected.Name === `/${name}`) return;
    const rename = (docker: Docker) => docker.getContainer(id).rename({ name });
    await this.#parts.engine.call("rename a container", rename, options);
  }

  async #create(wanted: ReturnType<typeof containerOptions>, { signal }: CallOptions): Promise<string> {
    const create = (docker: Docker, abortSignal: AbortSignal) => createContainer(docker, wanted, abortSignal);
    const options = { signal, timeoutMs: CHANGE_TIMEOUT_MS };
    return await this.#parts.engine.call("create a container", create, options);
  }

  /** The name is taken: by the workload that was asked for, which is the answer, or by what has to go. */
  async #makeRoom(
    name: string,
    spec: WorkloadSpec,
    { role, sandbox, signal }: CallOptions & { role: Workload["role"]; sandbox: string | undefined },
  ): Promise<Workload | "removed" | "unseen"> {
    const { around } = this.#parts;
    const holder = await this.#observer.inspect(name, { signal });
    if (!holder) return "unseen";
    const labels = holder.Config.Labels ?? {};
    if (ownerFromLabels(labels, around.maker)?.uid !== spec.owner.uid || roleFromLabels(labels) !== role) {
      throw new TransientError(
        Reason.BackendError,
        `the name ${name} is taken by a container that is not this deployment's; rename or remove it: docker rm ${name}`,
      );
    }
    if (labels[Label.SpecHash] !== spec.hash) {
      await this.delete(holder.Id, { signal });
      return "removed";
    }
    const joined = joinedContainer(holder);
    if (joined === sandbox) {
      const existing = await this.#observer.look({ id: holder.Id, sandbox }, { signal });
      if (existing) return existing;
    } else if (joined !== undefined) await this.#parts.sandboxes.remove(joined, { signal });
    // Somebody removes it at this moment, or it was made for another sandbox: the files and the sandbox of its revision stay, since
    // what is to be made needs just these.
    await this.#remove(holder.Id, { signal });
    return "removed";
  }
}

/** Removes a volume unless a container uses it. */
export async function removeVolume(engine: EngineClient, name: string, options: CallOptions): Promise<void> {
  try {
    await engine.call("remove a volume", (docker) => docker.getVolume(name).remove(), options);
  } catch (error) {
    if (!hasStatus(error, 404, 409)) throw error;
  }
}

/** Gone, or on its way: the Engine refuses a second removal while the first is under way. */
export function isGone(error: unknown): boolean {
  return hasStatus(error, 404) || (hasStatus(error, 409) && /removal .* already in progress/i.test(error.said));
}
