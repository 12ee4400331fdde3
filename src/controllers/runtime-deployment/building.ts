import { LOG_TAIL } from "../../api/v1alpha1/build-status.schema.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import { REBUILD_ANNOTATION } from "../../api/v1alpha1/index.ts";
import type { Backend, FullBackend, ResolvedImage } from "../../backends/backend.ts";
import type { BuildRequest, BuildState, ImageBuilder } from "../../backends/build.ts";
import { buildRequest } from "../../effective-spec/build-request.ts";
import { buildSecrets } from "../../effective-spec/effective-spec.ts";
import type { Namespaced } from "../../effective-spec/references.ts";
import { buildKey, type GitSource } from "../../effective-spec/source.ts";
import type { Clock } from "../../machinery/clock.ts";
import { TerminalError } from "../../machinery/errors.ts";
import { inOneLine } from "../../machinery/one-line.ts";
import type { LiveBackend } from "../backend-registry.ts";
import { lastLines } from "./build-log.ts";
import { awaited, type BuildCourse, type BuildWanted, courseOf, recordOf } from "./build-record.ts";
import type { Note } from "./facts.ts";
import { noteProgress, recentProgress } from "./progress.ts";
import { lookAgain, type Scope } from "./scope.ts";
import { holdBack, tryNow } from "./set-back.ts";

export interface BuildingPorts {
  readonly clock: Clock;
  /** Resolves once the finalizer stands, without which nothing may be made outside. */
  finalizer(scope: Scope): Promise<void>;
}

/** What a git source asks of the backend, judged by its rules. */
export type BuildOrder = { readonly kind: "git"; readonly course: Exclude<BuildCourse, { kind: "ask" }> } | AskedBuild;

interface AskedBuild {
  readonly kind: "git";
  readonly course: Extract<BuildCourse, { kind: "ask" }>;
  readonly source: GitSource;
  readonly wanted: BuildWanted;
  readonly request: BuildRequest;
  readonly builder: Backend & ImageBuilder;
}

/** A build's progress is looked at, and written, this often. */
const PROGRESS_MS = 10_000;
/** A build costs more than another question: the next attempt waits half a minute, then twice as long each time, up to an hour. */
const LEAST_HOLD_MS = 30_000;
const LONGEST_MESSAGE = 1_024;

/**
 * What there is to do for a git source. No I/O. An image that was built before needs neither credentials nor the backend.
 * @throws {TransientError | TerminalError} for what cannot be built as it is.
 */
export function orderBuild(
  scope: Scope,
  source: GitSource,
  { live, objects }: { live: LiveBackend; objects: Namespaced },
): BuildOrder {
  const circumstances = [
    ...buildSecrets(scope.deployment.spec).map(
      (name) => `Secret ${name}: ${objects.secret(name)?.metadata.resourceVersion ?? "none"}`,
    ),
    `RuntimeBackend: ${scope.backendGeneration}`,
    `timeoutSeconds: ${source.timeoutSeconds}`,
  ];
  const wanted = { key: buildKey(source), backend: live.name, circumstances };
  const course = courseOf(scope.build, wanted);
  if (course.kind !== "ask") return { kind: "git", course };
  const builder = builderOf(live);
  const request = buildRequest(source, objects);
  builder.admitBuild(request);
  return { kind: "git", course, source, wanted, request, builder };
}

/**
 * The image of a git source, built if need be. Undefined, with the reason in `step` or `failure`, while there is none. What
 * was found is in `scope.build`.
 */
export async function builtImage(
  scope: Scope,
  order: BuildOrder,
  { clock, finalizer }: BuildingPorts,
): Promise<ResolvedImage | undefined> {
  await finalizer(scope);
  if (!("request" in order)) {
    if (order.course.kind === "built") return order.course.image;
    scope.failure = { kind: "refused", ...order.course.note };
    return undefined;
  }
  const { builder, request, wanted, course } = order;
  scope.build = awaited(scope.build, wanted, course.attempt);
  const state = await tryNow(scope, clock, () =>
    builder.ensureBuild(scope.owner, request, course.attempt, scope.signal),
  );
  if (state) return await conclude(scope, order, { state, clock });
  if (scope.failure?.reason === Reason.Building) waitForRoom(scope, scope.failure);
  return undefined;
}

