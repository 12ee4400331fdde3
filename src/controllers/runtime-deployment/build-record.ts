import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeploymentStatus } from "../../api/v1alpha1/index.ts";
import type { ResolvedImage } from "../../backends/backend.ts";
import type { BuildState } from "../../backends/build.ts";
import type { EventNote } from "../../machinery/event-recorder.ts";
import { jsonEqual } from "../../machinery/json-equal.ts";
import { inOneLine } from "../../machinery/one-line.ts";
import type { Note } from "./facts.ts";

/** A build as the status keeps it: all that a controller which starts anew has to know of it. */
export type BuildRecord = NonNullable<RuntimeDeploymentStatus["build"]>;

/** What has to be built, and where. */
export interface BuildWanted {
  readonly key: string;
  readonly backend: string;
  /** What plays a part in whether it succeeds, and none in what it makes. */
  readonly circumstances: readonly string[];
}

/** What there is to do about an image that is built. */
export type BuildCourse =
  | { readonly kind: "built"; readonly image: ResolvedImage }
  /** Nothing, until something else is asked for. */
  | { readonly kind: "failed"; readonly note: Note }
  /** The place is asked how that attempt stands, which begins it where there is none. */
  | { readonly kind: "ask"; readonly attempt: number };

/** Pure. An image that was built is right wherever it is pulled from; all else is an affair of one backend. */
export function courseOf(record: BuildRecord | undefined, wanted: BuildWanted): BuildCourse {
  if (record?.key !== wanted.key) return { kind: "ask", attempt: 1 };
  const { phase, image, attempt, reason = Reason.BuildFailed, message = "the build failed" } = record;
  if (phase === "Succeeded" && image !== undefined) return { kind: "built", image: { pinned: image } };
  if (record.backend !== wanted.backend) return { kind: "ask", attempt: 1 };
  if (phase !== "Failed") return { kind: "ask", attempt };
  const same = jsonEqual(record.circumstances ?? [], wanted.circumstances);
  return same ? { kind: "failed", note: { reason, message } } : { kind: "ask", attempt: attempt + 1 };
}

/** What a deployment asks for by now, as far as a build is concerned. */
export interface BuildPlace {
  readonly isGit: boolean;
  readonly isStopped: boolean;
  /** The backend chosen; undefined where none can be. */
  readonly backend: string | undefined;
}

/**
 * Pure. Whether nobody wants a build any more: something else is the source, or, while it is under way or has failed, the
 * deployment is to be stopped or runs elsewhere. An image that was built is of use wherever it is.
 */
export function isUnwanted({ phase, backend }: BuildRecord, asked: BuildPlace): boolean {
  if (!asked.isGit) return true;
  const moved = asked.backend !== undefined && asked.backend !== backend;
  if (phase === "Succeeded") return false;
  return moved || (asked.isStopped && phase !== "Failed");
}

export interface BuildSeen {
  readonly wanted: BuildWanted;
  readonly attempt: number;
  readonly state: BuildState;
  /** Of a build that failed: what the status says of it. */
  readonly note: Note | undefined;
  readonly logTail: readonly string[];
}

/** Pure. What the status says before the place has said anything: that something may be there already. */
export function awaited(
  before: BuildRecord | undefined,
  { key, backend, circumstances }: BuildWanted,
  attempt: number,
): BuildRecord {
  const same = before?.key === key && before.backend === backend && before.attempt === attempt;
  return same ? before : { key, backend, phase: "Waiting", attempt, circumstances: [...circumstances] };
}

/** Bounds of the schema. */
const LONGEST = { id: 253, commit: 64, message: 4096 } as const;

/** Pure. What the status says after a look. One that may yet succeed is a next attempt that waits. */
export function recordOf(before: BuildRecord | undefined, seen: BuildSeen): BuildRecord {
  const { wanted, attempt, state, note, logTail } = seen;
  const { key, backend } = wanted;
  const failure = note && {
    reason: note.reason,
    message: note.message.slice(0, LONGEST.message),
    ...(logTail.length > 0 && { logTail: [...logTail] }),
  };
  if (state.kind === "failed" && state.retryable)
    return {
      ...{ key, backend, phase: "Waiting", attempt: attempt + 1 },
      ...failure,
      circumstances: [...wanted.circumstances],
    };
  const id = state.id.slice(0, LONGEST.id);
  // What was begun with other Secrets may fail for these alone.
  const begunWith = before?.id === id && before.key === key ? before.circumstances : undefined;
  const { startedAt } = state;
  const ended = state.kind === "built" || state.kind === "failed" ? state.completedAt : undefined;
  return {
    ...{ key, backend, phase: PHASES[state.kind], attempt, id },
    ...(startedAt !== undefined && { startedAt }),
    ...(ended !== undefined && { completedAt: ended }),
    ...(state.kind === "built" && { image: state.image.pinned }),
    ...(state.kind === "built" && state.commit !== undefined && { commit: state.commit.slice(0, LONGEST.commit) }),
    ...failure,
    circumstances: [...(begunWith ?? wanted.circumstances)],
  };
}

const PHASES = { waiting: "Waiting", running: "Running", built: "Succeeded", failed: "Failed" } as const;

/** Pure. The event of what became of a build, where that is news. */
export function buildNews(before: BuildRecord | undefined, after: BuildRecord | undefined): EventNote | undefined {
  if (!after) return undefined;
  const sameAttempt = before?.key === after.key && before.backend === after.backend && before.attempt === after.attempt;
  if (sameAttempt && before.phase === after.phase && before.id === after.id) return undefined;
  const { phase, id, image, message } = after;
  const note = (type: EventNote["type"], reason: string, text: string): EventNote => ({
    ...{ type, reason, action: "Build", note: text },
  });
  if (phase === "Succeeded") return note("Normal", Reason.BuildSucceeded, `built ${image}`);
  if (message !== undefined) return note("Warning", Reason.BuildFailed, message);
  const begun = id !== undefined && (!sameAttempt || before.id !== id);
  return begun ? note("Normal", Reason.BuildStarted, inOneLine(`build ${id} has begun`)) : undefined;
}
