import { Reason } from "../../api/v1alpha1/conditions.ts";
import { type Clock, systemClock } from "../../machinery/clock.ts";
import { TerminalError } from "../../machinery/errors.ts";
import { fenceConnections } from "../../machinery/fenced-connections.ts";
import { jsonEqual } from "../../machinery/json-equal.ts";
import type { Logger } from "../../machinery/logger.ts";
import type {
  AdmissionRequest,
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
  Workload,
  WorkloadSpec,
} from "../backend.ts";
import type { BuildRequest, BuildState, ImageBuilder } from "../build.ts";
import type { EgressBound, EgressManager, EgressProgress, EgressRival } from "../egress.ts";
import type { Usage, UsageSource } from "../usage.ts";
import type { ExpandedVariables, FindSibling, VariableExpander } from "../variables.ts";
import { admit } from "./admission.ts";
import { AppUsage } from "./app-usage.ts";
import { ProjectBuilder } from "./builds/project-builder.ts";
import type { CloudLogs } from "./client/cloud-logs.ts";
import { CodeEngineClient } from "./client/code-engine-client.ts";
import { isFailure } from "./client/errors.ts";
import type { Monitoring } from "./client/monitoring.ts";
import type { ProjectClient } from "./client/project-client.ts";
import { type CodeEngineConfig, DEFAULT_PACE, type Pace } from "./code-engine-config.ts";
import { EgressKeeper } from "./egress/egress-keeper.ts";
import { explained } from "./failure.ts";
import { checkHealth } from "./health.ts";
import { Images } from "./images/images.ts";
import { RegistryClient } from "./images/registry-client.ts";
import { appLogs } from "./logs/app-logs.ts";
import { LogHistory } from "./logs/log-history.ts";
import { RequestMetrics } from "./metrics/request-metrics.ts";
import { ProjectLink } from "./project-link.ts";
import { collectOrphans, purgeOwner } from "./removal.ts";
import { Subdomains } from "./subdomains.ts";
import { expandVariables } from "./variables.ts";
import { watchProject } from "./watcher.ts";
import { appName, type Maker } from "./workloads/marks.ts";
import { Sightings } from "./workloads/sightings.ts";
import { Workloads } from "./workloads/workloads.ts";

/** The backend of a RuntimeBackend of type code-engine. Calls nobody yet. @throws {TerminalError} when its spec cannot be. */
export const codeEngineBackend = ((config, logger) =>
  new CodeEngineBackend(config, logger)) satisfies BackendFactory<CodeEngineConfig>;

class CodeEngineBackend implements Backend, LogSource, UsageSource, ImageBuilder, EgressManager, VariableExpander {
  readonly #config: CodeEngineConfig;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #pace: Pace;
  readonly #maker: Maker;
  readonly #client: CodeEngineClient;
  readonly #link: ProjectLink;
  /** To the project that builds run in. */
  readonly #buildLink: ProjectLink;
  /** Undefined where the rules for egress are the project's owner's. */
  readonly #egress: EgressKeeper | undefined;
  readonly #images: Images;
  readonly #sightings: Sightings;
  readonly #workloads: Workloads;
  readonly #subdomains: Subdomains;
  readonly #builder: ProjectBuilder;
  readonly #history: LogHistory;
  readonly #metrics: RequestMetrics;
  readonly #usage: AppUsage;
  #partsChecked = false;
  readonly #listeners = new Set<(owner: Owner) => void>();
  readonly #lifetime = new AbortController();

