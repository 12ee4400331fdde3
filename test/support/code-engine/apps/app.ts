import { jsonEqual } from "../../../../src/machinery/json-equal.ts";
import { applyMergePatch } from "../../../../src/server/patch/merge-patch.ts";
import type { JsonObject } from "../fields/field.ts";
import { quotaExceeded } from "../http/api-error.ts";
import type { Project } from "../projects/project.ts";
import { Resource } from "../resources/resource.ts";
import { type AppSpec, readAppSpec } from "./app-fields.ts";
import { appView } from "./app-view.ts";
import { Revision } from "./revision.ts";

/** How often a revision answered with a status. */
export interface RequestCount {
  readonly revision: string;
  readonly status: number;
  readonly count: number;
}

export type AppStatus =
  | { readonly status: "deploying"; readonly reason: "deploying" | "waiting_for_resources" }
  | { readonly status: "ready"; readonly reason: "ready" }
  | { readonly status: "warning"; readonly reason: "ready_but_latest_revision_failed" }
  | { readonly status: "failed"; readonly reason: "no_revision_ready" };

/** An application: its newest template, and the revisions that were made from it. */
export class App extends Resource {
  readonly project: Project;
  /** As clients wrote it, without what is only a default. */
  #written: JsonObject;
  #spec: AppSpec;
  #revisions: Revision[] = [];
  #created = 0;
  #active: Revision | undefined;
  /** Where it is published. */
  address = "";
  readonly #requests = new Map<string, RequestCount>();

  constructor(project: Project, name: string, written: JsonObject) {
    super({ world: project.world, name, href: `${project.href}/apps/${name}` });
    this.project = project;
    this.#written = written;
    this.#spec = readAppSpec(written, { strict: project.world.switches.strictBodies });
    this.#addRevision();
  }

  get spec(): AppSpec {
    return this.#spec;
  }

  get host(): string {
    const { region } = this.world;
    const reach = this.#spec.managed_domain_mappings === "local_private" ? ".private" : "";
    return `${this.name}.${this.project.subdomain}${reach}.${region}.codeengine.appdomain.cloud`;
  }

  /** Only a public one can be reached from here. */
  get endpoint(): string {
    switch (this.#spec.managed_domain_mappings) {
      case "local_public":
        return this.address;
      case "local_private":
        return `https://${this.host}`;
      case "local":
        return "";
      default:
        return this.#spec.managed_domain_mappings satisfies never;
    }
  }

  get internalEndpoint(): string {
    return `http://${this.name}.${this.project.subdomain}.svc.cluster.local`;
  }

  /** Oldest first. */
  get revisions(): readonly Revision[] {
    return this.#revisions;
  }

  get latest(): Revision {
    return this.#revisions.at(-1) as Revision;
  }

  /** Requests go there: the newest that has ever been ready. */
  get active(): Revision | undefined {
    return this.#active;
  }

  get state(): AppStatus {
    const { status, reason } = this.latest;
    if (status === "ready") return { status, reason: "ready" };
    if (status === "loading") {
      const waits = reason === "deploying_waiting_for_resources";
      return { status: "deploying", reason: waits ? "waiting_for_resources" : "deploying" };
    }
    return this.#active?.status === "ready"
      ? { status: "warning", reason: "ready_but_latest_revision_failed" }
      : { status: "failed", reason: "no_revision_ready" };
  }

  /** Requests that were answered since the application is there. */
  get requests(): readonly RequestCount[] {
    return [...this.#requests.values()];
  }

  /** Where no revision serves the newest is to blame. */
  answered(status: number): void {
    const { name: revision } = this.#active ?? this.latest;
    const key = `${revision} ${status}`;
    const count = (this.#requests.get(key)?.count ?? 0) + 1;
    this.#requests.set(key, { revision, status, count });
  }

  /** What the platform tells the container, and the API as `computed_env_variables`. */
  get computedEnv(): Readonly<Record<string, string>> {
    const { region } = this.world;
    return {
      CE_API_BASE_URL: this.world.apiUrl.replace(/\/v2$/, ""),
      CE_APP: this.name,
      CE_DOMAIN: `${region}.codeengine.appdomain.cloud`,
      CE_PROJECT_ID: this.project.id,
      CE_REGION: region,
      CE_SUBDOMAIN: this.project.subdomain,
    };
  }

  /** @throws {ApiError} 400 */
  patch(patch: JsonObject): void {
    const { name: _, ...changes } = patch;
    const written = applyMergePatch(this.#written, changes);
    const spec = readAppSpec(written, { strict: this.world.switches.strictBodies });
    const before = this.#spec;
    const template = !jsonEqual(spec.template, before.template);
    if (template) this.#checkQuota();
    this.#written = written;
    this.#spec = spec;
    if (template) this.#addRevision();
    if (template || spec.managed_domain_mappings !== before.managed_domain_mappings) this.specChanged();
  }

  deleteRevision(revision: Revision): void {
    revision.remove();
    this.world.after(this.world.timings.deletionMs, () => {
      this.#revisions = this.#revisions.filter((other) => other !== revision);
    });
  }

  override ended(): void {
    super.ended();
    for (const revision of this.#revisions) revision.remove();
    this.world.endpoints.close(this);
  }

  view(version: string): JsonObject {
    return appView(this, version);
  }

  #checkQuota(): void {
    const { revisions } = this.world.quotas;
    if (this.project.revisionCount >= revisions) throw quotaExceeded("revisions", revisions);
  }

  #addRevision(): void {
    this.#created += 1;
    const revision = new Revision({
      project: this.project,
      app: this.name,
      number: this.#created,
      template: this.#spec.template,
      platformEnv: this.computedEnv,
      changed: (changed) => this.#changed(changed),
    });
    this.#revisions.push(revision);
    this.#dropOld();
  }

  #changed(revision: Revision): void {
    if (this.deleting) return;
    if (revision.status === "ready" && revision !== this.#active) this.#serveBy(revision);
    this.#dropOld();
    this.statusChanged();
  }

  #serveBy(revision: Revision): void {
    const overtaken = this.#active !== undefined && this.#active.number > revision.number;
    const retiring = overtaken ? revision : this.#active;
    retiring?.retire();
    if (!overtaken) this.#active = revision;
  }

  /** Kept are the one that serves, what is still loading, the newest, and the newest of the others. */
  #dropOld(): void {
    const others = this.#revisions.filter(
      (revision) => revision !== this.#active && revision !== this.latest && revision.status !== "loading",
    );
    const surplus = this.latest === this.#active || this.latest.status === "loading" ? others.slice(0, -1) : others;
    for (const revision of surplus) revision.remove();
    this.#revisions = this.#revisions.filter((revision) => !surplus.includes(revision));
  }
}
