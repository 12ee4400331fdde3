import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { Logger } from "../../../machinery/logger.ts";
import type { LogOptions, Owner } from "../../backend.ts";
import type { BuildRequest, BuildState, ImageBuilder } from "../../build.ts";
import { isFailure } from "../client/errors.ts";
import type { ProjectClient } from "../client/project-client.ts";
import type { CodeEngineConfig, Pace } from "../code-engine-config.ts";
import { explained } from "../failure.ts";
import type { ProjectLink } from "../project-link.ts";
import type { Subdomains } from "../subdomains.ts";
import type { Maker } from "../workloads/marks.ts";
import { admitBuild } from "./admission.ts";
import { BuildLog } from "./build-log.ts";
import { Builds } from "./builds.ts";

export interface ProjectBuilderParts {
  readonly config: CodeEngineConfig;
  /** To the project that builds run in. */
  readonly link: ProjectLink;
  readonly subdomains: Subdomains;
  readonly maker: Maker;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly logger: Logger;
}

/** Makes images in one project of Code Engine, and sees to it that nothing of that is left when nobody wants it. */
export class ProjectBuilder implements ImageBuilder {
  readonly #parts: ProjectBuilderParts;
  readonly #builds: Builds;
  readonly #log: BuildLog;

  constructor(parts: ProjectBuilderParts) {
    const { maker, subdomains, clock, pace, config } = parts;
    this.#parts = parts;
    this.#builds = new Builds({ maker, clock, pace, size: config.spec.builds?.size ?? "medium" });
    this.#log = new BuildLog({ subdomains, clock, lookMs: pace.busyMs });
  }

  admitBuild(request: BuildRequest): void {
    admitBuild(request, this.#parts.config.spec.allowedRegistries ?? []);
  }

  async ensureBuild(owner: Owner, request: BuildRequest, attempt: number, signal: AbortSignal): Promise<BuildState> {
    this.admitBuild(request);
    return await this.#within(
      (project) => this.#builds.ensure(project, owner, { request, attempt }, { signal }),
      signal,
    );
  }

  async *buildLogs(owner: Owner, options: LogOptions, signal: AbortSignal): AsyncGenerator<string> {
    const project = await this.#within(async (found) => found, signal);
    try {
      const run = await this.#builds.newestRun(project, owner, { signal });
      if (run !== undefined) yield* this.#log.lines(project, run, options, signal);
    } catch (error) {
      throw explained(error);
    }
  }

  /** Looks at builds that are under way, and tells whose have moved. Rests where there are none. */
  async watch(onChange: (owner: Owner) => void, signal: AbortSignal): Promise<void> {
    const { clock, pace } = this.#parts;
    while (!signal.aborted) {
      await delay(clock, pace.busyMs, signal);
      for (const builds of this.#builds.due()) {
        if (!signal.aborted) await this.#look(builds, onChange, signal);
      }
    }
  }

  /** With their project builds are gone, too. Should that be restored, they are found as orphans. */
  async endBuilds(owner: Owner, signal: AbortSignal): Promise<void> {
    try {
      await this.#within((project) => this.#builds.remove(project, owner, { signal }), signal);
    } catch (error) {
      if (!(error instanceof TransientError) || !isFailure(error.cause, "notFound")) throw error;
    }
  }

  /** Answers whose builds were removed. */
  async collectOrphans(isAlive: (owner: Owner) => boolean, signal: AbortSignal): Promise<readonly Owner[]> {
    return await this.#within(async (project) => {
      const owners = await this.#builds.owners(project, { signal });
      const orphans = owners.filter((owner) => !isAlive(owner));
      for (const owner of orphans) await this.#builds.remove(project, owner, { signal });
      await this.#builds.removeSpentSecrets(project, owners.filter(isAlive), { signal });
      return orphans;
    }, signal);
  }

  async #look(builds: string, onChange: (owner: Owner) => void, signal: AbortSignal): Promise<void> {
    try {
      const look = (project: ProjectClient) => this.#builds.look(project, builds, { signal, poll: true });
      const moved = await this.#within(look, signal);
      if (moved) onChange(moved);
    } catch (error) {
      if (!signal.aborted) this.#parts.logger.debug("a build cannot be looked at", { builds, error });
    }
  }

  async #within<T>(work: (project: ProjectClient) => Promise<T>, signal: AbortSignal): Promise<T> {
    return await this.#parts.link.use(work, signal);
  }
}
