import type { Duplex } from "node:stream";
import { systemClock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type {
  Backend,
  BackendFactory,
  BackendHealth,
  CreateOptions,
  ImageRequest,
  ImageState,
  LogOptions,
  LogSource,
  Owner,
  ResolvedImage,
  StdioHost,
  Workload,
  WorkloadSpec,
} from "../backend.ts";
import { admitImage } from "../images/allowed-registries.ts";
import type { Usage, UsageSource } from "../usage.ts";
import type { DockerConfig } from "./docker-config.ts";
import { type AppArmorSource, loadedProfiles } from "./engine/apparmor-profiles.ts";
import { type CallOptions, EngineClient } from "./engine/engine-client.ts";
import { EngineFactsSource } from "./engine/engine-facts.ts";
import { checkHealth } from "./health.ts";
import { ImageUsers } from "./images/image-users.ts";
import { checkMirror, Images } from "./images/images.ts";
import { ownerLogs } from "./logs/container-logs.ts";
import { collectOrphans, purgeOwner } from "./removal.ts";
import { DockerSandboxes } from "./sandbox/docker-sandboxes.ts";
import { sandboxSettings } from "./sandbox/sandbox-settings.ts";
import { Attachments } from "./stdio/attachments.ts";
import { OwnProcesses } from "./stdio/own-processes.ts";
import { SupportWatch } from "./support-watch.ts";
import { ownerUsage } from "./usage/container-usage.ts";
import { OwnChanges } from "./watch/own-changes.ts";
import { watchEngine } from "./watch/watcher.ts";
import { dialHost } from "./workloads/dial-host.ts";
import { admitHostPath, admitRealHostPath } from "./workloads/host-paths.ts";
import { HostPorts, isBoundHere } from "./workloads/host-ports.ts";
import { WorkloadNetwork } from "./workloads/network.ts";
import type { Maker } from "./workloads/object-labels.ts";
import { publishedPorts } from "./workloads/published-ports.ts";
import { admitConfinement } from "./workloads/security-options.ts";
import { WorkloadSandboxes } from "./workloads/workload-sandboxes.ts";
import { type EngineMeans, Workloads } from "./workloads/workloads.ts";

/** The backend of a RuntimeBackend of type docker. Calls nobody yet. @throws {TerminalError} when its spec cannot be. */
export const dockerBackend = ((config, logger) =>
  new DockerBackend(config, logger)) satisfies BackendFactory<DockerConfig>;

class DockerBackend implements Backend, LogSource, UsageSource, StdioHost {
  readonly #config: DockerConfig;
  readonly #logger: Logger;
  readonly #maker: Maker;
  readonly #engine: EngineClient;
  readonly #facts: EngineFactsSource;
  readonly #images: Images;
  readonly #support: SupportWatch;
  readonly #appArmor: AppArmorSource;
  readonly #own = { starts: new OwnChanges(systemClock, 0), ends: new OwnChanges(systemClock) };
  readonly #workloads: Workloads;
  readonly #attachments: Attachments;
  readonly #ownProcesses: OwnProcesses;
  readonly #hostPathRules: { readonly allowed: readonly string[]; readonly engineSocket: string | undefined };
  readonly #listeners = new Set<(owner: Owner) => void>();
  readonly #lifetime = new AbortController();

  constructor(config: DockerConfig, logger: Logger) {
    const { spec } = config;
    checkMirror(spec.registryMirror);
    const engine = new EngineClient(spec.host, config.tls, config.fence);
    const { address } = engine;
    const { bindAddress } = spec.publish;
    this.#config = config;
    this.#logger = logger;
    this.#maker = { installation: config.installation, backend: config.name };
    this.#engine = engine;
    this.#facts = new EngineFactsSource(engine);
    this.#images = new Images({
      engine,
      clock: systemClock,
      logger,
      mirror: spec.registryMirror,
      onChange: (owner) => this.#tell(owner),
    });
    const network = new WorkloadNetwork(engine, this.#maker, spec.network);
    const ports = new HostPorts({
      published: () => publishedPorts(engine),
      isBound: async (port) => address.kind === "unix" && (await isBoundHere(bindAddress, port)),
      clock: systemClock,
    });
    this.#appArmor = { configured: spec.appArmorProfiles ?? [], isHere: address.kind === "unix" };
    const sandboxes = new DockerSandboxes({ engine, maker: this.#maker, network, settings: sandboxSettings(spec) });
    this.#support = new SupportWatch(sandboxes);
    const own = this.#own;
    const users = new ImageUsers(engine, this.#maker);
    this.#workloads = new Workloads({
      ...own,
      engine,
      network,
      ports,
      around: { maker: this.#maker, network: network.name, dialHost: dialHost(spec.publish, address) },
      bindAddress,
      sandboxes: new WorkloadSandboxes({ ...own, sandboxes, maker: this.#maker }),
      localImage: (pinned, options) => this.#images.local(pinned, options),
      uidOf: (image, options) => users.uidOf(image, options),
      means: (options) => this.#means(options),
    });
    this.#attachments = new Attachments({ engine, maker: this.#maker });
    this.#ownProcesses = new OwnProcesses({ engine, maker: this.#maker, logger });
    const engineSocket = address.kind === "unix" ? address.path : undefined;
    this.#hostPathRules = { allowed: spec.allowedHostPaths ?? [], engineSocket };
  }

  async health(signal: AbortSignal): Promise<BackendHealth> {
    return await checkHealth(
      {
        engine: this.#engine,
        facts: this.#facts,
        config: this.#config,
        sandboxes: this.#support,
        appArmorProfiles: () => loadedProfiles(this.#appArmor),
      },
      signal,
    );
  }

  admit({ imageReference, mounts, confinement }: Parameters<Backend["admit"]>[0]): void {
    if (imageReference !== undefined) admitImage(imageReference, this.#config.spec.allowedRegistries ?? []);
    admitConfinement(confinement);
    for (const mount of mounts) if (mount.kind === "hostPath") admitHostPath(mount, this.#hostPathRules);
  }

  async resolveImage(request: ImageRequest, signal: AbortSignal): Promise<ResolvedImage> {
    return await this.#images.resolve(request, { signal });
  }

  async ensureImage(
    owner: Owner,
    image: ResolvedImage,
    request: ImageRequest,
    signal: AbortSignal,
  ): Promise<ImageState> {
    return await this.#images.ensure(owner, image, request, { signal });
  }

  async observe(owner: Owner, signal: AbortSignal): Promise<readonly Workload[]> {
    return await this.#workloads.observe(owner, { signal });
  }

  async create(spec: WorkloadSpec, options: CreateOptions, signal: AbortSignal): Promise<Workload> {
    for (const mount of spec.mounts) {
      if (mount.kind !== "hostPath") continue;
      admitHostPath(mount, this.#hostPathRules);
      await admitRealHostPath(mount, this.#hostPathRules);
    }
    admitConfinement(spec.confinement);
    return await this.#workloads.create(spec, options, { signal });
  }

  async start(id: string, signal: AbortSignal): Promise<Workload> {
    return await this.#workloads.start(id, { signal });
  }

  async stop(id: string, graceSeconds: number, signal: AbortSignal): Promise<void> {
    await this.#ownProcesses.endOf(id);
    await this.#workloads.stop(id, graceSeconds, { signal });
  }

  async repair(workload: Workload, signal: AbortSignal): Promise<void> {
    if (workload.drift.some(({ kind }) => kind === "sandbox")) await this.#ownProcesses.endOf(workload.id);
    await this.#workloads.repair(workload, { signal });
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    await this.#ownProcesses.endOf(id);
    await this.#workloads.delete(id, { signal });
  }

  async purge(owner: Owner, signal: AbortSignal): Promise<boolean> {
    return await purgeOwner(this.#removal(), owner, { signal });
  }

  watch(onChange: (owner: Owner) => void, signal: AbortSignal): void {
    const until = AbortSignal.any([signal, this.#lifetime.signal]);
    if (until.aborted) return;
    this.#listeners.add(onChange);
    until.addEventListener("abort", () => this.#listeners.delete(onChange), { once: true });
    const watching = watchEngine(
      {
        engine: this.#engine,
        maker: this.#maker,
        clock: systemClock,
        logger: this.#logger,
        onChange,
        onListed: (containers) => void this.#ownProcesses.removeLeftovers(containers),
        own: this.#own,
      },
      until,
    );
    watching.catch((error: unknown) => this.#logger.error("the watch of the Engine ended", { error }));
  }

  async collectOrphans(isAlive: (owner: Owner) => boolean, signal: AbortSignal): Promise<readonly Owner[]> {
    return await collectOrphans(this.#removal(), isAlive, { signal });
  }

  logs(owner: Owner, options: LogOptions, signal: AbortSignal): AsyncIterable<string> {
    const until = AbortSignal.any([signal, this.#lifetime.signal]);
    const observe = (of: Owner): Promise<readonly Workload[]> => this.observe(of, until);
    return ownerLogs({ engine: this.#engine, observe }, owner, { ...options, signal: until });
  }

  async attach(id: string, signal: AbortSignal): Promise<Duplex> {
    return await this.#attachments.attach(id, { signal });
  }

  async attachOwn(id: string, signal: AbortSignal): Promise<Duplex> {
    return await this.#ownProcesses.start(id, { signal });
  }

  async usage(owner: Owner, signal: AbortSignal): Promise<Usage | undefined> {
    const observe = (of: Owner): Promise<readonly Workload[]> => this.observe(of, signal);
    return await ownerUsage({ engine: this.#engine, observe, clock: systemClock }, owner, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort();
    await Promise.all([this.#attachments[Symbol.asyncDispose](), this.#ownProcesses[Symbol.asyncDispose]()]);
    this.#images[Symbol.dispose]();
    this.#engine[Symbol.dispose]();
  }

  async #means(options: CallOptions): Promise<EngineMeans> {
    const { hasInit, seccomp, appArmor } = await this.#facts.get(options);
    const appArmorProfiles = appArmor ? await loadedProfiles(this.#appArmor) : [];
    return { init: hasInit, confiners: { seccomp, appArmor, appArmorProfiles } };
  }

  #removal(): Parameters<typeof purgeOwner>[0] {
    const isLive = (name: string): boolean => this.#ownProcesses.isLive(name);
    return { engine: this.#engine, maker: this.#maker, isLive };
  }

  #tell(owner: Owner): void {
    for (const listener of this.#listeners) listener(owner);
  }
}
