import { createHash, randomInt } from "node:crypto";
import type Docker from "dockerode";
import { Label } from "../../../api/labels.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { NetworkRules } from "../../../guardrails/confinement.ts";
import { TerminalError, TransientError } from "../../../machinery/errors.ts";
import { createContainer } from "../engine/create-container.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { EngineError, hasStatus } from "../engine/engine-error.ts";
import { claimName } from "../workloads/claim-name.ts";
import type { WorkloadNetwork } from "../workloads/network.ts";
import { type Maker, makerLabels } from "../workloads/object-labels.ts";
import { isGone } from "../workloads/workloads.ts";
import { familyOf } from "./addresses.ts";
import { machineResolvers } from "./machine-resolvers.ts";
import type { SandboxSupport } from "./sandbox.ts";
import { RESOLVER_UIDS, SANDBOX_HOST_CONFIG, sandboxProcess } from "./sandbox-options.ts";
import type { SandboxSettings } from "./sandbox-settings.ts";
import type { SandboxStarter } from "./sandbox-starter.ts";

/** The network on which the Engine gives containers the resolvers that it uses itself. */
const DEFAULT_NETWORK = "bridge";
/** The Engine's own resolver, on all networks but that one. It asks from inside the container and so cannot be asked. */
const EMBEDDED_RESOLVER = "127.0.0.11";

/** Every kind of rule once; nothing is ever sent. */
const RULES: NetworkRules = {
  egress: {
    kind: "listed",
    hosts: [
      { kind: "name", name: "trial.example", wildcard: false, port: 443 },
      { kind: "range", family: 4, cidr: "192.0.2.0/24", port: undefined },
      { kind: "range", family: 6, cidr: "2001:db8::/32", port: 443 },
    ],
  },
  ingressPorts: [8080],
};

export interface TrialResult {
  readonly support: SandboxSupport;
  /** Addresses of the resolvers that sandboxes ask. */
  readonly upstreams: readonly string[];
}

export interface TrialParts {
  readonly engine: EngineClient;
  readonly maker: Maker;
  readonly network: WorkloadNetwork;
  readonly settings: SandboxSettings;
}

/** Tries on an Engine, once, whether a sandbox starts there, and learns which resolvers the Engine uses. */
export class SandboxTrials {
  readonly #parts: TrialParts;
  readonly #starter: SandboxStarter;
  #known: Promise<TrialResult> | undefined;

  constructor(parts: TrialParts, starter: SandboxStarter) {
    this.#parts = parts;
    this.#starter = starter;
  }

  /** The last answer, unless there is none or `refresh` asks for another. An Engine that does not answer gives none. */
  async result({ signal, refresh = false }: CallOptions & { readonly refresh?: boolean }): Promise<TrialResult> {
    if (refresh) this.forget();
    if (this.#known === undefined) {
      // Not with the signal of the caller that came first: others wait for the same answer.
      const trial = this.#try({ signal: new AbortController().signal });
      this.#known = trial;
      trial.catch(() => {
        if (this.#known === trial) this.#known = undefined;
      });
    }
    const result = await this.#known;
    signal.throwIfAborted();
    return result;
  }

  forget(): void {
    this.#known = undefined;
  }

  async #try(options: CallOptions): Promise<TrialResult> {
    try {
      return await this.#tryWhere(options);
    } catch (error) {
      if (isImageMissing(error)) return failing(noImage(this.#parts.settings.image));
      if (error instanceof EngineError) return failing(`a sandbox cannot be started: ${error.said}`);
      // Settings that no rule can be made of; a sandbox that was not ready in time.
      if (error instanceof TerminalError || isNotReady(error)) return failing(error.message);
      throw error;
    }
  }

  /** On the Engine's default network, which tells its resolvers, unless that is not needed, or there is none that works. */
  async #tryWhere(options: CallOptions): Promise<TrialResult> {
    const { network, settings, engine } = this.#parts;
    let upstreams = settings.dns;
    if (upstreams.length === 0) {
      try {
        return await this.#tryOn(DEFAULT_NETWORK, upstreams, options);
      } catch (error) {
        if (!(error instanceof EngineError) || isImageMissing(error)) throw error;
        upstreams = engine.address.kind === "unix" ? await machineResolvers() : [];
        if (upstreams.length === 0) return failing(`${NO_UPSTREAM} (the Engine said: ${error.said})`);
      }
    }
    await network.ensure(options);
    return await this.#tryOn(network.name, upstreams, options);
  }

  async #tryOn(network: string, known: readonly string[], options: CallOptions): Promise<TrialResult> {
    const { engine, maker, settings } = this.#parts;
    const wanted = trialContainer(settings, { maker, network });
    const create = (docker: Docker, abortSignal: AbortSignal) => createContainer(docker, wanted, abortSignal);
    const makeRoom = async () => {
      await this.#remove(wanted.name, options);
      return "removed" as const;
    };
    const make = () => engine.call("create a helper container", create, options);
    const id = await claimName(make, makeRoom, options.signal);
    try {
      const { ready, unsupported, nameservers, said } = await this.#starter.run(id, options);
      if (unsupported !== undefined) return { support: { kind: "unsupported", reason: unsupported }, upstreams: [] };
      if (!ready) return failing(`a sandbox was started and ended: ${said || "it said nothing"}`);
      const told = nameservers.filter((address) => familyOf(address) !== undefined && address !== EMBEDDED_RESOLVER);
      const upstreams = known.length > 0 ? known : told;
      return upstreams.length === 0 ? failing(NO_UPSTREAM) : { support: { kind: "supported" }, upstreams };
    } finally {
      await this.#remove(id, options);
    }
  }

  async #remove(id: string, options: CallOptions): Promise<void> {
    const remove = (docker: Docker) => docker.getContainer(id).remove({ force: true, v: true });
    try {
      await this.#parts.engine.call("remove a helper container", remove, options);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function trialContainer(
  { image, addressHoldSeconds, allowedSources, dns }: SandboxSettings,
  { maker, network }: { maker: Maker; network: string },
): Docker.ContainerCreateOptions & { name: string } {
  const place = {
    network: { subnets: ["192.0.2.0/24"], gateways: ["192.0.2.1"] },
    hostAddresses: [],
    allowedSources,
    upstreams: dns,
    addressHoldSeconds,
  };
  const resolverUid = randomInt(RESOLVER_UIDS.from, RESOLVER_UIDS.to);
  return {
    ...sandboxProcess({ rules: RULES, place, resolverUid }),
    name: trialName(maker),
    Image: image,
    Labels: { ...makerLabels(maker), [Label.Role]: "helper" },
    HostConfig: { ...SANDBOX_HOST_CONFIG, NetworkMode: network },
  };
}

/** The same in each process of one installation: what one leaves behind, the next one takes away. */
function trialName({ installation, backend }: Maker): string {
  const digest = createHash("sha256").update(`${installation}/${backend}`).digest("hex");
  return `slipway-sandbox-trial-${digest.slice(0, 12)}`;
}

const NO_UPSTREAM =
  "it is not known which resolver allowed names are to be asked of; set spec.docker.sandbox.dns to the addresses of one to three";

function noImage(image: string): string {
  return `the image ${image} is not on the Engine; make it with: make sandbox-image, or: docker build -t ${image} images/sandbox`;
}

function failing(reason: string): TrialResult {
  return { support: { kind: "failing", reason }, upstreams: [] };
}

function isNotReady(error: unknown): error is TransientError {
  return error instanceof TransientError && error.reason === Reason.SandboxUnavailable;
}

function isImageMissing(error: unknown): boolean {
  return hasStatus(error, 404) && /no such image/i.test(error.said);
}
