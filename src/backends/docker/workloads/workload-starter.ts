import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { Workload, WorkloadSpec } from "../../backend.ts";
import { createContainer } from "../engine/create-container.ts";
import type { CallOptions } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { joinedContainer } from "./joined-network.ts";
import { DockerLabel, hostPortFromLabels, type Labels, ownerFromLabels, roleFromLabels } from "./object-labels.ts";
import { recreation } from "./recreation.ts";
import { ENGINE_RESTART_POLICY } from "./restart-policy.ts";
import { isNetworkGone, isPortTaken, isTaskLeft, portConflict, startFailure } from "./start-failure.ts";
import type { WorkloadObserver } from "./workload-observer.ts";
import type { WorkloadParts } from "./workloads.ts";

/** Fresh containers whose start needs no look first. More than are ever created at once. */
const EXPECTED = 1024;

/** A port can be lost to another program between choice and start; five times in a row is no accident. */
const PORT_ATTEMPTS = 5;

const NO_LONGER =
  "the deployment's network was held by a sandbox, and the Engine can no longer run any; delete the container to have it made without";

/** A workload's container, and the sandbox whose network it joined. */
export interface Pair {
  readonly id: string;
  readonly sandbox: string | undefined;
}

interface Prepared extends Pair {
  /** It runs already. */
  readonly runs: boolean;
}

/** Brings containers to run, whatever happened to them; those that live in a sandbox only once its rules hold. */
export class WorkloadStarter {
  readonly #parts: WorkloadParts;
  readonly #observer: WorkloadObserver;
  readonly #timeoutMs: number;
  readonly #fresh = new Map<string, Pair>();

  constructor(parts: WorkloadParts, observer: WorkloadObserver, timeoutMs: number) {
    this.#parts = parts;
    this.#observer = observer;
    this.#timeoutMs = timeoutMs;
  }

  /** A container that was just created starts without being looked at before. */
  expect(pair: Pair): void {
    if (this.#fresh.size >= EXPECTED) this.#fresh.clear();
    this.#fresh.set(pair.id, pair);
  }

  /**
   * Starts a created or stopped container and resumes a paused one. A port that was chosen here and is lost before the
   * first start is replaced by another, with a new container: nobody knew it yet. A sandbox that is gone is made anew, with a
   * new container, too: one can join the network only of what it was made for.
   */
  async start(id: string, { signal }: CallOptions): Promise<Workload> {
    const options = { signal, timeoutMs: this.#timeoutMs };
    const prepared = this.#take(id) ?? (await this.#prepare(id, options));
    if (prepared.runs) return await this.#look(prepared, options);
    let pair: Pair = prepared;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#startAndLook(pair, options);
      } catch (error) {
        if (isTaskLeft(error) && attempt === 1) {
          pair = await this.#makeAnew(pair, options);
          continue;
        }
        if (!isPortTaken(error)) throw startFailure(error);
        const inspected = await this.#inspect(pair.id, options);
        const { [DockerLabel.HostPort]: port, [DockerLabel.HostPortKept]: kept } = inspected.Config.Labels;
        if (kept === "true" || wasStarted(inspected) || attempt >= PORT_ATTEMPTS)
          throw portConflict(Number(port), this.#parts.bindAddress, error);
        pair = await this.#moveToAnotherPort(inspected, options);
      }
    }
  }

  /**
   * Ends a workload whose sandbox no longer holds its network, at once, and starts it again when one does. A sandbox that is
   * only paused goes on, and so does the workload: what the kernel keeps of its rules was never paused.
   */
  async mendSandbox({ id }: Workload, options: CallOptions): Promise<void> {
    const sandbox = joinedContainer(await this.#inspect(id, options));
    if (sandbox !== undefined && (await this.#observer.inspect(sandbox, options))?.State.Paused) {
      await this.#parts.sandboxes.start(sandbox, options);
      const { drift } = await this.#look({ id, sandbox }, options);
      if (!drift.some(({ kind }) => kind === "sandbox")) return;
    }
    await this.#stopAtOnce(id, options);
    await this.start(id, options);
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

  async #stopAtOnce(id: string, { signal }: CallOptions): Promise<void> {
    const stop = (docker: Docker) => docker.getContainer(id).stop({ t: 0 });
    try {
      await this.#parts.engine.call("stop a container", stop, { signal, timeoutMs: this.#timeoutMs });
    } catch (error) {
      if (!hasStatus(error, 304)) throw error;
    }
  }

  #take(id: string): Prepared | undefined {
    const pair = this.#fresh.get(id);
    this.#fresh.delete(id);
    return pair && { ...pair, runs: false };
  }

  async #startAndLook(pair: Pair, options: CallOptions): Promise<Workload> {
    const { id, sandbox } = pair;
    const { sandboxes, starts } = this.#parts;
    return await starts.during([id, sandbox], async () => {
      if (sandbox !== undefined) {
        await this.#connected(sandbox, () => sandboxes.start(sandbox, options), options);
        await this.#start(id, options);
      } else {
        await this.#connected(id, () => this.#start(id, options), options);
      }
      return await this.#look(pair, options);
    });
  }

  async #look(pair: Pair, options: CallOptions): Promise<Workload> {
    const workload = await this.#observer.look(pair, options);
    if (!workload) throw vanished(pair.id);
    return workload;
  }

