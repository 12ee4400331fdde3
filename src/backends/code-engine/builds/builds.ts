import type { Clock } from "../../../machinery/clock.ts";
import type { Owner } from "../../backend.ts";
import type { BuildRequest, BuildState } from "../../build.ts";
import type { ProjectClient } from "../client/project-client.ts";
import type { BuildRun, BuildSize } from "../client/resources/builds.ts";
import type { ConfigMap } from "../client/resources/config.ts";
import type { CallOptions } from "../client/transport.ts";
import type { Pace } from "../code-engine-config.ts";
import { KeyedLock } from "../workloads/keyed-lock.ts";
import { type Maker, marksIn } from "../workloads/marks.ts";
import { orNothing } from "../workloads/sightings.ts";
import { BuildLauncher } from "./build-launcher.ts";
import { type BuildPlan, buildPlan } from "./build-plan.ts";
import { ownerOfBuilds } from "./build-record.ts";
import { stateOf } from "./build-state.ts";
import { foreign, Leaving, stillLeaving } from "./leaving.ts";
import { buildsName, mayBeRecord, pushSecretName, recordName, sourceSecretName } from "./names.ts";
import { ofOwner, ownBuilds } from "./own-builds.ts";
import { isOver, type SeenBuild, SeenBuilds } from "./seen-builds.ts";

export interface BuildsParts {
  readonly maker: Maker;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly size: BuildSize;
}

/**
 * Builds of images, one at a time for each owner. A run's name follows from owner, key and attempt, so that whoever asks
 * again, after a lost answer or a restart, finds the same run; what has its name and not our marks is never touched.
 */
export class Builds {
  readonly #parts: BuildsParts;
  readonly #lock = new KeyedLock();
  readonly #seen: SeenBuilds;
  readonly #leaving = new Leaving();
  readonly #launcher: BuildLauncher;

  constructor(parts: BuildsParts) {
    this.#parts = parts;
    this.#seen = new SeenBuilds(parts.clock, parts.pace);
    this.#launcher = new BuildLauncher({ ...parts, leaving: this.#leaving });
  }

