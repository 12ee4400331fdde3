import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type Docker from "dockerode";
import { API_VERSION, type RuntimeDeployment } from "../../../src/api/v1alpha1/index.ts";
import { Installation } from "../installation.ts";
import { ECHO_PORT, MANY, place, RESOLVER } from "./addresses.ts";
import type { Spot } from "./attempts/attempt.ts";
import { Controls, type Protection } from "./controls.ts";
import { HostServices } from "./host-services.ts";
import { ensureEscapeImage } from "./image.ts";
import { Inside } from "./inside.ts";
import { Outside } from "./outside.ts";
import { Name, ownProfiles, PROFILES, type Profile, profileName } from "./profiles.ts";

/** P of the suite's backend, in seconds: an allowed address closes between P and 2 P after the last answer. */
export const HOLD_SECONDS = 5;
const BACKEND = "escape";
/** A deployment without a sandbox that others try to reach. */
const SIBLING = "sibling";
/** What the deployment without limits in its profile asks for: more than any bomb of the table takes. */
const ROOMY = { resources: { cpu: "2", memory: "1Gi", pids: 1_000 } };
/** Nothing may come in there, no probe either. */
const UNPROBED = { health: { probe: "none" } };

/** Everything that the attempts need: the outside, the machine's services, a deployment for each profile, the controls. */
export class Stage implements AsyncDisposable {
  readonly outside: Outside;
  readonly host: HostServices;
  readonly slipway: Installation;
  readonly image: string;
  /** All but for one protection as the deployment of the profile `listed`. */
  readonly controls: Controls;
  readonly #workloads: ReadonlyMap<string, Inside>;
  readonly #addresses: ReadonlyMap<string, string>;

  private constructor(parts: Pick<Stage, "outside" | "host" | "slipway" | "image" | "controls"> & Cast) {
    this.outside = parts.outside;
    this.host = parts.host;
    this.slipway = parts.slipway;
    this.image = parts.image;
    this.controls = parts.controls;
    this.#workloads = parts.workloads;
    this.#addresses = parts.addresses;
  }

  static async start(): Promise<Stage> {
    await using cleanup = new AsyncDisposableStack();
    const image = await ensureEscapeImage();
    const outside = cleanup.use(await Outside.start());
    const host = cleanup.use(await HostServices.start([outside.bridge.gateway4, outside.hostAddress]));
    const slipway = cleanup.use(await Installation.start());
    await slipway.kubectl.apply(backend(outside), ...ownProfiles());
    await slipway.kubectl.run(["wait", "--for=condition=Available", `runtimebackend/${BACKEND}`, "--timeout=60s"]);
    const { workloads, addresses } = await deployAll(slipway, image, outside.network);
    const model = workloads.get("listed");
    if (!model) throw new Error("there is no deployment to make controls of");
    const controls = cleanup.use(new Controls(slipway.engine, model.container, outside.network));
    await nameAll(outside);
    const stage = new Stage({ outside, host, slipway, image, controls, workloads, addresses });
    stage.#cleanup = cleanup.move();
    return stage;
  }

  #cleanup: AsyncDisposableStack | undefined;

  /** The inside of a profile's deployment. */
  inside(profile: Profile | typeof SIBLING): Inside {
    const found = this.#workloads.get(profile);
    if (!found) throw new Error(`there is no deployment under ${profile}`);
    return found;
  }

  /** Its address on the bridge: that of its sandbox where it has one. */
  address(profile: Profile | typeof SIBLING): string {
    return this.#addresses.get(profile) ?? "";
  }

  /** What the Engine's resolver knows the sibling by. */
  async siblingName(): Promise<string> {
    const { Name } = await this.inside(SIBLING).container.inspect();
    return Name.slice(1);
  }

  /** The bridge's own IPv6 address that leads no further than the link. */
  get linkLocal(): string {
    const addresses = networkInterfaces()[this.outside.network] ?? [];
    return addresses.find(({ address }) => address.startsWith("fe80:"))?.address ?? "";
  }

  /** The Ethernet address of the bridge. */
  get bridgeMac(): string {
    return readFileSync(`/sys/class/net/${this.outside.network}/address`, "utf8").trim();
  }