  constructor(config: CodeEngineConfig, logger: Logger) {
    const { clock = systemClock, pace = DEFAULT_PACE, spec } = config;
    this.#config = config;
    this.#logger = logger;
    this.#clock = clock;
    this.#pace = pace;
    this.#maker = { installation: config.installation, backend: config.name };
    this.#client = clientOf(config, clock);
    this.#link = new ProjectLink(this.#client, config, clock);
    this.#buildLink = this.#linkForBuilds();
    this.#subdomains = new Subdomains(clock);
    this.#builder = new ProjectBuilder({
      ...{ config, link: this.#buildLink, subdomains: this.#subdomains },
      ...{ maker: this.#maker, clock, pace, logger },
    });
    this.#history = new LogHistory({ logs: cloudLogsOf(this.#client, config), clock, logger });
    this.#metrics = new RequestMetrics({ monitoring: monitoringOf(this.#client, config), clock, logger });
    this.#usage = new AppUsage(this.#metrics);
    const { name, id = "" } = spec.project;
    const egress = { project: name ?? id, link: this.#link, clock, pace, logger };
    this.#egress = spec.egress === "Managed" ? new EgressKeeper(egress) : undefined;
    this.#images = new Images(new RegistryClient({ override: spec.endpoints?.registry }), config.dockerConfig);
    const around = { maker: this.#maker, privateNetwork: spec.privateNetwork };
    this.#sightings = new Sightings(around, clock, pace.restMs * 2);
    this.#workloads = new Workloads({
      maker: this.#maker,
      sightings: this.#sightings,
      clock,
      pace,
      imageFacts: (of, signal) => this.#images.facts(of, signal),
    });
  }

