import { createHash } from "node:crypto";
import { MissingReference, resolveCredentials, resolveEnv } from "../apps/container-inputs.ts";
import type { BuildRunReason } from "../failures.ts";
import type { JsonObject } from "../fields/field.ts";
import type { Project } from "../projects/project.ts";
import { Resource } from "../resources/resource.ts";
import { LogBuffer } from "../runtime/log-buffer.ts";
import { fingerprint, randomName } from "../world.ts";
import type { BuildSpec } from "./build-fields.ts";
import { BuildFailure, type BuildJob, type BuildOutput } from "./build-job.ts";

const HOUR_MS = 3_600_000;
/** Runs from a configuration vanish so long after their end. */
const KEPT_MS = { succeeded: 3 * HOUR_MS, failed: 7 * 24 * HOUR_MS };

export interface BuildRunOptions {
  readonly project: Project;
  readonly name: string;
  readonly buildName: string | undefined;
  readonly serviceAccount: string;
  readonly spec: BuildSpec;
}

/** One execution of a build. */
export class BuildRun extends Resource {
  readonly project: Project;
  readonly buildName: string | undefined;
  readonly pod: string;
  /** What its pod says as it fetches the sources. */
  readonly sourceLog: LogBuffer;
  /** What it says then. */
  readonly log: LogBuffer;
  status: "pending" | "running" | "succeeded" | "failed" = "pending";
  reason: BuildRunReason | "pending" | "running" | "succeeded" = "pending";
  readonly #spec: BuildSpec;
  readonly #serviceAccount: string;
  #startTime: string | undefined;
  #completionTime: string | undefined;
  #output: BuildOutput | undefined;
  readonly #end = new AbortController();

  constructor({ project, name, buildName, serviceAccount, spec }: BuildRunOptions) {
    super({ world: project.world, name, href: `${project.href}/build_runs/${name}` });
    this.project = project;
    this.sourceLog = new LogBuffer(project.world.clock);
    this.log = new LogBuffer(project.world.clock);
    this.buildName = buildName;
    this.pod = `${name}-${randomName(5)}-pod`;
    this.#spec = spec;
    this.#serviceAccount = serviceAccount;
    this.world.after(this.world.timings.workStepMs, () => this.#run());
  }

  get over(): boolean {
    return this.status === "succeeded" || this.status === "failed";
  }

  view(): JsonObject {
    const { source_revision: branch = "main" } = this.#spec;
    const { commit: sha = this.#madeUpCommit, author = "developer" } = this.#output?.source ?? {};
    const commit = { git_branch_name: branch, git_commit_author: author, git_commit_sha: sha };
    return {
      ...this.head(this.project.id, "build_run_v2"),
      ...(this.buildName !== undefined && { build_name: this.buildName }),
      service_account: this.#serviceAccount,
      ...this.#spec,
      status: this.status,
      status_details: {
        reason: this.reason,
        ...(this.#startTime && { start_time: this.#startTime }),
        ...(this.#completionTime && { completion_time: this.#completionTime }),
        ...(this.#output && { output_digest: this.#output.digest, source_timestamp: this.createdAt, ...commit }),
      },
    };
  }

  override ended(): void {
    super.ended();
    if (!this.over) this.#finish("failed");
  }

  #run(): void {
    if (this.over) return;
    const missing = [this.#spec.output_secret, this.#spec.source_secret].some(
      (secret) => secret !== undefined && this.project.secrets.get(secret) === undefined,
    );
    if (missing) return void this.#finish("missing_secrets");
    this.status = "running";
    this.reason = "running";
    this.#startTime = this.world.timestamp();
    this.sourceLog.write(`Cloning ${this.#spec.source_url ?? "the local source"}`);
    this.statusChanged();
    const { timeout } = this.#spec;
    this.world.after(timeout * 1000, () => {
      if (!this.over) this.#finish("timeout");
    });
    this.world.after(this.world.timings.workStepMs, () => this.#build());
  }

  async #build(): Promise<void> {
    if (this.over) return;
    const names = this.buildName === undefined ? [this.name] : [this.name, this.buildName];
    const injected = this.world.failures.take("build-run", { names, image: this.#spec.output_image });
    // It comes by itself, when its time is over.
    if (injected === "timeout") return;
    if (injected !== undefined) return void this.#finish(injected);
    try {
      const output = await this.world.builder(this.#job());
      if (this.over) return;
      for (const line of output.log ?? []) this.log.write(line);
      this.#output = output;
      this.#finish("succeeded");
    } catch (error) {
      if (this.over) return;
      if (error instanceof BuildFailure) this.#finish(error.reason);
      else if (error instanceof MissingReference) this.#finish("missing_secrets");
      else throw error;
    }
  }

  /** @throws {MissingReference} */
  #job(): BuildJob {
    const { output_secret, source_secret, run_build_params } = this.#spec;
    const sshKey = source_secret === undefined ? undefined : this.project.secrets.get(source_secret)?.spec.data.ssh_key;
    return {
      spec: this.#spec,
      params: resolveEnv(this.project, run_build_params),
      push: resolveCredentials(this.project, output_secret),
      sshKey,
      say: { source: (line) => this.sourceLog.write(line), build: (line) => this.log.write(line) },
      signal: this.#end.signal,
    };
  }

  #finish(reason: BuildRunReason | "succeeded"): void {
    this.status = reason === "succeeded" ? "succeeded" : "failed";
    this.reason = reason;
    this.#completionTime = this.world.timestamp();
    this.#end.abort();
    const { output_image: image } = this.#spec;
    this.log.write(reason === "succeeded" ? `Pushed ${image}@${this.#output?.digest}` : `Failed: ${reason}`);
    this.sourceLog.end();
    this.log.end();
    this.statusChanged();
    if (this.buildName === undefined) return;
    this.world.after(KEPT_MS[this.status], () => this.project.buildRuns.remove(this));
  }

  get #madeUpCommit(): string {
    const { source_url, source_revision } = this.#spec;
    return createHash("sha1")
      .update(fingerprint([source_url, source_revision]))
      .digest("hex");
  }
}
