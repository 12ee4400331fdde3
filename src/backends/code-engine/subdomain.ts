import type { Clock } from "../../machinery/clock.ts";
import type { ProjectClient } from "./client/project-client.ts";
import { type App, subdomainOf } from "./client/resources/apps.ts";

/** Nobody tells when a project gets its first app; what is made here is seen without asking. */
const ASK_AGAIN_MS = 60_000;

/** The project's namespace, which only its apps tell. It never changes while the project exists. */
export class Subdomain {
  readonly #clock: Clock;
  #known: { readonly project: string; readonly subdomain: string } | undefined;
  #asked: { readonly project: string; readonly at: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `seen`: apps that are known without a call. Undefined only where the project was asked, and has no app. */
  async get(project: ProjectClient, seen: Iterable<App>, signal: AbortSignal): Promise<string | undefined> {
    if (this.#known?.project === project.id) return this.#known.subdomain;
    const found = toldBy(seen, project) ?? (await this.#ask(project, signal));
    if (found !== undefined) this.#known = { project: project.id, subdomain: found };
    return found;
  }

  async #ask(project: ProjectClient, signal: AbortSignal): Promise<string | undefined> {
    const now = this.#clock.monotonicMs();
    if (this.#asked?.project === project.id && now - this.#asked.at < ASK_AGAIN_MS) return undefined;
    for await (const app of project.apps.list({ signal })) {
      const found = subdomainOf(app);
      if (found !== undefined) return found;
    }
    this.#asked = { project: project.id, at: now };
    return undefined;
  }
}

function toldBy(apps: Iterable<App>, { id }: ProjectClient): string | undefined {
  for (const app of apps) {
    const found = app.project_id === id ? subdomainOf(app) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