  /** Starts what is connected to the network, which may have been removed and made anew meanwhile. */
  async #connected(id: string, start: () => Promise<void>, options: CallOptions): Promise<void> {
    try {
      await start();
    } catch (error) {
      if (!isNetworkGone(error)) throw error;
      await this.reconnect(id, options);
      await start();
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

  /** A stop took the restart policy away; a pause has to end first; a sandbox may be gone, or never have been made. */
  async #prepare(id: string, options: CallOptions): Promise<Prepared> {
    const { engine } = this.#parts;
    const inspected = await this.#inspect(id, options);
    const { State } = inspected;
    const sandbox = joinedContainer(inspected);
    if (State.Paused) await engine.call("resume a container", (docker) => docker.getContainer(id).unpause(), options);
    if (sandbox === undefined) await this.#setRestartPolicy(inspected, options);
    if (State.Running) return { id, sandbox, runs: true };
    if (!(await this.#lacksSandbox(inspected, options))) return { id, sandbox, runs: false };
    const hostPort = hostPortFromLabels(inspected.Config.Labels);
    return { ...(await this.#recreate(inspected, hostPort, options)), runs: false };
  }

  async #lacksSandbox(inspected: Docker.ContainerInspectInfo, options: CallOptions): Promise<boolean> {
    const sandbox = joinedContainer(inspected);
    if (sandbox !== undefined) return (await this.#observer.inspect(sandbox, options)) === undefined;
    const { sandboxes } = this.#parts;
    return sandboxes.wishOf(inspected.Config.Labels) !== undefined && (await sandboxes.areSupported(options));
  }

  async #setRestartPolicy(
    { Id, HostConfig, Config }: Docker.ContainerInspectInfo,
    options: CallOptions,
  ): Promise<void> {
    const policy = Config.Labels[DockerLabel.RestartPolicy] as WorkloadSpec["restartPolicy"] | undefined;
    const Name = policy && ENGINE_RESTART_POLICY[policy];
    if (!Name || HostConfig.RestartPolicy?.Name === Name) return;
    const update = (docker: Docker) => docker.getContainer(Id).update({ RestartPolicy: { Name } });
    await this.#parts.engine.call("update a container", update, options);
  }

  /** The Engine never starts these again. Which of the two it is does not matter: a new sandbox means a new container. */
  async #makeAnew({ id, sandbox }: Pair, options: CallOptions): Promise<Pair> {
    const inspected = await this.#inspect(id, options);
    if (sandbox !== undefined) await this.#parts.sandboxes.remove(sandbox, options);
    return await this.#recreate(inspected, hostPortFromLabels(inspected.Config.Labels), options);
  }

  async #moveToAnotherPort(inspected: Docker.ContainerInspectInfo, options: CallOptions): Promise<Pair> {
    const { ports, around } = this.#parts;
    const labels = inspected.Config.Labels;
    const owner = ownerFromLabels(labels, around.maker);
    if (!owner) throw vanished(inspected.Id);
    const revision = { uid: owner.uid, role: roleFromLabels(labels), hash: hashOf(labels) };
    return await this.#recreate(inspected, await ports.chooseAnother(revision), options);
  }

  /**
   * Makes a container once more, on a port; with a sandbox of its own where its rules want one.
   * @throws {TransientError} `SandboxUnavailable`: what was in a sandbox never runs without.
   */
  async #recreate(
    inspected: Docker.ContainerInspectInfo,
    hostPort: number | undefined,
    options: CallOptions,
  ): Promise<Pair> {
    const { engine, sandboxes } = this.#parts;
    const wish = sandboxes.wishOf(inspected.Config.Labels);
    const sandboxed = joinedContainer(inspected) !== undefined;
    const possible = wish !== undefined && (await sandboxes.areSupported(options));
    if (sandboxed && !possible) throw new TransientError(Reason.SandboxUnavailable, NO_LONGER);
    const sandbox = wish && possible ? await sandboxes.make({ ...wish, hostPort }, options) : undefined;
    const remove = (docker: Docker) => docker.getContainer(inspected.Id).remove({ force: true, v: true });
    await engine.call("remove a container", remove, options);
    const wanted = recreation(inspected, { hostPort, sandbox });
    const create = (docker: Docker, abortSignal: AbortSignal) => createContainer(docker, wanted, abortSignal);
    return { id: await engine.call("create a container", create, options), sandbox };
  }

  async #inspect(id: string, options: CallOptions): Promise<Docker.ContainerInspectInfo> {
    return await this.#parts.engine.call("inspect a container", (docker) => docker.getContainer(id).inspect(), options);
  }
}

function hashOf(labels: Labels): string {
  return labels[Label.SpecHash] ?? "";
}

function wasStarted({ State }: Docker.ContainerInspectInfo): boolean {
  return !State.StartedAt.startsWith("0001-");
}

function vanished(id: string): TransientError {
  return new TransientError(Reason.BackendError, `container ${id.slice(0, 12)} was removed or changed meanwhile`);
}
