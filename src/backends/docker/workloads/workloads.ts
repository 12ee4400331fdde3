import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { CreateOptions, Owner, Workload, WorkloadSpec } from "../../backend.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { claimName } from "./claim-name.ts";
import { containerOptions } from "./container-options.ts";
import { createFailure } from "./create-failure.ts";
import { writeFiles } from "./file-writer.ts";
import type { HostPorts } from "./host-ports.ts";
import type { WorkloadNetwork } from "./network.ts";
import { labelFilters, makerLabels, ownerFromLabels, roleFromLabels } from "./object-labels.ts";
import { containerName, isFilesVolume } from "./object-names.ts";
import { checkRetained } from "./retained-volumes.ts";
import { WorkloadStarter } from "./workload-starter.ts";
import { byRole, createdWorkload, type Surroundings, toWorkload } from "./workload-view.ts";

/** A loaded Engine takes seconds for a container, and works on several at once more slowly still. */
const CHANGE_TIMEOUT_MS = 120_000;

export interface WorkloadParts {
  readonly engine: EngineClient;
  readonly network: WorkloadNetwork;
  readonly ports: HostPorts;
  readonly around: Surroundings;
  readonly bindAddress: string;
  /** What the Engine knows an image by. @throws {TransientError} `ImageNotFound` when it has it no longer. */
  readonly localImage: (pinned: string, options: CallOptions) => Promise<string>;
  /** Whether the Engine has an init process to give. */
  readonly hasInit: (options: CallOptions) => Promise<boolean>;
}

/** The containers of deployments. */
export class Workloads {
  readonly #parts: WorkloadParts;
  readonly #starter: WorkloadStarter;
  readonly start: WorkloadStarter["start"];
  readonly isStarting: WorkloadStarter["isStarting"];

  constructor(parts: WorkloadParts) {
    this.#parts = parts;
    this.#starter = new WorkloadStarter(parts, CHANGE_TIMEOUT_MS);
    this.start = this.#starter.start.bind(this.#starter);
    this.isStarting = this.#starter.isStarting.bind(this.#starter);
  }

