import type { Clock } from "../../machinery/clock.ts";
import { isFailure } from "./client/errors.ts";
import type { ProjectClient } from "./client/project-client.ts";
import { type App, subdomainOf } from "./client/resources/apps.ts";
import type { Job } from "./client/resources/jobs.ts";
import type { CallOptions } from "./client/transport.ts";
import { PREFIX } from "./workloads/marks.ts";

/** Nobody tells when a project gets its first app; what is made here is seen without asking. */
const ASK_AGAIN_MS = 60_000;
/** IBM's own sample. It is never run. */
const IMAGE = "icr.io/codeengine/helloworld";
const JOB = `${PREFIX}subdomain`;

/**
 * The namespaces of projects in Kubernetes. No field of a project tells: its apps do, and so does a job. They never change while
 * the project exists.
 */
export class Subdomains {
  readonly #clock: Clock;
  /** By project, of which a RuntimeBackend has two at most; so is what follows. */
  readonly #known = new Map<string, string>();
  /** When its apps were asked last, and there was none (monotonic). */
  readonly #asked = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `seen`: apps that are known without a call. Undefined only where the project was asked, and has no app. */
  async get(project: ProjectClient, seen: Iterable<App>, options: CallOptions): Promise<string | undefined> {
    const known = this.#known.get(project.id) ?? toldBy(seen, project);
    return this.#keep(project, known ?? (await this.#ask(project, options)));
  }

  /** As `get`, and of a project without apps by a job, which is made and removed again. Undefined where that does not tell. */
  async find(project: ProjectClient, options: CallOptions): Promise<string | undefined> {
    return (await this.get(project, [], options)) ?? this.#keep(project, await this.#fromJob(project, options));
  }

  #keep({ id }: ProjectClient, found: string | undefined): string | undefined {
    if (found !== undefined) this.#known.set(id, found);
    return found;
  }

  async #ask(project: ProjectClient, options: CallOptions): Promise<string | undefined> {
    const now = this.#clock.monotonicMs();
    if (now - (this.#asked.get(project.id) ?? Number.NEGATIVE_INFINITY) < ASK_AGAIN_MS) return undefined;
    for await (const app of project.apps.list(options)) {
      const found = subdomainOf(app);
      if (found !== undefined) return found;
    }
    this.#asked.set(project.id, now);
    return undefined;
  }

  async #fromJob(project: ProjectClient, options: CallOptions): Promise<string | undefined> {
    const { computed_env_variables, image_reference } = await this.#job(project, options);
    // Somebody's own job may have that name.
    if (image_reference === IMAGE) await project.jobs.delete(JOB, options);
    return computed_env_variables.find(({ name }) => name === "CE_SUBDOMAIN")?.value;
  }

  async #job({ jobs }: ProjectClient, options: CallOptions): Promise<Job> {
    try {
      return await jobs.create({ name: JOB, image_reference: IMAGE }, options);
    } catch (error) {
      if (!isFailure(error, "conflict")) throw error;
      return await jobs.get(JOB, options);
    }
  }
}

function toldBy(apps: Iterable<App>, { id }: ProjectClient): string | undefined {
  for (const app of apps) {
    const found = app.project_id === id ? subdomainOf(app) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
