import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../machinery/clock.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { CodeEngineClient } from "./client/code-engine-client.ts";
import { CodeEngineError } from "./client/errors.ts";
import type { ProjectClient } from "./client/project-client.ts";
import type { Project } from "./client/resources/projects.ts";
import type { CodeEngineConfig } from "./code-engine-config.ts";
import { explained } from "./failure.ts";

/** A call that worked says that project and key are fine for so long; longer than two looks at what rests. */
const PROOF_MS = 900_000;
/** How long a failure is believed before the project is asked again: twice as long each time. */
const DOUBT_MS = 5_000;
const LONGEST_DOUBT_MS = 300_000;

/** The way to one project: found once by its name, and looked for anew when it seems to be gone. */
export class ProjectLink {
  readonly #client: CodeEngineClient;
  readonly #config: CodeEngineConfig;
  readonly #clock: Clock;
  #found: { readonly project: Project; readonly client: ProjectClient } | undefined;
  #provenAt = Number.NEGATIVE_INFINITY;
  #doubt: { readonly until: number; readonly failures: number; readonly error: unknown } | undefined;

  constructor(client: CodeEngineClient, config: CodeEngineConfig, clock: Clock) {
    this.#client = client;
    this.#config = config;
    this.#clock = clock;
  }

  /** Calls `work` with the project. @throws TerminalError or TransientError, and what `work` throws beside failed calls. */
  async use<T>(work: (project: ProjectClient) => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    try {
      const { client } = await this.#find(signal);
      const result = await work(client);
      this.#proved();
      return result;
    } catch (error) {
      // A project that is being deleted refuses in many ways: the next check asks it.
      if (error instanceof CodeEngineError) this.#provenAt = Number.NEGATIVE_INFINITY;
      throw explained(error);
    }
  }

  /** Asks the project how it is, unless it is known. @throws {TransientError} why it is of no use. */
  async check(signal: AbortSignal): Promise<Project> {
    const now = this.#clock.monotonicMs();
    if (this.#found && now - this.#provenAt < PROOF_MS) return this.#found.project;
    if (this.#doubt && now < this.#doubt.until) throw this.#doubt.error;
    try {
      const known = this.#found;
      const project = known
        ? await this.#client.projects.get(known.project.id, { signal })
        : (await this.#find(signal)).project;
      if (project.status !== "active") throw inactive(project);
      this.#proved();
      return project;
    } catch (error) {
      signal.throwIfAborted();
      this.#lost();
      const failures = (this.#doubt?.failures ?? 0) + 1;
      const until = now + Math.min(DOUBT_MS * 2 ** (failures - 1), LONGEST_DOUBT_MS);
      this.#doubt = { until, failures, error: explained(error) };
      throw this.#doubt.error;
    }
  }

  async #find(signal: AbortSignal): Promise<{ readonly project: Project; readonly client: ProjectClient }> {
    if (this.#found) return this.#found;
    const { project: asked, resourceGroup } = this.#config.spec;
    const { id, name = "" } = asked;
    const project =
      id === undefined
        ? await this.#client.resolveProject(
            { name, ...(resourceGroup !== undefined && { resourceGroupId: resourceGroup }) },
            { signal },
          )
        : await this.#client.projects.get(id, { signal });
    if (project.status !== "active") throw inactive(project);
    this.#found = { project, client: this.#client.project(project.id) };
    return this.#found;
  }

  #proved(): void {
    this.#provenAt = this.#clock.monotonicMs();
    this.#doubt = undefined;
  }

  #lost(): void {
    this.#found = undefined;
    this.#provenAt = Number.NEGATIVE_INFINITY;
  }
}

function inactive({ name, id, status }: Project): TransientError {
  const message = `the project ${name} (${id}) is ${status.replaceAll("_", " ")}, and only an active one can be used; restore it, or name another in spec.codeEngine.project`;
  return new TransientError(Reason.BackendUnavailable, message);
}