  /** One list for what there is, one inspection for each container found: the list tells no exit codes and times. */
  async observe(owner: Owner, options: CallOptions): Promise<readonly Workload[]> {
    const { engine, around } = this.#parts;
    const label = labelFilters({ ...makerLabels(around.maker), [Label.Uid]: owner.uid, [Label.Role]: "workload" });
    const list = (docker: Docker) => docker.listContainers({ all: true, filters: { label } });
    const listed = await engine.call("list containers", list, options);
    const found = await Promise.all(listed.map(({ Id }) => this.#inspect(Id, options)));
    return found.filter((workload) => workload !== undefined).sort(byRole);
  }

  /** Two calls: what could only be known by asking first is told by the Engine's refusal. */
  async create(spec: WorkloadSpec, { role, hostPort: kept }: CreateOptions, options: CallOptions): Promise<Workload> {
    const { engine, network, ports, around, bindAddress } = this.#parts;
    const [image, init, hostPort] = await Promise.all([
      this.#parts.localImage(spec.image.pinned, options),
      this.#parts.hasInit(options),
      kept ?? ports.choose(spec.owner, role),
      network.ensure(options),
      checkRetained(engine, spec, options),
    ]);
    await writeFiles(engine, { spec, role, image, maker: around.maker }, options);
    const placement = {
      role,
      hostPort,
      hostPortKept: kept !== undefined,
      bindAddress,
      network: network.name,
      image,
      init,
    };
    const wanted = containerOptions(spec, placement, around.maker);
    const create = async (): Promise<Workload> =>
      createdWorkload(await this.#create(wanted, options), spec, { role, hostPort });
    const makeRoom = () => this.#makeRoom(wanted.name, spec, { role, ...options });
    try {
      return await claimName(create, makeRoom, options.signal);
    } catch (error) {
      throw createFailure(error, spec.image.pinned);
    }
  }

  /** SIGTERM, then SIGKILL. A container that is stopped or gone already is fine. */
  async stop(id: string, graceSeconds: number, { signal }: CallOptions): Promise<void> {
    const timeoutMs = graceSeconds * 1000 + CHANGE_TIMEOUT_MS;
    const { engine } = this.#parts;
    try {
      const { HostConfig } = await engine.call("inspect a container", (docker) => docker.getContainer(id).inspect(), {
        signal,
      });
      if (HostConfig.RestartPolicy?.Name === "on-failure") {
        // The Engine takes the exit after SIGTERM for a failure when it starts again itself.
        const update = (docker: Docker) => docker.getContainer(id).update({ RestartPolicy: { Name: "no" } });
        await engine.call("update a container", update, { signal });
      }
      await engine.call("stop a container", (docker) => docker.getContainer(id).stop({ t: graceSeconds }), {
        signal,
        timeoutMs,
      });
    } catch (error) {
      if (!hasStatus(error, 304, 404)) throw error;
    }
  }

  async repair(workload: Workload, options: CallOptions): Promise<void> {
    const kinds = new Set(workload.drift.map(({ kind }) => kind));
    const { id } = workload;
    if (kinds.has("name")) {
      const name = containerName(workload.owner, workload.role);
      await this.#parts.engine.call(
        "rename a container",
        (docker) => docker.getContainer(id).rename({ name }),
        options,
      );
    }
    if (kinds.has("network") || kinds.has("ports")) await this.#starter.reconnect(id, options);
  }

  /** Removes a container with its anonymous volumes and those that hold its files. Others stay. */
  async delete(id: string, { signal }: CallOptions): Promise<void> {
    const { engine } = this.#parts;
    const files: string[] = [];
    try {
      const inspect = (docker: Docker) => docker.getContainer(id).inspect();
      const { Mounts } = await engine.call("inspect a container", inspect, { signal });
      files.push(...Mounts.map(({ Name = "" }) => Name).filter(isFilesVolume));
      await engine.call("remove a container", (docker) => docker.getContainer(id).remove({ force: true, v: true }), {
        signal,
        timeoutMs: CHANGE_TIMEOUT_MS,
      });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
    await Promise.all(files.map((name) => removeVolume(engine, name, { signal })));
  }

  async #create(wanted: Docker.ContainerCreateOptions, { signal }: CallOptions): Promise<string> {
    const create = (docker: Docker, abortSignal: AbortSignal) => docker.createContainer({ ...wanted, abortSignal });
    const { id } = await this.#parts.engine.call("create a container", create, {
      signal,
      timeoutMs: CHANGE_TIMEOUT_MS,
    });
    this.#starter.expect(id);
    return id;
  }

  /** The name is taken: by the workload that was asked for, which is the answer, or by what has to go. */
  async #makeRoom(
    name: string,
    spec: WorkloadSpec,
    { role, signal }: CallOptions & { role: Workload["role"] },
  ): Promise<Workload | "removed" | "unseen"> {
    const { engine, around } = this.#parts;
    let holder: Docker.ContainerInspectInfo;
    try {
      holder = await engine.call("inspect a container", (docker) => docker.getContainer(name).inspect(), { signal });
    } catch (error) {
      if (hasStatus(error, 404)) return "unseen";
      throw error;
    }
    const labels = holder.Config.Labels ?? {};
    if (ownerFromLabels(labels, around.maker)?.uid !== spec.owner.uid || roleFromLabels(labels) !== role) {
      throw new TransientError(
        Reason.BackendError,
        `the name ${name} is taken by a container that is not this deployment's; rename or remove it: docker rm ${name}`,
      );
    }
    const existing = toWorkload(holder, around);
    if (existing?.hash === spec.hash) return existing;
    await this.delete(holder.Id, { signal });
    return "removed";
  }

  async #inspect(id: string, options: CallOptions): Promise<Workload | undefined> {
    const { engine, around } = this.#parts;
    try {
      const inspected = await engine.call(
        "inspect a container",
        (docker) => docker.getContainer(id).inspect(),
        options,
      );
      return toWorkload(inspected, around);
    } catch (error) {
      if (hasStatus(error, 404)) return undefined;
      throw error;
    }
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
