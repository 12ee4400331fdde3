import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { LogOptions } from "../../backend.ts";
import { isFailure } from "../client/errors.ts";
import type { ProjectClient } from "../client/project-client.ts";
import { buildRunSelector, type PodLogRequest, type ProjectProxy } from "../client/project-proxy.ts";
import type { BuildRun } from "../client/resources/builds.ts";
import type { Pod } from "../client/resources/pods.ts";
import type { CallOptions } from "../client/transport.ts";
import type { Subdomains } from "../subdomains.ts";
import { orNothing } from "../workloads/sightings.ts";
import { runTrouble } from "./build-trouble.ts";
import { StepLog } from "./step-log.ts";

/** Of a build's pod, containers that the build itself runs in. */
const STEP = /^step-/;
/** What is collected, since it comes last step first; more of a log's end is not told. */
const MOST_LINES = 10_000;

export interface BuildLogParts {
  readonly subdomains: Subdomains;
  readonly clock: Clock;
  /** How often somebody who follows looks for what has not begun. */
  readonly lookMs: number;
}

/** What builds print: the steps of a run are containers of its pod, one after the other. */
export class BuildLog {
  readonly #parts: BuildLogParts;

  constructor(parts: BuildLogParts) {
    this.#parts = parts;
  }

  /** All steps, in their order; following ends with the run. Where its pod has gone, one line says how it ended. */
  async *lines(
    project: ProjectClient,
    run: string,
    { tail, follow, timestamps }: LogOptions,
    signal: AbortSignal,
  ): AsyncGenerator<string, void, undefined> {
    const proxy = await this.#proxy(project, { signal });
    const pod = follow ? await this.#awaitPod(project, proxy, run, signal) : await newestPod(proxy, run, { signal });
    if (!pod) {
      const latest = await orNothing(project.buildRuns.get(run, { signal }));
      if (latest && hasEnded(latest)) yield epitaph(latest);
      return;
    }
    const about = { pod: pod.metadata.name, timestamps };
    const steps = stepsOf(pod);
    if (tail !== undefined && !follow) {
      yield* await lastOfAll(proxy, { about, steps, tail: Math.min(tail, MOST_LINES) }, { signal });
      return;
    }
    const last = steps.at(-1);
    for (const container of steps) {
      const log = new StepLog(proxy, { ...about, container, tail });
      if (follow) yield* this.#followed(project, log, { run, untilRunEnds: container === last }, signal);
      else yield* orNoLines(log.read(false, { signal }));
    }
  }

  /**
   * A step has no log before it begins, and a connection may end before it does: the last one is taken up again until the run
   * is over. Of an earlier one that cannot be told from its end.
   */
  async *#followed(
    project: ProjectClient,
    log: StepLog,
    { run, untilRunEnds }: { readonly run: string; readonly untilRunEnds: boolean },
    signal: AbortSignal,
  ): AsyncGenerator<string, void, undefined> {
    for (let goesOn = true; ; ) {
      try {
        yield* log.read(goesOn, { signal });
        if (!untilRunEnds) return;
      } catch (error) {
        if (!hasNoLog(error) && !isFailure(error, "transient")) throw error;
      }
      if (!goesOn) return;
      goesOn = await this.#goesOn(project, run, signal);
    }
  }

  async #awaitPod(
    project: ProjectClient,
    proxy: ProjectProxy,
    run: string,
    signal: AbortSignal,
  ): Promise<Pod | undefined> {
    for (;;) {
      const pod = await newestPod(proxy, run, { signal });
      if (pod) return pod;
      if (!(await this.#goesOn(project, run, signal))) return await newestPod(proxy, run, { signal });
    }
  }

  /** After a while: whether the run may still print something. */
  async #goesOn(project: ProjectClient, name: string, signal: AbortSignal): Promise<boolean> {
    await delay(this.#parts.clock, this.#parts.lookMs, signal);
    signal.throwIfAborted();
    const run = await orNothing(project.buildRuns.get(name, { signal }));
    return run !== undefined && !hasEnded(run);
  }

  /** @throws {TransientError} where nothing tells where logs are */
  async #proxy(project: ProjectClient, options: CallOptions): Promise<ProjectProxy> {
    const subdomain = await this.#parts.subdomains.find(project, options);
    if (subdomain !== undefined) return project.proxy(subdomain);
    throw new TransientError(
      Reason.BackendError,
      "the logs of builds cannot be found: nothing in the project tells its subdomain yet; its first app will",
    );
  }
}

function stepsOf(pod: Pod | undefined): readonly string[] {
  const { initContainers = [], containers = [] } = pod?.spec ?? {};
  return [...initContainers, ...containers].map(({ name }) => name).filter((name) => STEP.test(name));
}

async function* orNoLines(lines: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
  try {
    yield* lines;
  } catch (error) {
    if (!hasNoLog(error)) throw error;
  }
}

async function newestPod(proxy: ProjectProxy, run: string, options: CallOptions): Promise<Pod | undefined> {
  const pods = await Array.fromAsync(proxy.pods(buildRunSelector(run), options));
  const age = ({ metadata }: Pod) => metadata.creationTimestamp ?? "";
  return pods.sort((a, b) => age(b).localeCompare(age(a)))[0];
}

interface WholeLog {
  readonly about: Omit<PodLogRequest, "container">;
  readonly steps: readonly string[];
  readonly tail: number;
}

async function lastOfAll(
  proxy: ProjectProxy,
  { about, steps, tail }: WholeLog,
  options: CallOptions,
): Promise<readonly string[]> {
  let found: readonly string[] = [];
  for (const container of steps.toReversed()) {
    if (found.length >= tail) break;
    const missing = tail - found.length;
    found = [...(await lastLines(proxy, { ...about, container }, { tail: missing, ...options })), ...found];
  }
  return found;
}

async function lastLines(
  proxy: ProjectProxy,
  request: PodLogRequest,
  { tail, ...options }: CallOptions & { readonly tail: number },
): Promise<readonly string[]> {
  try {
    return await Array.fromAsync(proxy.podLogs({ ...request, tailLines: tail }, options));
  } catch (error) {
    if (hasNoLog(error)) return [];
    throw error;
  }
}

/** It has gone meanwhile, or has not begun. */
function hasNoLog(error: unknown): boolean {
  return isFailure(error, "notFound") || (isFailure(error, "terminal") && error.status === 400);
}

function hasEnded({ status }: BuildRun): boolean {
  return status === "succeeded" || status === "failed";
}

function epitaph({ name, status, status_details: details = {} }: BuildRun): string {
  const at = details.completion_time === undefined ? "" : ` at ${details.completion_time}`;
  const how =
    status === "succeeded"
      ? `succeeded${at}${details.output_digest === undefined ? "" : ` and made ${details.output_digest}`}`
      : `failed${at}: ${runTrouble(details.reason).message}`;
  return `Code Engine keeps the log of ${name} no more; it ${how}`;
}
