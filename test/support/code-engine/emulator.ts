import type Docker from "dockerode";
import { engineAddress, engineClient, pingEngine } from "../../../scripts/engine/engine-address.ts";
import { type Clock, systemClock } from "../../../src/machinery/clock.ts";
import type { BuildOutput } from "./builds/build-job.ts";
import { Failures } from "./failures.ts";
import { CallLog } from "./http/call-log.ts";
import { Faults, type Surface } from "./http/faults.ts";
import { type Listener, serveHandler } from "./http/listener.ts";
import type { ApiKeyOptions } from "./iam/api-keys.ts";
import { Iam } from "./iam/iam.ts";
import { Ingress } from "./ingress/ingress.ts";
import { LogHistory } from "./observability/log-history.ts";
import { MetricHistory } from "./observability/metric-history.ts";
import type { Project, ProjectStatus } from "./projects/project.ts";
import { Projects } from "./projects/projects.ts";
import { DockerRuntime } from "./runtime/docker-runtime.ts";
import { GitSources } from "./runtime/git-sources.ts";
import { ImageAliases } from "./runtime/image-aliases.ts";
import { SimulatedRuntime } from "./runtime/simulated.ts";
import { type Handlers, services } from "./services.ts";
import { DEFAULT_QUOTAS, DEFAULT_TIMINGS, type Quotas, type Switches, type Timings } from "./settings.ts";
import { newId, World } from "./world.ts";

export interface EmulatorOptions {
  /** The machine's clock unless told otherwise. */
  readonly clock?: Clock;
  readonly region?: string;
  readonly timings?: Partial<Timings>;
  readonly quotas?: Partial<Quotas>;
  readonly switches?: Partial<Switches>;
  /** Whether applications really run, as containers, and builds make images; simulated unless told otherwise. */
  readonly docker?: "real" | "simulated";
  /** The machine's own unless told otherwise. */
  readonly engine?: Docker;
  /** See `ImageAliases`. */
  readonly imageAliases?: Readonly<Record<string, string>>;
  /** Where builds that really run find repositories; see `GitSources`. */
  readonly gitAliases?: Readonly<Record<string, string>>;
  /** What `endpoint` says; an address that works where applications really run. */
  readonly endpoints?: "loopback" | "platform";
}

/** IBM Cloud Code Engine on loopback: IAM, the API, and what stands around it. */
export class CodeEngineEmulator implements AsyncDisposable {
  readonly faults: Faults;
  readonly calls: CallLog;
  readonly failures: Failures;
  readonly iam: Iam;
  /** The services without a socket. */
  readonly handlers: Handlers;
  /** What containers do, where there is no Engine. */
  readonly images: SimulatedRuntime;
  /** By what name the Engine finds an image. */
  readonly imageAliases: ImageAliases;
  readonly #ingress: Ingress;
  readonly #world: World;
  readonly #projects: Projects;
  readonly #metrics: MetricHistory;
  readonly #listeners: Listeners;

  private constructor(parts: Parts) {
    this.faults = parts.faults;
    this.calls = parts.calls;
    this.failures = parts.world.failures;
    this.iam = parts.iam;
    this.handlers = parts.handlers;
    this.images = parts.images;
    this.imageAliases = parts.imageAliases;
    this.#ingress = parts.ingress;
    this.#world = parts.world;
    this.#projects = parts.projects;
    this.#metrics = parts.metrics;
    this.#listeners = parts.listeners;
  }

  static async start(options: EmulatorOptions = {}): Promise<CodeEngineEmulator> {
    const { clock = systemClock, region = "us-south" } = options;
    const timings = { ...DEFAULT_TIMINGS, ...options.timings };
    const images = new SimulatedRuntime({ clock, startMs: timings.instanceStartMs });
    const imageAliases = new ImageAliases(options.imageAliases);
    const real = options.docker === "real";
    const containers = real ? await DockerRuntime.start(await engineOf(options), imageAliases) : undefined;
    const runtime = containers ?? images;
    const world = new World({
      clock,
      region,
      timings,
      quotas: { ...DEFAULT_QUOTAS, ...options.quotas },
      switches: { strictBodies: false, statusMovesEntityTag: false, ...options.switches },
      failures: new Failures(),
      runtime,
    });
    if (containers) world.builder = containers.builder(new GitSources(options.gitAliases));
    const [faults, calls, iam, projects] = [new Faults(), new CallLog(), new Iam(clock), new Projects(world)];
    const metrics = new MetricHistory(world, projects);
    const handlers = services({ world, iam, projects, metrics, faults, calls });
    const listeners = await listenForAll(handlers);
    world.apiUrl = `${listeners.api.url}/v2`;
    const ingress = await Ingress.start({
      world,
      projects,
      endpoints: options.endpoints ?? (real ? "loopback" : "platform"),
    });
    world.endpoints = ingress;
    return new CodeEngineEmulator({
      ...{ faults, calls, iam, handlers, images, imageAliases, ingress },
      ...{ world, projects, metrics, listeners },
    });
  }