  async health(signal: AbortSignal): Promise<BackendHealth> {
    const about = { spec: this.#config.spec, egress: this.#egress?.facts() };
    const health = await checkHealth(this.#link, about, signal);
    if (health.available) this.#checkParts();
    const all = [this.#egress?.aspect(), this.#history.aspect, this.#usage.aspect, this.#metrics.aspect];
    return { ...health, aspects: all.filter((aspect) => aspect !== undefined) };
  }

  admit(request: AdmissionRequest): void {
    admit(request, this.#config.spec.allowedRegistries ?? []);
  }

  async expandVariables(
    env: Readonly<Record<string, string>>,
    siblings: FindSibling,
    signal: AbortSignal,
  ): Promise<ExpandedVariables> {
    const { name, spec } = this.#config;
    const project = await this.#within(async (found) => {
      const seen = [...this.#sightings.all.values()].flatMap(({ app }) => app ?? []);
      const subdomain = await this.#subdomains.get(found, seen, { signal });
      return { id: found.id, region: spec.region, subdomain };
    }, signal);
    const appOf = (sibling: Pick<Owner, "uid" | "name">) => appName(this.#maker, sibling);
    return expandVariables({ env, project, siblings, appOf, backend: name });
  }

  async resolveImage(request: ImageRequest, signal: AbortSignal): Promise<ResolvedImage> {
    return await this.#images.resolve(request, signal);
  }

  /** Code Engine pulls by itself: nothing has to be there first. */
  async ensureImage(owner: Owner, _: ResolvedImage, request: ImageRequest): Promise<ImageState> {
    this.#images.remember(owner, request);
    return { kind: "present" };
  }

  async observe(owner: Owner, signal: AbortSignal): Promise<readonly Workload[]> {
    return await this.#within((project) => this.#workloads.observe(project, owner, { signal }), signal);
  }

  async create(spec: WorkloadSpec, { role }: CreateOptions, signal: AbortSignal): Promise<Workload> {
    if (role === "candidate") throw new TypeError("a place with `update` has no candidates");
    await this.#egress?.assertStanding(signal);
    return await this.#within((project) => this.#workloads.create(project, spec, { signal }), signal);
  }

  async start(id: string, signal: AbortSignal): Promise<Workload> {
    await this.#egress?.assertStanding(signal);
    return await this.#within((project) => this.#workloads.start(project, id, { signal }), signal);
  }

  async update(id: string, spec: WorkloadSpec, signal: AbortSignal): Promise<Workload> {
    await this.#egress?.assertStanding(signal);
    return await this.#within((project) => this.#workloads.update(project, id, spec, { signal }), signal);
  }

  /** The grace is Code Engine's: until the longest request may be over. */
  async stop(id: string, _: number, signal: AbortSignal): Promise<void> {
    await this.#within((project) => this.#workloads.stop(project, id, { signal }), signal);
  }

  async repair({ id }: Workload, signal: AbortSignal): Promise<void> {
    await this.#egress?.assertStanding(signal);
    await this.#within((project) => this.#workloads.repair(project, id, { signal }), signal);
  }

  async delete(id: string, signal: AbortSignal): Promise<void> {
    await this.#within(async (project) => {
      const owner = this.#sightings.all.get(id)?.record.owner;
      if (!(await this.#workloads.remove(project, id, { signal }))) throw this.#workloads.stillLeaving(id);
      if (owner) this.#tell(owner);
    }, signal);
  }

  async purge(owner: Owner, signal: AbortSignal): Promise<boolean> {
    await this.#builder.endBuilds(owner, signal);
    const gone = await this.#within((project) => purgeOwner(this.#removal(project), owner, { signal }), signal);
    if (gone) this.#images.forget(owner);
    return gone;
  }

  async egressPlace(signal: AbortSignal): Promise<string | undefined> {
    return this.#egress && (await this.#within(async ({ id }) => id, signal));
  }

  async manageEgress(bound: EgressBound | EgressRival | undefined, signal: AbortSignal): Promise<EgressProgress> {
    if (this.#egress) return await this.#egress.manage(bound, signal);
    return { changes: [], againInMs: Number.POSITIVE_INFINITY };
  }

  watch(onChange: (owner: Owner) => void, signal: AbortSignal): void {
    const until = AbortSignal.any([signal, this.#lifetime.signal]);
    if (until.aborted) return;
    this.#listeners.add(onChange);
    until.addEventListener("abort", () => this.#listeners.delete(onChange), { once: true });
    const parts = { link: this.#link, sightings: this.#sightings, maker: this.#maker, clock: this.#clock };
    const watching = watchProject({ ...parts, pace: this.#pace, logger: this.#logger, onChange }, until);
    const building = this.#builder.watch(onChange, until);
    Promise.all([watching, building]).catch((error: unknown) =>
      this.#logger.error("the watch of the project ended", { error }),
    );
  }

  async collectOrphans(isAlive: (owner: Owner) => boolean, signal: AbortSignal): Promise<readonly Owner[]> {
    // Builds come first, since what removes an app takes all that begins with its name, and so what tells whose they are. Where
    // they have a project of their own that does not answer, apps are not left to serve for that.
    const [built] = await Promise.allSettled([this.#builder.collectOrphans(isAlive, signal)]);
    const ran = await this.#within((project) => collectOrphans(this.#removal(project), isAlive, { signal }), signal);
    if (built.status === "rejected") throw built.reason;
    return [...ran, ...built.value.filter(({ uid }) => !ran.some((owner) => owner.uid === uid))];
  }

  async *logs(owner: Owner, options: LogOptions, signal: AbortSignal): AsyncGenerator<string> {
    const until = AbortSignal.any([signal, this.#lifetime.signal]);
    const project = await this.#within(async (found) => found, until);
    try {
      const around = { clock: this.#clock, lookMs: this.#pace.busyMs, history: this.#history };
      yield* appLogs({ ...around, project, app: this.#workloads.nameOf(owner) }, options, until);
    } catch (error) {
      throw explained(error);
    }
  }

  admitBuild(request: BuildRequest): void {
    if (this.#buildsBesideWorkloads()) this.#egress?.assertBuildsReach();
    this.#builder.admitBuild(request);
  }

  async ensureBuild(owner: Owner, request: BuildRequest, attempt: number, signal: AbortSignal): Promise<BuildState> {
    if (this.#egress && (await this.#isProjectOfBuilds(signal))) this.#egress.assertBuildsReach();
    return await this.#builder.ensureBuild(owner, request, attempt, signal);
  }

  async endBuilds(owner: Owner, signal: AbortSignal): Promise<void> {
    await this.#builder.endBuilds(owner, signal);
  }

  buildLogs(owner: Owner, options: LogOptions, signal: AbortSignal): AsyncIterable<string> {
    return this.#builder.buildLogs(owner, options, AbortSignal.any([signal, this.#lifetime.signal]));
  }

  async usage(owner: Owner, signal: AbortSignal): Promise<Usage | undefined> {
    const app = this.#workloads.nameOf(owner);
    return await this.#within((project) => this.#usage.of(project, { app, owner }, { signal }), signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#lifetime.abort();
    this.#client[Symbol.dispose]();
  }

  /** Once, and nobody waits for it: afterwards whoever uses a part finds out. */
  #checkParts(): void {
    if (this.#partsChecked) return;
    this.#partsChecked = true;
    const { signal } = this.#lifetime;
    const check = async () => {
      const { id, name } = await this.#link.check(signal);
      await Promise.all([this.#history.check(id, signal), this.#metrics.check(name, signal)]);
    };
    check().catch((error: unknown) => {
      if (!signal.aborted) this.#logger.warn("history of logs and metrics could not be checked", { error });
    });
  }

  /** Builds may have a project of their own. */
  #linkForBuilds(): ProjectLink {
    const project = this.#config.spec.builds?.project;
    if (!project) return this.#link;
    const config = { ...this.#config, spec: { ...this.#config.spec, project } };
    return new ProjectLink(this.#client, config, this.#clock);
  }

  /** A project may be called by its name in one place and by its ID in another, so both are found first. */
  async #isProjectOfBuilds(signal: AbortSignal): Promise<boolean> {
    const idOf = (link: ProjectLink) => link.use(async ({ id }) => id, signal);
    return (await idOf(this.#link)) === (await idOf(this.#buildLink));
  }

  #buildsBesideWorkloads(): boolean {
    const { project, builds } = this.#config.spec;
    return builds?.project === undefined || jsonEqual(builds.project, project);
  }

  #tell(owner: Owner): void {
    for (const listener of this.#listeners) listener(owner);
  }

  #removal(project: ProjectClient) {
    return { project, maker: this.#maker, workloads: this.#workloads };
  }

  async #within<T>(work: (project: ProjectClient) => Promise<T>, signal: AbortSignal): Promise<T> {
    return await this.#link.use(work, signal);
  }
}

/** @throws {TerminalError} for an address that must not receive a token. */
function cloudLogsOf(client: CodeEngineClient, { spec }: CodeEngineConfig): CloudLogs | undefined {
  const { logsInstanceId: instanceId, endpoints } = spec;
  if (instanceId === undefined) return undefined;
  const override = endpoints?.logs;
  return refusing(() => client.cloudLogs({ instanceId, ...(override && { override }) }));
}

/** @throws {TerminalError} as `cloudLogsOf`. */
function monitoringOf(client: CodeEngineClient, { spec }: CodeEngineConfig): Monitoring | undefined {
  const { monitoringInstanceId: instanceId, endpoints } = spec;
  if (instanceId === undefined) return undefined;
  const override = endpoints?.monitoring;
  return refusing(() => client.monitoring({ instanceId, ...(override && { override }) }));
}

function clientOf({ spec, apiKey, budget, fence }: CodeEngineConfig, clock: Clock): CodeEngineClient {
  const { region, privateNetwork, endpoints = {} } = spec;
  const { api, iam, proxy } = endpoints;
  const overrides = { ...(api && { api }), ...(iam && { iam }), ...(proxy && { proxy }) };
  return refusing(
    () =>
      new CodeEngineClient({
        apiKey,
        region,
        privateNetwork,
        overrides,
        clock,
        userAgent: "slipway",
        ...(budget && { budget }),
        ...(fence && { onAgent: (agent) => fenceConnections(agent, fence) }),
      }),
  );
}

function refusing<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!isFailure(error, "terminal")) throw error;
    throw new TerminalError(Reason.InvalidSpec, `spec.codeEngine: ${error.message}`, { cause: error });
  }
}
