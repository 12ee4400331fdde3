import type { JsonObject } from "../fields/field.ts";
import { list, optional, readFields, required, text } from "../fields/field.ts";
import { projectName } from "../fields/names.ts";
import { conflict, notFound, quotaExceeded } from "../http/api-error.ts";
import type { Identity } from "../iam/api-keys.ts";
import type { World } from "../world.ts";
import { Project } from "./project.ts";

/** Finds the project that a path names. @throws {ApiError} 404, and 409 unless it is active */
export type FindProject = (params: Readonly<Record<string, string>>, caller: Identity) => Project;

/** Resource group IDs have 32 characters. */
const resourceGroup = text({
  min: 32,
  max: 32,
  matches: (id) => /^[a-z0-9]+$/.test(id),
  wants: "a resource group's ID",
});
const fields = {
  name: required(projectName),
  resource_group_id: optional(resourceGroup),
  tags: optional(list(text({ max: 128 }))),
};

/** All projects of the account in this region. */
export class Projects {
  readonly defaultResourceGroup = "d".repeat(32);
  readonly #world: World;
  readonly #byId = new Map<string, Project>();

  constructor(world: World) {
    this.#world = world;
  }

  /** By ID, which no two share; names may be equal. */
  list(caller: Identity): Project[] {
    return [...this.#byId.values()].filter(({ id }) => caller.sees(id)).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  get all(): readonly Project[] {
    return [...this.#byId.values()];
  }

  find(id: string | undefined, caller: Identity): Project {
    const project = this.#byId.get(id ?? "");
    if (project === undefined || !caller.sees(project.id)) throw notFound();
    return project;
  }

  /** Nothing in a project can be used unless it is active. */
  readonly findActive: FindProject = ({ project_id: id }, caller) => {
    const project = this.find(id, caller);
    if (project.status === "active") return project;
    throw conflict(`The project is ${project.status}; only an active one can be used.`);
  };

  /** @throws {ApiError} 400 */
  create(body: JsonObject): Project {
    const { strictBodies: strict } = this.#world.switches;
    const { name, resource_group_id: resourceGroupId } = readFields(fields, body, { strict });
    if (this.#byId.size >= this.#world.quotas.projects) throw quotaExceeded("projects", this.#world.quotas.projects);
    const project = this.add(name, resourceGroupId);
    const { projectStepMs } = this.#world.timings;
    this.#world.after(projectStepMs, () => {
      project.status = this.#fails(project, "creation_failed") ? "creation_failed" : "preparing";
      if (project.status === "preparing") this.#world.after(projectStepMs, () => this.#activate(project));
    });
    return project;
  }

  /** One that exists, in whatever state. */
  add(name: string, resourceGroupId = this.defaultResourceGroup): Project {
    const project = new Project({ world: this.#world, name, resourceGroupId });
    this.#byId.set(project.id, project);
    return project;
  }

  /** Everything in it ends; it can be restored for a while, and counts until then. */
  delete(project: Project): void {
    if (project.status !== "active" && !project.status.endsWith("failed") && project.status !== "inactive") {
      throw conflict(`The project is ${project.status}.`);
    }
    project.status = "deleting";
    project.ended();
    this.#world.after(this.#world.timings.deletionMs, () => {
      if (this.#fails(project, "deletion_failed")) {
        project.status = "deletion_failed";
        return;
      }
      project.status = "soft_deleted";
      this.#world.after(this.#world.timings.softDeletionMs, () => this.#removeForGood(project));
    });
  }

  #activate(project: Project): void {
    if (project.status === "preparing") project.status = "active";
  }

  #removeForGood(project: Project): void {
    if (project.status !== "soft_deleted") return;
    project.status = "hard_deleting";
    this.#world.after(this.#world.timings.deletionMs, () => {
      if (this.#fails(project, "hard_deletion_failed")) project.status = "hard_deletion_failed";
      else {
        project.status = "hard_deleted";
        this.#byId.delete(project.id);
      }
    });
  }

  #fails({ name, id }: Project, failure: "creation_failed" | "deletion_failed" | "hard_deletion_failed"): boolean {
    return this.#world.failures.take("project", { names: [name, id], reason: failure }) !== undefined;
  }
}