  /** The API's address, `/v2` included. */
  get apiUrl(): string {
    return this.#world.apiUrl;
  }

  /** Tokens are at `/identity/token` below it. */
  get iamUrl(): string {
    return this.#listeners.iam.url;
  }

  /** The Kubernetes proxy: pods, logs, metrics. */
  get proxyUrl(): string {
    return this.#listeners.proxy.url;
  }

  /** An instance of IBM Cloud Logs, once there is one; `/v1/query` is below it. */
  get logsUrl(): string {
    return this.#listeners.logs.url;
  }

  /** IBM Cloud Monitoring; `/prometheus/api/v1/query` is below it. */
  get monitoringUrl(): string {
    return this.#listeners.monitoring.url;
  }

  /** Knows public applications by the Host header, whatever `endpoint` says. */
  get ingressUrl(): string {
    return this.#ingress.url;
  }

  /** What the documentation leaves open; may be changed at any time. */
  get switches(): Switches {
    return this.#world.switches;
  }

  createApiKey(options: ApiKeyOptions = {}): string {
    return this.iam.createApiKey(options);
  }

  revokeApiKey(key: string): void {
    this.iam.revokeApiKey(key);
  }

  /** From now on what applications say is kept, as platform-log routing does. Answers the instance's GUID. */
  createLogsInstance(): string {
    this.#world.logHistory ??= new LogHistory(this.#world);
    return newId();
  }

  /** From now on what the platform measures is kept, as where platform metrics are enabled. Answers the instance's GUID. */
  createMonitoringInstance(): string {
    const id = newId();
    this.#metrics.add(id);
    return id;
  }

  /** What build runs make from now on. */
  buildWith(builder: (outputImage: string) => Promise<BuildOutput>): void {
    this.#world.builder = ({ spec }) => builder(spec.output_image);
  }

  /** A project without the wait for it. */
  createProject({ name, resourceGroupId, status = "active" }: NewProject): Project {
    const project = this.#projects.add(name, resourceGroupId);
    project.status = status;
    return project;
  }

  /** @throws {AggregateError} when the emulator itself made mistakes, which no test should overlook */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#world.end();
    this.#world.logHistory?.end();
    await Promise.all(Object.values(this.#listeners).map((listener) => listener.close()));
    await this.#ingress[Symbol.asyncDispose]();
    await this.#world.runtime[Symbol.asyncDispose]();
    await this.#world.settled();
    const { mistakes } = this.#world;
    if (mistakes.length > 0) throw new AggregateError(mistakes, `the emulator made ${mistakes.length} mistakes`);
  }
}

/** @throws {Error} when no Engine answers */
async function engineOf({ engine }: EmulatorOptions): Promise<Docker> {
  if (engine) return engine;
  const ping = await pingEngine(engineAddress());
  if (ping.kind !== "answers") throw new Error(`no Docker Engine answers at ${engineAddress()}: ${ping.kind}`);
  return engineClient();
}

export interface NewProject {
  readonly name: string;
  readonly resourceGroupId?: string;
  readonly status?: ProjectStatus;
}

type Listeners = { readonly [K in Surface]: Listener };

async function listenForAll(handlers: Handlers): Promise<Listeners> {
  const each = Object.entries(handlers).map(async ([name, handler]) => [name, await serveHandler(handler)] as const);
  return Object.fromEntries(await Promise.all(each)) as Listeners;
}

interface Parts {
  readonly faults: Faults;
  readonly calls: CallLog;
  readonly iam: Iam;
  readonly handlers: Handlers;
  readonly images: SimulatedRuntime;
  readonly imageAliases: ImageAliases;
  readonly ingress: Ingress;
  readonly world: World;
  readonly projects: Projects;
  readonly metrics: MetricHistory;
  readonly listeners: Listeners;
}
