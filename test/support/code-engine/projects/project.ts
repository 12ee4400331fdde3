import type { App } from "../apps/app.ts";
import type { AppTemplate } from "../apps/app-fields.ts";
import type { Build } from "../builds/build.ts";
import type { BuildRun } from "../builds/build-run.ts";
import type { JsonObject } from "../fields/field.ts";
import { quantityValue } from "../fields/quantities.ts";
import type { Job, JobRun } from "../jobs/job.ts";
import { Collection } from "../resources/collection.ts";
import type { ConfigMap } from "../resources/config-map.ts";
import type { DataStore } from "../resources/data-store.ts";
import type { DomainMapping } from "../resources/domain-mapping.ts";
import { OutboundDestination } from "../resources/outbound-destination.ts";
import type { Secret } from "../resources/secret.ts";
import { newId, randomName, type World } from "../world.ts";

export type ProjectStatus =
  | "creating"
  | "preparing"
  | "active"
  | "inactive"
  | "creation_failed"
  | "deleting"
  | "deletion_failed"
  | "soft_deleted"
  | "pending_removal"
  | "hard_deleting"
  | "hard_deletion_failed"
  | "hard_deleted";

export interface ProjectOptions {
  readonly world: World;
  readonly name: string;
  readonly resourceGroupId: string;
}

/** A project, with all that is in it. */
export class Project {
  readonly id = newId();
  /** The namespace of its workloads, and a part of their addresses. */
  readonly subdomain = randomName(11);
  readonly world: World;
  readonly name: string;
  readonly resourceGroupId: string;
  readonly createdAt: string;
  status: ProjectStatus = "creating";
  readonly apps: Collection<App>;
  readonly secrets: Collection<Secret>;
  readonly configMaps: Collection<ConfigMap>;
  readonly dataStores: Collection<DataStore>;
  readonly builds: Collection<Build>;
  readonly buildRuns: Collection<BuildRun>;
  readonly jobs: Collection<Job>;
  readonly jobRuns: Collection<JobRun>;
  readonly domainMappings: Collection<DomainMapping>;
  readonly destinations: Collection<OutboundDestination>;

  constructor({ world, name, resourceGroupId }: ProjectOptions) {
    const { quotas } = world;
    this.world = world;
    this.name = name;
    this.resourceGroupId = resourceGroupId;
    this.createdAt = world.timestamp();
    this.apps = new Collection({ world, plural: "apps", quota: quotas.apps });
    this.secrets = new Collection({ world, plural: "secrets", quota: quotas.secrets });
    this.configMaps = new Collection({ world, plural: "config_maps", quota: quotas.configMaps });
    this.dataStores = new Collection({ world, plural: "persistent_data_stores", quota: quotas.dataStores });
    this.builds = new Collection({ world, plural: "builds", quota: quotas.builds });
    this.buildRuns = new Collection({ world, plural: "build_runs", quota: quotas.buildRuns });
    this.jobs = new Collection({ world, plural: "jobs", quota: quotas.jobs });
    this.jobRuns = new Collection({ world, plural: "job_runs", quota: quotas.jobRuns });
    this.domainMappings = new Collection({ world, plural: "domain_mappings", quota: quotas.domainMappings });
    this.destinations = new Collection({
      world,
      plural: "allowed_outbound_destinations",
      quota: quotas.outboundDestinations,
    });
    this.#openEgress();
  }

  /** New projects may connect to everywhere. */
  #openEgress(): void {
    const rule = { type: "cidr_block", name: "allow-all", cidr_block: "0.0.0.0/0" };
    this.destinations.add(new OutboundDestination(this, rule.name, rule));
  }

  get href(): string {
    return `${this.world.apiUrl}/projects/${this.id}`;
  }

  get revisionCount(): number {
    return this.apps.list().reduce((sum, { revisions }) => sum + revisions.length, 0);
  }

  /** Whether one more instance of this size is within the project's limits. */
  hasRoomFor(template: Sizes): boolean {
    const { instances, cpu, memoryBytes, ephemeralBytes } = this.world.quotas;
    const running = this.apps
      .list()
      .flatMap(({ revisions }) => revisions.flatMap((revision) => revision.instances.map(() => revision.template)));
    const all = [...running, template];
    const sum = (amount: (sizes: Sizes) => string) =>
      all.reduce((total, sizes) => total + quantityValue(amount(sizes)), 0);
    return (
      all.length <= instances &&
      sum(({ scale_cpu_limit }) => scale_cpu_limit) <= cpu &&
      sum(({ scale_memory_limit }) => scale_memory_limit) <= memoryBytes &&
      sum(({ scale_ephemeral_storage_limit }) => scale_ephemeral_storage_limit) <= ephemeralBytes
    );
  }

  /** Ends everything that runs in it. */
  ended(): void {
    for (const app of this.apps.list()) this.apps.delete(app);
    for (const run of this.buildRuns.list()) this.buildRuns.delete(run);
    for (const run of this.jobRuns.list()) this.jobRuns.delete(run);
  }

  view(): JsonObject {
    const { account, region } = this.world;
    return {
      id: this.id,
      name: this.name,
      href: this.href,
      created_at: this.createdAt,
      account_id: account,
      region,
      resource_group_id: this.resourceGroupId,
      resource_type: "project_v2",
      crn: `crn:v1:bluemix:public:codeengine:${region}:a/${account}:${this.id}::`,
      status: this.status,
    };
  }
}

type Sizes = Pick<AppTemplate, "scale_cpu_limit" | "scale_memory_limit" | "scale_ephemeral_storage_limit">;
