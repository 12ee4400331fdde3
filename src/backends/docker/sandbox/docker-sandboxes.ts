import { randomInt } from "node:crypto";
import { networkInterfaces } from "node:os";
import type Docker from "dockerode";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { createContainer } from "../engine/create-container.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { claimName } from "../workloads/claim-name.ts";
import type { WorkloadNetwork } from "../workloads/network.ts";
import { type Maker, ownerFromLabels, roleFromLabels } from "../workloads/object-labels.ts";
import { isGone } from "../workloads/workloads.ts";
import type { Sandboxes, SandboxRequest, SandboxSupport, SandboxView } from "./sandbox.ts";
import { isElsewhere, RESOLVER_UIDS, SandboxLabel, sandboxOptions } from "./sandbox-options.ts";
import type { SandboxSettings } from "./sandbox-settings.ts";
import { SandboxStarter } from "./sandbox-starter.ts";
import { SandboxTrials } from "./sandbox-trials.ts";

/** A loaded Engine takes seconds for a container, and works on several at once more slowly still. */
const CHANGE_TIMEOUT_MS = 120_000;
/** The Engine's "never" is the zero time of Go. */
const NEVER = "0001-01-01T00:00:00Z";

export interface SandboxParts {
  readonly engine: EngineClient;
  readonly maker: Maker;
  readonly network: WorkloadNetwork;
  readonly settings: SandboxSettings;
}

/** Sandboxes as containers of a Docker Engine. */
export class DockerSandboxes implements Sandboxes {
  readonly #parts: SandboxParts;
  readonly #trials: SandboxTrials;
  readonly #starter: SandboxStarter;

  constructor(parts: SandboxParts) {
    this.#parts = parts;
    this.#starter = new SandboxStarter(parts.engine, CHANGE_TIMEOUT_MS);
    this.#trials = new SandboxTrials(parts, this.#starter);
  }

  async support(options: CallOptions & { readonly refresh?: boolean }): Promise<SandboxSupport> {
    const { support } = await this.#trials.result(options);
    return support;
  }

  async create(request: SandboxRequest, options: CallOptions): Promise<string> {
    const { engine, maker, network, settings } = this.#parts;
    const [{ support, upstreams }, addresses] = await Promise.all([
      this.#trials.result(options),
      network.ensure(options),
    ]);
    if (support.kind !== "supported") throw new TransientError(Reason.SandboxUnavailable, support.reason);
    const { image, bindAddress, addressHoldSeconds, allowedSources } = settings;
    const place = {
      network: addresses,
      hostAddresses: engine.address.kind === "unix" ? ownAddresses() : [],
      allowedSources,
      upstreams,
      addressHoldSeconds,
    };
    const resolverUid = randomInt(RESOLVER_UIDS.from, RESOLVER_UIDS.to);
    const placement = { image, network: network.name, bindAddress, place };
    const wanted = sandboxOptions(request, placement, { maker, resolverUid });
    const create = () => this.#create(wanted, options);
    const makeRoom = () => this.#makeRoom(wanted, request, options);
    try {
      return await claimName(create, makeRoom, options.signal);
    } catch (error) {
      if (hasStatus(error, 404)) {
        // The image went after the trial: the next one tells what to do.
        this.#trials.forget();
        throw new TransientError(Reason.SandboxUnavailable, error.message, { cause: error });
      }
      throw error;
    }
  }

  async start(id: string, { signal }: CallOptions): Promise<void> {
    const inspected = await this.#starter.start(id, { signal });
    const network = this.#parts.network.name;
    if (!inspected || !isElsewhere(inspected, network)) return;
    await this.remove(id, { signal });
    const message = `network ${network} was made anew with other addresses; the sandbox on it is made anew, too`;
    throw new TransientError(Reason.SandboxUnavailable, message);
  }

  async stop(id: string, { signal }: CallOptions): Promise<void> {
    const stop = (docker: Docker) => docker.getContainer(id).stop({ t: 0 });
    try {
      await this.#parts.engine.call("stop a sandbox", stop, { signal, timeoutMs: CHANGE_TIMEOUT_MS });
    } catch (error) {
      if (!hasStatus(error, 304, 404)) throw error;
    }
  }

  async remove(id: string, { signal }: CallOptions): Promise<void> {
    this.#starter.forget(id);
    const remove = (docker: Docker) => docker.getContainer(id).remove({ force: true, v: true });
    try {
      await this.#parts.engine.call("remove a sandbox", remove, { signal, timeoutMs: CHANGE_TIMEOUT_MS });
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }

  view(inspected: Docker.ContainerInspectInfo): SandboxView {
    const { Id, State, NetworkSettings, HostConfig } = inspected;
    const network = this.#parts.network.name;
    const wanted = Object.entries((HostConfig.PortBindings ?? {}) as Record<string, { HostPort: string }[]>);
    const isPublished = ([port, bindings]: [string, { HostPort: string }[]]): boolean =>
      bindings.every(({ HostPort }) => NetworkSettings.Ports?.[port]?.some((bound) => bound.HostPort === HostPort));
    return {
      id: Id,
      running: State.Running && !State.Paused && !isElsewhere(inspected, network),
      startedAt: State.StartedAt === NEVER ? undefined : State.StartedAt,
      connected: network in (NetworkSettings.Networks ?? {}) && wanted.every(isPublished),
    };
  }

  async #create(wanted: Docker.ContainerCreateOptions & { name: string }, { signal }: CallOptions): Promise<string> {
    const create = (docker: Docker, abortSignal: AbortSignal) => createContainer(docker, wanted, abortSignal);
    const options = { signal, timeoutMs: CHANGE_TIMEOUT_MS };
    const id = await this.#parts.engine.call("create a sandbox", create, options);
    this.#starter.expect(id);
    return id;
  }

  /** The name is taken: by the sandbox that was asked for, which is the answer, or by what has to go. */
  async #makeRoom(
    { name, Labels: labels }: Docker.ContainerCreateOptions & { name: string },
    { owner, role }: SandboxRequest,
    options: CallOptions,
  ): Promise<string | "removed" | "unseen"> {
    const { engine, maker } = this.#parts;
    let holder: Docker.ContainerInspectInfo;
    try {
      holder = await engine.call("inspect a sandbox", (docker) => docker.getContainer(name).inspect(), options);
    } catch (error) {
      if (hasStatus(error, 404)) return "unseen";
      throw error;
    }
    const has = holder.Config.Labels ?? {};
    if (ownerFromLabels(has, maker)?.uid !== owner.uid || roleFromLabels(has) !== role) {
      throw new TransientError(
        Reason.BackendError,
        `the name ${name} is taken by a container that is not this deployment's; rename or remove it: docker rm ${name}`,
      );
    }
    if (has[SandboxLabel.Request] === labels?.[SandboxLabel.Request]) return holder.Id;
    await this.remove(holder.Id, options);
    return "removed";
  }
}

/** Addresses of this machine, which is also the Engine's. Loopback and link-local ones are closed anyway. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outer = all.filter(({ internal, scopeid }) => !internal && !scopeid);
  return [...new Set(outer.map(({ address }) => address))].sort();
}
