import type Docker from "dockerode";
import { Label, MANAGED_BY } from "../../../api/labels.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { type Maker, makerLabels } from "./object-labels.ts";

/** Shared by every Slipway on an Engine: what is connected to it cannot talk to each other, so nothing is shared. */
export const OWN_NETWORK = "slipway";

const NO_TRAFFIC_BETWEEN_CONTAINERS = "com.docker.network.bridge.enable_icc";

/** Where a network is: CIDRs that it has, and the addresses of the Engine's machine on it. */
export interface NetworkAddresses {
  readonly subnets: readonly string[];
  readonly gateways: readonly string[];
}

/** The network that workloads are connected to: one that a person named, or Slipway's own, made when first needed. */
export class WorkloadNetwork {
  readonly name: string;
  readonly #engine: EngineClient;
  readonly #maker: Maker;
  readonly #own: boolean;
  #ready: Promise<NetworkAddresses> | undefined;

  constructor(engine: EngineClient, maker: Maker, given: string | undefined) {
    this.#engine = engine;
    this.#maker = maker;
    this.#own = !given;
    this.name = given || OWN_NETWORK;
  }

  /** Sees once that the network is there, for all callers. @throws {TransientError} when it is not, or not ours. */
  async ensure(options: CallOptions): Promise<NetworkAddresses> {
    this.#ready ??= this.#find().catch((error: unknown) => {
      this.forget();
      throw error;
    });
    const addresses = await this.#ready;
    options.signal.throwIfAborted();
    return addresses;
  }

  /** Somebody removed it: the next `ensure` looks again. */
  forget(): void {
    this.#ready = undefined;
  }

  /** Not with the signal of the caller that came first: others wait for the same answer. */
  async #find(): Promise<NetworkAddresses> {
    const options = { signal: new AbortController().signal };
    const [existing] = await this.#list(options);
    if (existing) return addressesOf(existing);
    if (!this.#own) {
      const remedy = `make it with: docker network create ${this.name}, or correct spec.docker.network`;
      throw new TransientError(Reason.BackendError, `network ${this.name} does not exist on the Engine; ${remedy}`);
    }
    try {
      await this.#engine.call("create its network", (docker) => docker.createNetwork(this.#options()), options);
    } catch (error) {
      if (!hasStatus(error, 409)) throw error;
    }
    return await this.#removeTwins(options);
  }

  async #list(options: CallOptions): Promise<Docker.NetworkInspectInfo[]> {
    // The Engine's filter also finds names that merely contain this one.
    const filters = { name: [this.name] };
    const list = (docker: Docker) => docker.listNetworks({ filters });
    const found = await this.#engine.call("list networks", list, options);
    const networks = found.filter(({ Name }) => Name === this.name);
    for (const network of networks) if (this.#own) this.#check(network);
    return networks;
  }

  #check({ Labels, Options }: Docker.NetworkInspectInfo): void {
    if (Labels?.[Label.ManagedBy] === MANAGED_BY && Options?.[NO_TRAFFIC_BETWEEN_CONTAINERS] === "false") return;
    throw new TransientError(
      Reason.BackendError,
      `network ${this.name} exists on the Engine but Slipway did not make it; remove it, or set spec.docker.network to it if workloads may share it`,
    );
  }

  /** Two that create at once may both succeed (names of networks are not unique before Engine 25): the older stays. */
  async #removeTwins(options: CallOptions): Promise<NetworkAddresses> {
    const networks = await this.#list(options);
    const [oldest, ...younger] = networks.toSorted(
      (a, b) => a.Created.localeCompare(b.Created) || a.Id.localeCompare(b.Id),
    );
    for (const { Id } of younger) {
      await this.#engine.call("remove a second network", (docker) => docker.getNetwork(Id).remove(), options);
    }
    if (oldest) return addressesOf(oldest);
    throw new TransientError(Reason.BackendError, `network ${this.name} was removed right after it was created`);
  }

  #options(): Docker.NetworkCreateOptions {
    return {
      Name: this.name,
      CheckDuplicate: true,
      Driver: "bridge",
      EnableIPv6: false,
      Options: { [NO_TRAFFIC_BETWEEN_CONTAINERS]: "false" },
      Labels: { ...makerLabels(this.#maker), [Label.Role]: "network" },
    };
  }
}

/** Pure. An Engine that started again tells a gateway with the length of its prefix; some networks tell none. */
function addressesOf({ IPAM }: Docker.NetworkInspectInfo): NetworkAddresses {
  const configs = IPAM?.Config ?? [];
  const known = (values: readonly (string | undefined)[]): string[] => values.filter((value) => value !== undefined);
  return {
    subnets: known(configs.map(({ Subnet }) => Subnet)),
    gateways: known(configs.map(({ Gateway }) => Gateway?.replace(/\/\d+$/, "") || undefined)),
  };
}