/** Nothing went wrong, and nobody has to do anything about it: it is a step that takes its time. */
function waitForRoom(scope: Scope, { reason, message = "" }: Note): void {
  scope.step = { reason, message: inOneLine(message).slice(0, LONGEST_MESSAGE) };
  scope.failure = undefined;
}

async function conclude(
  scope: Scope,
  { source, course: { attempt }, wanted, request, builder }: AskedBuild,
  { state, clock }: { state: BuildState; clock: Clock },
): Promise<ResolvedImage | undefined> {
  const { owner, signal, build: before } = scope;
  const seen = { wanted, attempt, state, note: undefined, logTail: [] };
  switch (state.kind) {
    case "waiting":
    case "running": {
      scope.build = recordOf(before, seen);
      const now = clock.monotonicMs();
      const moved = before?.id !== scope.build.id || before?.phase !== scope.build.phase;
      const recent = moved ? undefined : recentProgress(scope, Reason.Building, { everyMs: PROGRESS_MS, now });
      if (recent) scope.step = recent;
      else {
        const [line] = state.kind === "running" ? await lastLines(builder, { owner, request, tail: 1 }, signal) : [];
        scope.step = noteProgress(scope, building(source, state.message, line), now);
        lookAgain(scope, PROGRESS_MS);
      }
      return undefined;
    }
    case "built":
      scope.build = recordOf(before, seen);
      scope.memory.progress = undefined;
      return state.image;
    case "failed": {
      const note = { reason: state.reason, message: withHint(scope, state) };
      const logTail = await lastLines(builder, { owner, request, tail: LOG_TAIL.lines }, signal);
      scope.build = recordOf(before, { ...seen, note, logTail });
      const failures = scope.memory.holds.last("revision", scope.token)?.failures ?? 0;
      const leastMs = LEAST_HOLD_MS * 2 ** Math.min(failures, 7);
      if (state.retryable) holdBack(scope, clock, { kind: "retried", ...note }, leastMs);
      else scope.failure = { kind: "refused", ...note };
      return undefined;
    }
    default:
      return state satisfies never;
  }
}

function building({ url, revision }: GitSource, said: string, line: string | undefined): Note {
  const what = revision === undefined ? url : `${url} at ${revision}`;
  const message = [`the image is built from ${what}`, inOneLine(said), line].filter(Boolean).join(": ");
  return { reason: Reason.Building, message: message.slice(0, LONGEST_MESSAGE) };
}

function withHint(
  { owner: { namespace, name } }: Scope,
  { message, retryable }: Extract<BuildState, { kind: "failed" }>,
): string {
  const log = `see: slipway logs ${name} -n ${namespace} --build`;
  // What was mended elsewhere, such as the rights of a key, cannot be noticed.
  const anew = retryable ? [] : [`another value of the annotation ${REBUILD_ANNOTATION} builds anew`];
  return [inOneLine(message).slice(0, LONGEST_MESSAGE), log, ...anew].join("; ");
}

function builderOf({ backend, name }: LiveBackend): Backend & ImageBuilder {
  if (isBuilder(backend)) return backend;
  const message = `spec.source.git: RuntimeBackend "${name}" cannot build from git repositories; set spec.backend to another`;
  throw new TerminalError(Reason.SourceNotSupported, message);
}

function isBuilder(backend: FullBackend): backend is Backend & ImageBuilder {
  const { admitBuild, ensureBuild, buildLogs } = backend;
  return admitBuild !== undefined && ensureBuild !== undefined && buildLogs !== undefined;
}
