import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { jsonEqual } from "../../../machinery/json-equal.ts";
import { isFailure } from "../client/errors.ts";
import type { ProjectClient } from "../client/project-client.ts";
import type { Build, BuildRun } from "../client/resources/builds.ts";
import type { CallOptions } from "../client/transport.ts";
import type { Pace } from "../code-engine-config.ts";
import { type Maker, type Marks, marksIn } from "../workloads/marks.ts";
import { makeParts } from "../workloads/parts.ts";
import { explainingQuota } from "../workloads/quota.ts";
import { orNothing } from "../workloads/sightings.ts";
import type { BuildPlan } from "./build-plan.ts";
import { encodeBuildRecord, ownerOfBuilds } from "./build-record.ts";
import { type BuildTrouble, lacksSecret, registrationTrouble } from "./build-trouble.ts";
import { foreign, type Leaving, stillLeaving } from "./leaving.ts";
import { recordName } from "./names.ts";
import { type OwnBuilds, ofOwner, ownBuilds } from "./own-builds.ts";

export interface LauncherParts {
  readonly maker: Maker;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly leaving: Leaving;
}

export type Launched =
  | { readonly kind: "run"; readonly run: BuildRun }
  /** It was registered in a way that does not run. */
  | { readonly kind: "refused"; readonly trouble: BuildTrouble };

export interface Removable {
  readonly builds: readonly { readonly object: Build }[];
  readonly runs: readonly { readonly object: BuildRun }[];
}

/** What has been over for so long has been told to whoever asked. */
const TOLD_MS = 600_000;
/** Room is made by other builds that end. */
const CROWDED_MS = 30_000;

/**
 * Begins a build: first the record, which tells whose the rest is; then the end of what is older; then secrets, the build
 * and its run. Each step finds what an answer that was lost has left of it.
 */
export class BuildLauncher {
  readonly #parts: LauncherParts;
  /** By what names begin with: what is there but for its run, which there was no room for. As many as owners that wait. */
  readonly #prepared = new Map<string, BuildPlan>();

  constructor(parts: LauncherParts) {
    this.#parts = parts;
  }