  async spot(profile: Profile, number: number): Promise<Spot> {
    const { status } = await this.slipway.get(profile);
    return { inside: this.inside(profile), number, address: this.address(profile), url: status?.workload?.endpoint };
  }

  /** The same of a control. */
  async control(without: Protection, number: number): Promise<Spot> {
    const inside = await this.controls.without(without);
    const address = await addressOf(this.slipway, inside.container, this.outside.network);
    return { inside, number, address, url: undefined };
  }

  /** One more deployment on the suite's backend. */
  async deploy(name: string, profile: string, { image = this.image, ...spec }: DeployOptions = {}): Promise<void> {
    await deploy(this.slipway, { name, profile, image, ...spec });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanup?.disposeAsync();
  }
}

export interface DeployOptions {
  readonly image?: string;
  readonly volumes?: readonly object[];
  readonly overrides?: object;
}

interface Cast {
  readonly workloads: ReadonlyMap<string, Inside>;
  readonly addresses: ReadonlyMap<string, string>;
}

/** The RuntimeBackend of the suite: in the outside's network, with its resolver, on the machine's Engine. */
function backend({ network }: Outside): object {
  return {
    apiVersion: API_VERSION,
    kind: "RuntimeBackend",
    metadata: { name: BACKEND },
    spec: {
      type: "docker",
      docker: { network, sandbox: { dns: [RESOLVER.v4], addressHoldSeconds: HOLD_SECONDS } },
    },
  };
}

async function deployAll(slipway: Installation, image: string, network: string): Promise<Cast> {
  const all: readonly string[] = [...PROFILES, SIBLING];
  const ready = all.map(async (name) => {
    const profile = name === SIBLING ? "unrestricted" : name;
    const more = { ...(profile === "unrestricted" && ROOMY), ...(profile === "airgapped" && UNPROBED) };
    await deploy(slipway, { name, profile, image, ...more });
    await slipway.until(name, isUp, { timeoutMs: 120_000 });
    const container = await slipway.container(name);
    return { name, inside: new Inside(container), address: await addressOf(slipway, container, network) };
  });
  const cast = await Promise.all(ready);
  return {
    workloads: new Map(cast.map(({ name, inside }) => [name, inside])),
    addresses: new Map(cast.map(({ name, address }) => [name, address])),
  };
}

/** Connected, or, where nothing may come in to ask, running. */
function isUp({ status }: RuntimeDeployment): boolean {
  const available = status?.conditions?.find(({ type }) => type === "WorkloadAvailable");
  return status?.phase === "Connected" || (status?.phase === "Running" && available?.status === "True");
}

async function deploy(
  slipway: Installation,
  { name, profile, image, overrides = {}, ...spec }: DeployOptions & { name: string; profile: string; image: string },
): Promise<void> {
  await slipway.deploy(name, {
    source: { image: { reference: image, pullPolicy: "Never" } },
    backend: BACKEND,
    guardrails: { profile: profileName(profile), overrides },
    resources: {},
    ...spec,
  });
}

async function addressOf(slipway: Installation, container: Docker.Container, network: string): Promise<string> {
  const { HostConfig, NetworkSettings } = await container.inspect();
  const [kind, sandbox = ""] = (HostConfig.NetworkMode ?? "").split(":");
  const { Networks } =
    kind === "container" ? (await slipway.engine.getContainer(sandbox).inspect()).NetworkSettings : NetworkSettings;
  return Networks[network]?.IPAddress ?? "";
}

async function nameAll(outside: Outside): Promise<void> {
  await outside.name(Name.Chain, { aliases: ["a.cdn.test", "b.cdn.test"], a: [place(31).v4] });
  await outside.name(Name.Many, { a: MANY, ttl: 0, rotate: true });
  await outside.name(Name.NoTtl, { a: [place(32).v4], ttl: 0 });
  await outside.name(Name.Hold, { a: [place(33).v4], ttl: HOLD_SECONDS });
}

/** The port of the echo services outside. */
export const ECHO = String(ECHO_PORT);
