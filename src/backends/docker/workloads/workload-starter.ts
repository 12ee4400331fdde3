import type Docker from "dockerode";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { Workload, WorkloadSpec } from "../../backend.ts";
import type { CallOptions } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { DockerLabel, ownerFromLabels, roleFromLabels } from "./object-labels.ts";
import { ENGINE_RESTART_POLICY } from "./restart-policy.ts";
import { isNetworkGone, isPortTaken, portConflict, startFailure } from "./start-failure.ts";
import { toWorkload } from "./workload-view.ts";
import type { WorkloadParts } from "./workloads.ts";

/** Fresh containers whose start needs no look first. More than are ever created at once. */
const EXPECTED = 1024;

/** A port can be lost to another program between choice and start; five times in a row is no accident. */
const PORT_ATTEMPTS = 5;

/** Brings containers to run, whatever happened to them. */
export class WorkloadStarter {
  readonly #parts: WorkloadParts;
  readonly #timeoutMs: number;
  readonly #fresh = new Set<string>();
  readonly #starting = new Set<string>();

  constructor(parts: WorkloadParts, timeoutMs: number) {
    this.#parts = parts;
    this.#timeoutMs = timeoutMs;
  }

  /** A container that was just created starts without being looked at before. */
  expect(id: string): void {
    if (this.#fresh.size >= EXPECTED) this.#fresh.clear();
    this.#fresh.add(id);
  }

  /**
   * Starts a created or stopped container and resumes a paused one. A port that was chosen here and is lost before the
   * first start is replaced by another, with a new container: nobody knew it yet.
   */
  async start(id: string, { signal }: CallOptions): Promise<Workload> {
    const options = { signal, timeoutMs: this.#timeoutMs };
    if (!this.#fresh.delete(id)) await this.#prepare(id, options);
    let current = id;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#startAndLook(current, options);
      } catch (error) {
        if (!isPortTaken(error)) throw startFailure(error);
        const inspected = await this.#inspect(current, options);
        const { [DockerLabel.HostPort]: port, [DockerLabel.HostPortKept]: kept } = inspected.Config.Labels;
        if (kept === "true" || wasStarted(inspected) || attempt >= PORT_ATTEMPTS)
          throw portConflict(Number(port), this.#parts.bindAddress, error);
        current = await this.#moveToAnotherPort(inspected, options);
      }
    }
  }

  /** Whether a call of ours that starts this container, and then looks at it, is under way. */
  isStarting(id: string): boolean {
    return this.#starting.has(id);
  }

  /** Connects a container to its network anew, which publishes its ports anew, too. The process runs on. */
  async reconnect(id: string, options: CallOptions): Promise<void> {
    const { engine, network } = this.#parts;
    network.forget();
    await network.ensure(options);
    const disconnect = (docker: Docker) => docker.getNetwork(network.name).disconnect({ Container: id, Force: true });
    try {
      await engine.call("disconnect a container", disconnect, options);
    } catch (error) {
      // It was not connected: 403 or 404 by the Engine's version, 500 in some.
      if (!hasStatus(error, 403, 404, 500)) throw error;
    }
    const connect = (docker: Docker) => docker.getNetwork(network.name).connect({ Container: id });
    await engine.call("connect a container", connect, options);
  }

  async #startAndLook(id: string, options: CallOptions): Promise<Workload> {
    this.#starting.add(id);
    try {
      await this.#startReconnected(id, options);
      return this.#view(await this.#inspect(id, options));
    } finally {
      this.#starting.delete(id);
    }
  }

  async #startReconnected(id: string, options: CallOptions): Promise<void> {
    try {
      await this.#start(id, options);
    } catch (error) {
      if (!isNetworkGone(error)) throw error;
      await this.reconnect(id, options);
      await this.#start(id, options);
    }
  }

  async #start(id: string, options: CallOptions): Promise<void> {
    const start = (docker: Docker, abortSignal: AbortSignal) => docker.getContainer(id).start({ abortSignal });
    try {
      await this.#parts.engine.call("start a container", start, options);
    } catch (error) {
      if (!hasStatus(error, 304)) throw error;
    }
  }

  /** A stop took the restart policy away; a pause has to end first. */
  async #prepare(id: string, options: CallOptions): Promise<void> {
    const { engine } = this.#parts;
    const { State, HostConfig, Config } = await this.#inspect(id, options);
    const policy = Config.Labels[DockerLabel.RestartPolicy] as WorkloadSpec["restartPolicy"] | undefined;
    const Name = policy && ENGINE_RESTART_POLICY[policy];
    if (Name && HostConfig.RestartPolicy?.Name !== Name) {
      const update = (docker: Docker) => docker.getContainer(id).update({ RestartPolicy: { Name } });
      await engine.call("update a container", update, options);
    }
    if (State.Paused) await engine.call("resume a container", (docker) => docker.getContainer(id).unpause(), options);
  }

  async #moveToAnotherPort(inspected: Docker.ContainerInspectInfo, options: CallOptions): Promise<string> {
    const { engine, ports, around } = this.#parts;
    const labels = inspected.Config.Labels;
    const owner = ownerFromLabels(labels, around.maker);
    if (!owner) throw vanished(inspected.Id);
    const hostPort = await ports.choose(owner, roleFromLabels(labels));
    await engine.call(
      "remove a container",
      (docker) => docker.getContainer(inspected.Id).remove({ force: true }),
      options,
    );
    const wanted = onPort(inspected, hostPort);
    const { id } = await engine.call("create a container", (docker) => docker.createContainer(wanted), options);
    return id;
  }

  async #inspect(id: string, options: CallOptions): Promise<Docker.ContainerInspectInfo> {
    return await this.#parts.engine.call("inspect a container", (docker) => docker.getContainer(id).inspect(), options);
  }

  #view(inspected: Docker.ContainerInspectInfo): Workload {
    const workload = toWorkload(inspected, this.#parts.around);
    if (!workload) throw vanished(inspected.Id);
    return workload;
  }
}

/** The same container, published on another port. */
function onPort(inspected: Docker.ContainerInspectInfo, hostPort: number): Docker.ContainerCreateOptions {
  const { Config, HostConfig, Name } = inspected;
  const bindings = Object.entries((HostConfig.PortBindings ?? {}) as Record<string, Docker.PortBinding[]>);
  const PortBindings = Object.fromEntries(
    bindings.map(([port, list]) => [port, list.map((binding) => ({ ...binding, HostPort: String(hostPort) }))]),
  );
  return {
    ...(Config as Docker.ContainerCreateOptions),
    // The name that the Engine gave for want of another; the new container gets its own.
    Hostname: "",
    name: Name.replace(/^\//, ""),
    Labels: { ...Config.Labels, [DockerLabel.HostPort]: String(hostPort) },
    HostConfig: { ...HostConfig, PortBindings },
  };
}

function wasStarted({ State }: Docker.ContainerInspectInfo): boolean {
  return !State.StartedAt.startsWith("0001-");
}

function vanished(id: string): TransientError {
  return new TransientError(Reason.BackendError, `container ${id.slice(0, 12)} was removed or changed meanwhile`);
}