  nameOf(owner: Pick<Owner, "uid" | "name">): string {
    return buildsName(this.#parts.maker, owner);
  }

  /** As `ImageBuilder.ensureBuild`. */
  async ensure(
    project: ProjectClient,
    owner: Owner,
    asked: { readonly request: BuildRequest; readonly attempt: number },
    options: CallOptions,
  ): Promise<BuildState> {
    const { maker, size } = this.#parts;
    const plan = buildPlan({ maker, owner, size, ...asked });
    const { builds, prototype } = plan;
    return await this.#lock.run(builds, async () => {
      const known = this.#seen.known(builds, prototype.name);
      if (known) return known.state;
      const run = await this.#found(project, plan, options);
      if (run) return (await this.#saw(project, seenOf(plan), run, options)).state;
      const begun = await this.#launcher.launch(project, plan, options);
      if (begun.kind === "run") return (await this.#saw(project, seenOf(plan), begun.run, options)).state;
      const state = { id: prototype.name, startedAt: undefined, kind: "failed", ...begun.trouble } as const;
      const failed = { ...seenOf(plan), state: { ...state, completedAt: undefined } };
      await this.#removeSecrets(project, builds, options);
      this.#seen.saw(builds, failed);
      return failed.state;
    });
  }

  /** What the names of those begin with that are under way and have not been looked at for long. */
  due(): readonly string[] {
    return this.#seen.due();
  }

  /** Looks at one that is under way. Answers its owner if it is another than before. */
  async look(project: ProjectClient, builds: string, options: CallOptions): Promise<Owner | undefined> {
    return await this.#lock.run(builds, async () => {
      const before = this.#seen.get(builds);
      if (!before || isOver(before.state)) return undefined;
      const run = await orNothing(project.buildRuns.get(before.run, options));
      if (!run) {
        this.#seen.forget(builds);
        return before.owner;
      }
      const { changed } = await this.#saw(project, before, run, options);
      return changed ? before.owner : undefined;
    });
  }

  /** Name of the run that an owner's log is of; undefined where there is none. */
  async newestRun(project: ProjectClient, owner: Owner, options: CallOptions): Promise<string | undefined> {
    const seen = this.#seen.get(this.nameOf(owner));
    if (seen) return seen.run;
    const { runs } = ofOwner(await ownBuilds(project, this.#parts.maker, options), owner.uid);
    const all = runs.map(({ object }) => object).filter((run) => !this.#leaving.has("run", run));
    return all.sort((a, b) => (b.created_at ?? "").localeCompare(a.created_at ?? ""))[0]?.name;
  }

  /** Removes all builds of an owner, with what they needed, and the record of them last of all. */
  async remove(project: ProjectClient, owner: Pick<Owner, "uid" | "name">, options: CallOptions): Promise<void> {
    const builds = this.nameOf(owner);
    await this.#lock.run(builds, async () => {
      const { maker } = this.#parts;
      const found = await orNothing(project.configMaps.get(recordName(builds), options));
      const record = found && this.#isRecordOf(found, owner) ? found : undefined;
      // Somebody else may have removed it.
      if (!record && !this.#seen.get(builds)) return;
      const its = ofOwner(await ownBuilds(project, maker, options), owner.uid);
      await this.#launcher.remove(project, its, options);
      await this.#removeSecrets(project, builds, options);
      if (record) await project.configMaps.delete(record.name, options);
      if (record) this.#leaving.add("record", record);
      this.#seen.forget(builds);
    });
  }

  /** All whose builds are here. */
  async owners(project: ProjectClient, options: CallOptions): Promise<readonly Owner[]> {
    const owners: Owner[] = [];
    for await (const configMap of project.configMaps.list(options)) {
      const owner = mayBeRecord(configMap.name) ? ownerOfBuilds(configMap, this.#parts.maker) : undefined;
      if (owner && !this.#leaving.has("record", configMap)) owners.push(owner);
    }
    return owners;
  }

  /**
   * Removes secrets that no build needs any more: those of builds that ended while nobody looked, since their deployment
   * had come to want something else and the process began anew.
   */
  async removeSpentSecrets(project: ProjectClient, owners: readonly Owner[], options: CallOptions): Promise<void> {
    const names = new Set<string>();
    for await (const { name } of project.secrets.list(options)) names.add(name);
    for (const owner of owners) {
      const builds = this.nameOf(owner);
      if (!names.has(pushSecretName(builds)) && !names.has(sourceSecretName(builds))) continue;
      await this.#lock.run(builds, async () => {
        const seen = this.#seen.get(builds);
        if (seen && !isOver(seen.state)) return;
        const { runs } = ofOwner(await ownBuilds(project, this.#parts.maker, options), owner.uid);
        const needed = runs.some(({ object: { status } }) => status !== "succeeded" && status !== "failed");
        if (!needed) await this.#removeSecrets(project, builds, options);
      });
    }
  }

  #isRecordOf(record: ConfigMap, { uid }: Pick<Owner, "uid">): boolean {
    return ownerOfBuilds(record, this.#parts.maker)?.uid === uid && !this.#leaving.has("record", record);
  }

  async #found(
    project: ProjectClient,
    { prototype: { name }, marks }: BuildPlan,
    options: CallOptions,
  ): Promise<BuildRun | undefined> {
    const run = await orNothing(project.buildRuns.get(name, options));
    if (!run) this.#leaving.gone("run", name);
    if (!run) return undefined;
    if (this.#leaving.has("run", run)) throw stillLeaving(`the build run ${name}`);
    if (marksIn(run.run_build_params, this.#parts.maker)?.owner.uid !== marks.owner.uid)
      throw foreign("a build run", name);
    return run;
  }

  /** Secrets are there only while a build needs them. */
  async #saw(
    project: ProjectClient,
    before: Omit<SeenBuild, "state">,
    run: BuildRun,
    options: CallOptions,
  ): Promise<{ readonly state: BuildState; readonly changed: boolean }> {
    const { repository, timeoutSeconds, owner } = before;
    const builds = this.nameOf(owner);
    const state = stateOf({ run, repository, timeoutSeconds, now: this.#parts.clock.now() });
    const was = this.#seen.get(builds);
    const wasOver = was?.run === run.name && isOver(was.state);
    if (isOver(state) && !wasOver) await this.#removeSecrets(project, builds, options);
    const seen = { owner, run: run.name, repository, timeoutSeconds, state };
    return { state, changed: this.#seen.saw(builds, seen) };
  }

  async #removeSecrets(project: ProjectClient, builds: string, options: CallOptions): Promise<void> {
    this.#launcher.forget(builds);
    await project.secrets.delete(pushSecretName(builds), options);
    await project.secrets.delete(sourceSecretName(builds), options);
  }
}

function seenOf({ marks, prototype, repository }: BuildPlan): Omit<SeenBuild, "state"> {
  const { name: run, timeout: timeoutSeconds = 0 } = prototype;
  return { owner: marks.owner, run, repository, timeoutSeconds };
}
