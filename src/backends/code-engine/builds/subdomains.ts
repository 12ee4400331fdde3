import { isFailure } from "../client/errors.ts";
import type { ProjectClient } from "../client/project-client.ts";
import { subdomainOf } from "../client/resources/apps.ts";
import type { Job } from "../client/resources/jobs.ts";
import type { CallOptions } from "../client/transport.ts";
import { PREFIX } from "../workloads/marks.ts";

/** IBM's own sample. It is never run. */
const IMAGE = "icr.io/codeengine/helloworld";
const JOB = `${PREFIX}subdomain`;

/**
 * The namespaces of projects in Kubernetes, which is where logs are. No field of a project tells: its apps do, and so does a
 * job, which is made and removed again where there is no app yet.
 */
export class Subdomains {
  /** By project. */
  readonly #known = new Map<string, string>();

  /** Undefined where nothing tells it. */
  async find(project: ProjectClient, options: CallOptions): Promise<string | undefined> {
    const known = this.#known.get(project.id);
    if (known !== undefined) return known;
    const found = (await this.#fromApps(project, options)) ?? (await this.#fromJob(project, options));
    if (found !== undefined) this.#known.set(project.id, found);
    return found;
  }

  async #fromApps(project: ProjectClient, options: CallOptions): Promise<string | undefined> {
    for await (const app of project.apps.list(options)) {
      const found = subdomainOf(app);
      if (found !== undefined) return found;
    }
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
