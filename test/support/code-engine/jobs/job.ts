import { applyMergePatch } from "../../../../src/server/patch/merge-patch.ts";
import type { JobRunReason } from "../failures.ts";
import type { JsonObject } from "../fields/field.ts";
import type { Project } from "../projects/project.ts";
import { Resource } from "../resources/resource.ts";
import { indicesOf, type JobSpec, readJobSpec } from "./job-fields.ts";

/** A container that is to end, or a daemon without an address: what job runs inherit. */
export class Job extends Resource {
  readonly project: Project;
  /** As clients wrote it. */
  written: JsonObject;
  #spec: JobSpec;

  constructor(project: Project, name: string, written: JsonObject) {
    super({ world: project.world, name, href: `${project.href}/jobs/${name}` });
    this.project = project;
    this.written = written;
    this.#spec = readJobSpec(written, { strict: this.world.switches.strictBodies });
  }

  /** @throws {ApiError} 400 */
  patch(patch: JsonObject): void {
    const { name: _, ...changes } = patch;
    const written = applyMergePatch(this.written, changes);
    this.#spec = readJobSpec(written, { strict: this.world.switches.strictBodies });
    this.written = written;
    this.specChanged();
  }

  view(): JsonObject {
    return {
      ...this.head(this.project.id, "job_v2"),
      entity_tag: this.entityTag,
      build: "",
      build_run: "",
      ...this.#spec,
      run_as_user: this.#spec.run_as_user ?? 0,
      computed_env_variables: Object.entries(this.#computedEnv).map(([name, value]) => ({
        type: "literal",
        name,
        value,
      })),
    };
  }

  /** What the platform tells the containers of its runs. */
  get #computedEnv(): Readonly<Record<string, string>> {
    const { region, apiUrl } = this.world;
    return {
      CE_API_BASE_URL: apiUrl.replace(/\/v2$/, ""),
      CE_DOMAIN: `${region}.codeengine.appdomain.cloud`,
      CE_JOB: this.name,
      CE_PROJECT_ID: this.project.id,
      CE_REGION: region,
      CE_SUBDOMAIN: this.project.subdomain,
    };
  }
}

export interface JobRunOptions {
  readonly project: Project;
  readonly name: string;
  readonly jobName: string | undefined;
  readonly spec: JobSpec;
}

/** One execution of a job. Its containers are not started: nothing here runs jobs. */
export class JobRun extends Resource {
  readonly project: Project;
  readonly jobName: string | undefined;
  readonly #spec: JobSpec;
  #status: "pending" | "running" | "completed" | "failed" = "pending";
  #failure: JobRunReason | undefined;
  #startTime: string | undefined;
  #completionTime: string | undefined;

  constructor({ project, name, jobName, spec }: JobRunOptions) {
    super({ world: project.world, name, href: `${project.href}/job_runs/${name}` });
    this.project = project;
    this.jobName = jobName;
    this.#spec = spec;
    this.world.after(this.world.timings.workStepMs, () => this.#run());
  }

  view(): JsonObject {
    const indices = indicesOf(this.#spec.scale_array_spec);
    const is = (status: string) => (this.#status === status ? indices.length : 0);
    const listed = (status: string) => (this.#status === status ? this.#spec.scale_array_spec : "");
    return {
      ...this.head(this.project.id, "job_run_v2"),
      ...(this.jobName !== undefined && { job_name: this.jobName }),
      ...this.#spec,
      run_as_user: this.#spec.run_as_user ?? 0,
      status: this.#status,
      status_details: {
        requested: indices.length,
        pending: is("pending"),
        running: is("running"),
        succeeded: is("completed"),
        failed: is("failed"),
        unknown: 0,
        pending_indices: listed("pending"),
        running_indices: listed("running"),
        succeeded_indices: listed("completed"),
        failed_indices: listed("failed"),
        ...(this.#startTime && { start_time: this.#startTime }),
        ...(this.#completionTime && { completion_time: this.#completionTime }),
        indices_details: Object.fromEntries(indices.map((index) => [String(index), this.#detail()])),
      },
    };
  }

  #detail(): JsonObject {
    const status = this.#status === "completed" ? "succeeded" : this.#status;
    return {
      status,
      ...(this.#startTime && { started_at: this.#startTime }),
      ...(this.#completionTime && { finished_at: this.#completionTime }),
      ...(this.#failure && { last_failure_reason: this.#failure, retries: this.#spec.scale_retry_limit ?? 0 }),
    };
  }

  #run(): void {
    this.#status = "running";
    this.#startTime = this.world.timestamp();
    this.statusChanged();
    // A daemon does not end.
    if (this.#spec.run_mode === "task") this.world.after(this.world.timings.workStepMs, () => this.#finish());
  }

  #finish(): void {
    const names = this.jobName === undefined ? [this.name] : [this.name, this.jobName];
    this.#failure = this.world.failures.take("job-run", { names, image: this.#spec.image_reference });
    this.#status = this.#failure === undefined ? "completed" : "failed";
    this.#completionTime = this.world.timestamp();
    this.statusChanged();
  }
}
