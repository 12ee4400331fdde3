import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { isFailure } from "../client/errors.ts";
import type { ProjectClient } from "../client/project-client.ts";
import { appSelector, type PodLogRequest, type ProjectProxy, USER_CONTAINER } from "../client/project-proxy.ts";
import { subdomainOf } from "../client/resources/apps.ts";
import type { Pod } from "../client/resources/pods.ts";
import { orNothing } from "../workloads/sightings.ts";
import type { LogLine } from "./log-line.ts";
import { LogPosition } from "./log-position.ts";
import { asItComes } from "./merge.ts";

/** Of more instances than these, the newest are read. */
const MOST_PODS = 10;
/** How far back a follower asks for what it has read already: more than two clocks may differ. */
const OVERLAP_MS = 120_000;

export interface LiveLogParts {
  readonly project: ProjectClient;
  /** Name of the app. */
  readonly app: string;
  readonly clock: Clock;
  /** How often a follower looks for other instances. */
  readonly lookMs: number;
  readonly signal: AbortSignal;
}

/** What the instances that an app has now have written. It ends with them. */
export class LiveLog {
  readonly #parts: LiveLogParts;
  /** By pod. */
  readonly #positions = new Map<string, LogPosition>();
  #proxy: ProjectProxy | undefined;

  constructor(parts: LiveLogParts) {
    this.#parts = parts;
  }

  /** The instances that there is something to read of, the newest first. None where the app sleeps, or does not exist. */
  async pods(poll = false): Promise<readonly Pod[]> {
    const { app, signal } = this.#parts;
    const proxy = await this.#reach(poll);
    if (!proxy) return [];
    const pods = await Array.fromAsync(proxy.pods(appSelector(app), { signal, poll }));
    return pods
      .filter(({ status }) => status?.phase === "Running" || status?.phase === "Failed")
      .sort((a, b) => (b.metadata.creationTimestamp ?? "").localeCompare(a.metadata.creationTimestamp ?? ""))
      .slice(0, MOST_PODS);
  }

  /** What one instance has written up to now; the last `tail` lines of it. */
  backlog({ metadata: { name } }: Pod, tail: number | undefined): AsyncGenerator<LogLine, void, undefined> {
    return this.#lines(name, tail === undefined ? {} : { tailLines: tail });
  }

  /**
   * What `pods` write from where `backlog` ended, in the order in which it comes, and all that instances write that come
   * later. `unread`: their backlog was not wanted. Ends with the signal. @throws {CodeEngineError} when the proxy is gone.
   */
  async *follow(pods: readonly Pod[], unread: boolean): AsyncGenerator<LogLine, void, undefined> {
    yield* asItComes(this.#followed(pods, unread ? { tailLines: 0 } : {}));
  }

  async *#followed(
    pods: readonly Pod[],
    ofThese: Pick<PodLogRequest, "tailLines">,
  ): AsyncGenerator<AsyncGenerator<LogLine, void, undefined>, void, undefined> {
    const { clock, lookMs, signal } = this.#parts;
    const following = new Set<string>();
    const known = new Set(pods.map(({ metadata }) => metadata.name));
    for (const pod of known) yield this.#tracked(pod, following, ofThese);
    for (;;) {
      await delay(clock, lookMs, signal);
      signal.throwIfAborted();
      for (const { metadata, status } of await this.#podsInPassing()) {
        const { name } = metadata;
        if (status?.phase !== "Running" || following.has(name)) continue;
        yield this.#tracked(name, following, known.has(name) ? ofThese : {});
      }
    }
  }

  /** Many may follow: their looks delay nobody, and are left out where others need the calls. */
  async #podsInPassing(): Promise<readonly Pod[]> {
    try {
      return await this.pods(true);
    } catch (error) {
      if (isFailure(error, "throttled")) return [];
      throw error;
    }
  }

  /** A connection that ends, as long ones do, is taken up again by the next look; so is a container that starts again. */
  async *#tracked(
    pod: string,
    following: Set<string>,
    unread: Pick<PodLogRequest, "tailLines">,
  ): AsyncGenerator<LogLine, void, undefined> {
    following.add(pod);
    const from = this.#positions.get(pod)?.at;
    const ago = from === undefined ? undefined : Math.max(0, this.#parts.clock.now().getTime() - from) + OVERLAP_MS;
    const since = ago === undefined ? unread : { sinceSeconds: Math.ceil(ago / 1_000) };
    try {
      yield* this.#lines(pod, { ...since, follow: true });
    } catch (error) {
      if (!isFailure(error, "transient")) throw error;
    } finally {
      following.delete(pod);
    }
  }

  /** Lines that were read before are left out. */
  async *#lines(pod: string, how: Partial<PodLogRequest>): AsyncGenerator<LogLine, void, undefined> {
    const { signal } = this.#parts;
    const proxy = await this.#reach();
    if (!proxy) return;
    const request = { pod, container: USER_CONTAINER, timestamps: true, ...how };
    const position = this.#positions.get(pod) ?? new LogPosition();
    this.#positions.set(pod, position);
    try {
      yield* position.unread(proxy.podLogs(request, { signal }));
    } catch (error) {
      // It has gone meanwhile, or has not begun.
      if (!isFailure(error, "notFound") && !(isFailure(error, "terminal") && error.status === 400)) throw error;
    }
  }

  /** Undefined while there is no app, whose answer alone tells the project's subdomain. */
  async #reach(poll = false): Promise<ProjectProxy | undefined> {
    if (this.#proxy) return this.#proxy;
    const { project, app: name, signal } = this.#parts;
    const app = await orNothing(project.apps.get(name, { signal, poll }));
    if (!app) return undefined;
    const subdomain = subdomainOf(app);
    if (subdomain === undefined)
      throw new TransientError(
        Reason.BackendError,
        `the logs of ${name} cannot be found: the app does not tell the project's subdomain yet`,
      );
    this.#proxy = project.proxy(subdomain);
    return this.#proxy;
  }
}
