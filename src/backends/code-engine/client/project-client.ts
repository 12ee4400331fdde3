import type { CallBudget } from "./call-budget.ts";
import {
  API_VERSION,
  Collection,
  type CollectionOptions,
  type Creatable,
  type Deletable,
  type Gettable,
  type Listable,
  type Patchable,
  type Replaceable,
} from "./collection.ts";
import { ProjectProxy } from "./project-proxy.ts";
import {
  type App,
  type AppPatch,
  type AppPrototype,
  app,
  type Instance,
  instance,
  type Revision,
  revision,
} from "./resources/apps.ts";
import {
  type Build,
  type BuildPatch,
  type BuildPrototype,
  type BuildRun,
  type BuildRunPrototype,
  build,
  buildRun,
} from "./resources/builds.ts";
import {
  type ConfigMap,
  type ConfigMapPrototype,
  type ConfigMapReplacement,
  configMap,
  type Secret,
  type SecretFormat,
  type SecretPrototype,
  type SecretReplacement,
  secret,
} from "./resources/config.ts";
import {
  type EgressIps,
  egressIps,
  type OutboundDestination,
  type OutboundDestinationPatch,
  type OutboundDestinationPrototype,
  outboundDestination,
} from "./resources/egress.ts";
import { type Job, type JobPrototype, job } from "./resources/jobs.ts";
import { type ProjectStatusDetails, projectStatusDetails } from "./resources/projects.ts";
import type { Decoder } from "./shape.ts";
import type { CallOptions, Transport } from "./transport.ts";

export interface ProjectClientOptions {
  readonly transport: Transport;
  readonly api: string;
  readonly proxy: string;
  readonly id: string;
  readonly budget: CallBudget;
}

/**
 * One project. All its calls share one budget. There is no operation for logs, events, metrics or quotas: logs and
 * metrics come from `ProjectProxy`, `CloudLogs` and `Monitoring`.
 */
export class ProjectClient {
  readonly id: string;
  readonly apps: Listable<App> & Gettable<App> & Creatable<App, AppPrototype> & Patchable<App, AppPatch> & Deletable;
  readonly builds: Listable<Build> &
    Gettable<Build> &
    Creatable<Build, BuildPrototype> &
    Patchable<Build, BuildPatch> &
    Deletable;
  readonly buildRuns: Listable<BuildRun, { readonly build_name?: string }> &
    Gettable<BuildRun> &
    Creatable<BuildRun, BuildRunPrototype> &
    Deletable;
  readonly jobs: Gettable<Job> & Creatable<Job, JobPrototype> & Deletable;
  readonly secrets: Listable<Secret, { readonly format?: SecretFormat }> &
    Gettable<Secret> &
    Creatable<Secret, SecretPrototype> &
    Replaceable<Secret, SecretReplacement> &
    Deletable;
  readonly configMaps: Listable<ConfigMap> &
    Gettable<ConfigMap> &
    Creatable<ConfigMap, ConfigMapPrototype> &
    Replaceable<ConfigMap, ConfigMapReplacement> &
    Deletable;
  readonly outboundDestinations: Listable<OutboundDestination> &
    Gettable<OutboundDestination> &
    Creatable<OutboundDestination, OutboundDestinationPrototype> &
    Patchable<OutboundDestination, OutboundDestinationPatch> &
    Deletable;
  readonly #options: ProjectClientOptions;

  constructor(options: ProjectClientOptions) {
    this.id = options.id;
    this.#options = options;
    this.apps = this.#collection({ plural: "apps", noun: "the app", item: app });
    this.builds = this.#collection({ plural: "builds", noun: "the build", item: build });
    this.buildRuns = this.#collection({
      plural: "build_runs",
      noun: "the build run",
      item: buildRun,
      filters: ["build_name"],
    });
    this.jobs = this.#collection({ plural: "jobs", noun: "the job", item: job });
    this.secrets = this.#collection({
      plural: "secrets",
      noun: "the secret",
      item: secret,
      filters: ["format"],
      sensitive: valuesOf,
    });
    this.configMaps = this.#collection({ plural: "config_maps", noun: "the config map", item: configMap });
    this.outboundDestinations = this.#collection({
      plural: "allowed_outbound_destinations",
      noun: "the allowed outbound destination",
      item: outboundDestination,
    });
  }

  /** Kept: the one that serves, and the latest of the others. */
  revisions(appName: string): Listable<Revision> & Gettable<Revision> & Deletable {
    return this.#below(appName, { plural: "revisions", noun: "the revision", item: revision });
  }

  instances(appName: string): Listable<Instance> {
    return this.#below(appName, { plural: "instances", noun: "the instance", item: instance });
  }

  /** Logs and use of resources. `subdomain` is the project's, which `subdomainOf` tells from any of its applications. */
  proxy(subdomain: string): ProjectProxy {
    return new ProjectProxy({ ...this.#options, subdomain });
  }

  async statusDetails(options: CallOptions): Promise<ProjectStatusDetails> {
    return await this.#read("status_details", projectStatusDetails, options);
  }

  async egressIps(options: CallOptions): Promise<EgressIps> {
    return await this.#read("egress_ips", egressIps, options);
  }

  async #read<T>(name: string, item: Decoder<T>, options: CallOptions): Promise<T> {
    const { transport, api, id, budget } = this.#options;
    const operation = `get the ${name.replaceAll("_", " ")} of project ${id}`;
    const path = ["projects", id, name];
    const query = { version: API_VERSION };
    const call = { service: "Code Engine", operation, budget, method: "GET", base: api, path, query } as const;
    return await transport.send(call, item, options);
  }

  #below<T>(appName: string, kind: Kind<T>): Collection<T> {
    const { id } = this.#options;
    return new Collection({ ...this.#options, ...kind, path: ["projects", id, "apps", appName, kind.plural] });
  }

  #collection<T, Prototype, Patch, Replacement>(kind: Kind<T>): Collection<T, Prototype, Patch, Replacement> {
    const { id } = this.#options;
    return new Collection({ ...this.#options, ...kind, path: ["projects", id, kind.plural] });
  }
}

type Kind<T> = Omit<CollectionOptions<T>, "transport" | "budget" | "api" | "path">;

/** The values of a secret, each of which an error might quote. */
function valuesOf(body: unknown): readonly string[] {
  return Object.values((body as SecretPrototype).data).filter((value) => typeof value === "string");
}