  async launch(project: ProjectClient, plan: BuildPlan, options: CallOptions): Promise<Launched> {
    const isPrepared = jsonEqual(this.#prepared.get(plan.builds), plan);
    this.forget(plan.builds);
    const refused = isPrepared ? undefined : await this.#prepare(project, plan, options);
    return refused ?? (await this.#run(project, plan, options));
  }

  /** Its secrets may be gone. */
  forget(builds: string): void {
    this.#prepared.delete(builds);
  }

  /** All but the run. Answers only what keeps it from running. */
  async #prepare(project: ProjectClient, plan: BuildPlan, options: CallOptions): Promise<Launched | undefined> {
    const { owner } = plan.marks;
    await this.#record(project, plan, options);
    const { builds, runs } = ofOwner(await ownBuilds(project, this.#parts.maker, options), owner.uid);
    const { name } = plan.prototype;
    const others = {
      builds: builds.filter(({ object }) => object.name !== name && !this.#parts.leaving.has("build", object)),
      runs: runs.filter(({ object }) => object.name !== name && !this.#parts.leaving.has("run", object)),
    };
    await this.remove(project, others, options);
    await makeParts(project, { secrets: plan.secrets, configMaps: [] }, options);
    const build = await this.#register(project, plan, options);
    return build.status === "failed" ? await this.#refused(project, build, options) : undefined;
  }

  /** Runs go first: what has none can be removed again whenever it is found. */
  async remove(project: ProjectClient, { builds, runs }: Removable, options: CallOptions): Promise<void> {
    for (const { object } of runs) {
      await project.buildRuns.delete(object.name, options);
      this.#parts.leaving.add("run", object);
    }
    for (const { object } of builds) {
      await project.builds.delete(object.name, options);
      this.#parts.leaving.add("build", object);
    }
  }

  async #record({ configMaps }: ProjectClient, { builds, marks }: BuildPlan, options: CallOptions): Promise<void> {
    const { maker, leaving } = this.#parts;
    const name = recordName(builds);
    const data = encodeBuildRecord(maker, marks.owner);
    try {
      await explainingQuota("config maps", configMaps, () => configMaps.create({ name, data }, options), options);
    } catch (error) {
      if (!isFailure(error, "conflict")) throw error;
      const found = await orNothing(configMaps.get(name, options));
      if (!found || leaving.has("record", found)) throw stillLeaving(`the config map ${name}`);
      if (ownerOfBuilds(found, maker)?.uid !== marks.owner.uid) throw foreign("a config map", name);
    }
  }

  async #register(project: ProjectClient, { prototype, marks }: BuildPlan, options: CallOptions): Promise<Build> {
    const { name } = prototype;
    try {
      return await this.#withinQuota(project, "builds", options, () => project.builds.create(prototype, options));
    } catch (error) {
      if (!isFailure(error, "conflict")) throw error;
      const found = await orNothing(project.builds.get(name, options));
      if (!found || this.#parts.leaving.has("build", found)) throw stillLeaving(`the build ${name}`);
      if (!this.#isOf(found, marks)) throw foreign("a build", name);
      return found;
    }
  }

  /** One that was registered before its secrets were there may never notice that they are: it is made anew. */
  async #refused(project: ProjectClient, build: Build, options: CallOptions): Promise<Launched> {
    const reason = build.status_details?.reason;
    if (!lacksSecret(reason)) return { kind: "refused", trouble: registrationTrouble(reason) };
    await this.remove(project, { builds: [{ object: build }], runs: [] }, options);
    throw new TransientError(
      Reason.BackendError,
      `the build ${build.name} was registered without its secrets; it is made again`,
    );
  }

  async #run(project: ProjectClient, plan: BuildPlan, options: CallOptions): Promise<Launched> {
    const { builds, prototype, marks } = plan;
    const { name } = prototype;
    // All is said once more: a build that was found may be from before its limits were changed.
    const asked = { ...prototype, build_name: name, service_account: "none" };
    try {
      const create = () => project.buildRuns.create(asked, options);
      return { kind: "run", run: await this.#withinQuota(project, "build runs", options, create) };
    } catch (error) {
      if (!isFailure(error, "conflict")) throw error;
      const found = await orNothing(project.buildRuns.get(name, options));
      if (found && this.#parts.leaving.has("run", found)) throw stillLeaving(`the build run ${name}`);
      if (found && !this.#isOf(found, marks)) throw foreign("a build run", name);
      if (found) return { kind: "run", run: found };
      const build = await orNothing(project.builds.get(name, options));
      if (build?.status === "failed") return await this.#refused(project, build, options);
      if (build?.status !== "ready") throw this.#notReady(name, error);
      this.#prepared.set(builds, plan);
      // Nobody has to do anything about it.
      throw new TransientError(
        Reason.Building,
        `the project has as many builds at once as Code Engine lets it have; this one begins when another ends (${error.message})`,
        { cause: error, retryAfterMs: CROWDED_MS },
      );
    }
  }

  #notReady(name: string, cause: unknown): TransientError {
    const message = `Code Engine has not registered the build ${name} yet; its run begins then`;
    return new TransientError(Reason.BackendError, message, { cause, retryAfterMs: this.#parts.pace.busyMs });
  }

  #isOf({ run_build_params }: Pick<Build, "run_build_params">, { owner, hash, attempt }: Marks): boolean {
    const marks = marksIn(run_build_params, this.#parts.maker);
    return marks?.owner.uid === owner.uid && marks.hash === hash && marks.attempt === attempt;
  }

  /** Where a quota is reached, our own builds go whose outcome is known, so that the next try may find room. */
  async #withinQuota<T>(
    project: ProjectClient,
    what: "builds" | "build runs",
    options: CallOptions,
    create: () => Promise<T>,
  ): Promise<T> {
    const collection = what === "builds" ? project.builds : project.buildRuns;
    try {
      return await explainingQuota<T>(what, collection, create, options);
    } catch (error) {
      if (!(error instanceof TransientError) || error.reason !== Reason.QuotaExceeded) throw error;
      const room = await this.#told(project, options);
      const count = what === "builds" ? room.builds.length : room.runs.length;
      await this.remove(project, room, options);
      if (count === 0) throw error;
      const message = `${error.message}. Slipway removes ${count} of its own that are over, and tries again`;
      throw new TransientError(error.reason, message, { cause: error, retryAfterMs: this.#parts.pace.busyMs });
    }
  }

  /** Runs that have succeeded a while ago, whoever they are of, and the builds that have no others. */
  async #told(project: ProjectClient, options: CallOptions): Promise<OwnBuilds> {
    const { builds, runs } = await ownBuilds(project, this.#parts.maker, options);
    const before = this.#parts.clock.now().getTime() - TOLD_MS;
    const old = (at: string | undefined) => at !== undefined && Date.parse(at) < before;
    const over = runs.filter(
      ({ object }) => object.status === "succeeded" && old(object.status_details?.completion_time),
    );
    const kept = new Set(runs.filter((run) => !over.includes(run)).map(({ object }) => object.name));
    return { builds: builds.filter(({ object }) => old(object.created_at) && !kept.has(object.name)), runs: over };
  }
}
