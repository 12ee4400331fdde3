import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../backends/backend.ts";

/** How the trial of a candidate stands. */
export type Trial = "pending" | "passed" | "failed";

/** What is wanted and what is, as far as the plan cares. */
export interface PlanInput {
  readonly desiredState: "Running" | "Stopped";
  /** Hash of what should run; undefined while nobody can say, for example because a Secret is missing. */
  readonly target: string | undefined;
  /** For people: that what should run was there, and is not. */
  readonly gone: string;
  readonly restartPolicy: "Always" | "OnFailure" | "Never";
  readonly observed: readonly Workload[];
  /** Whether the current workload does its work, so that it is worth keeping until a newer one has proved itself. */
  readonly serves: boolean;
  /** How the candidate made from `target` does. */
  readonly trial: Trial;
  /** Whether `target` has passed its trial, at some time. */
  readonly proven: boolean;
  /** Whether `target` has to wait: it failed lately, or it is not its turn. */
  readonly held: boolean;
  /** Whether the current workload, or its sandbox, ended too soon after its last start, so that its next one has to wait. */
  readonly resting: boolean;
  /** Whether nothing may start that did not run a moment ago, since nobody has let it through. */
  readonly dormant: boolean;
  /** Whether the place replaces a workload by itself, so that nothing is tried beside it. */
  readonly inPlace: boolean;
  /** Whether nothing of `target` can run while the current workload does, so that it goes first. */
  readonly excluded: boolean;
  /** The port that the deployment had before. */
  readonly hostPort: number | undefined;
  /** The workload that ran at the last look and should still do; undefined where there was none or it was stopped on request. */
  readonly known: string | undefined;
  /** Whether that workload was being replaced, so that its end was asked for. */
  readonly replacing: boolean;
}

/** Something that happened to a workload and that nobody asked for. Becomes an event, and may count as a restart. */
export interface Incident {
  readonly reason:
    | typeof Reason.Restarted
    | typeof Reason.Recreated
    | typeof Reason.Repaired
    /** Something was left behind. */
    | typeof Reason.BackendUnavailable
    /** Something was taken away since it is wider than its bound. */
    | typeof Reason.GuardrailsTooWide;
  readonly message: string;
}

export type Action =
  | { readonly type: "delete"; readonly id: string; readonly graceful: boolean }
  /** Makes a workload of `target` and starts it. A candidate chooses a port of its own. */
  | {
      readonly type: "launch";
      readonly role: "current" | "candidate";
      readonly hostPort: number | undefined;
      readonly incident: Incident | undefined;
    }
  /** Has the place replace a workload by one of `target`. */
  | { readonly type: "update"; readonly id: string }
  | { readonly type: "start"; readonly id: string; readonly incident: Incident | undefined }
  | { readonly type: "stop"; readonly id: string }
  | { readonly type: "repair"; readonly workload: Workload; readonly incident: Incident | undefined };

/**
 * Pure. The actions that bring a deployment to what is wanted, in their order; applying all makes the next plan empty.
 *
 * There is never more than one current workload. Where one serves, what is newer is tried beside it as a candidate, and
 * takes its place, and its port, only when it has proved itself. Where nothing serves there is nothing to protect, and where both
 * cannot run at once nothing can be tried.
 */
export function plan(input: PlanInput): readonly Action[] {
  const currents = input.observed.filter(({ role }) => role === "current");
  const candidates = input.observed.filter(({ role }) => role === "candidate");
  const [current, ...surplus] = currents;
  const actions = surplus.map(({ id }) => remove(id));
  const dropCandidates = candidates.map(({ id }) => remove(id));

  if (input.desiredState === "Stopped") {
    return [...actions, ...dropCandidates, ...(current && isActive(current) ? [stop(current)] : [])];
  }
  if (!current) return [...actions, ...dropCandidates, ...launchFirst(input)];
  if (input.inPlace && input.target !== undefined && isActive(current)) {
    return [...actions, ...dropCandidates, ...follow(current, input)];
  }
  if (input.target === undefined || current.hash === input.target) {
    return [...actions, ...dropCandidates, ...keep(current, input)];
  }
  return [...actions, ...replace(current, candidates, input)];
}

function launchFirst({ target, gone, held, hostPort, known, replacing }: PlanInput): Action[] {
  if (target === undefined || held) return [];
  const missed = known !== undefined && !replacing;
  const incident = missed ? { reason: Reason.Recreated, message: gone } : undefined;
  return [{ type: "launch", role: "current", hostPort, incident }];
}

/** What it takes where the place itself tries what is newer: it is asked once for each revision, and again when that failed. */
function follow(current: Workload, input: PlanInput): Action[] {
  const failed = current.state.kind === "failed" || current.rollout?.trouble !== undefined;
  const asked = current.rollout?.hash ?? current.hash;
  if (input.held || (asked === input.target && !failed)) return keep(current, input);
  return [{ type: "update", id: current.id }];
}

/** What it takes for a workload that is the right one, or the best there is, to run as it was made. */
function keep(current: Workload, { restartPolicy, held, resting, target, known, dormant }: PlanInput): Action[] {
  const { state, id } = current;
  const waits = held && current.hash === target;
  switch (state.kind) {
    case "running":
      if (current.drift.length === 0 || (hasLostSandbox(current) && resting)) return [];
      return [repair(current, current.drift.map(({ message }) => message).join("; "))];
    case "created":
      return waits || dormant ? [] : [start(current)];
    case "paused":
      return [
        { type: "start", id, incident: { reason: Reason.Repaired, message: "the container was paused; resumed it" } },
      ];
    // The place is at it, or waits for another revision.
    case "restarting":
    case "starting":
    case "failed":
      return [];
    case "exited": {
      if (waits || resting || dormant || isComplete(current, restartPolicy)) return [];
      const how = state.outOfMemory ? "at its memory limit, by the kernel" : `with exit code ${state.exitCode}`;
      const message = `the process had ended ${how}; started it again`;
      return [{ type: "start", id, incident: known === id ? { reason: Reason.Restarted, message } : undefined }];
    }
    default:
      return state satisfies never;
  }
}

/** Whether its process has no network, or none whose rules are known to hold, until it is mended and started again. */
export function hasLostSandbox({ drift }: Workload): boolean {
  return drift.some(({ kind }) => kind === "sandbox");
}

function replace(current: Workload, candidates: readonly Workload[], input: PlanInput): Action[] {
  const { target, held, proven, trial, serves, hostPort, excluded } = input;
  const candidate = candidates.find(({ hash }) => hash === target);
  const drop = (kept?: Workload) => candidates.filter(({ id }) => id !== kept?.id).map(({ id }) => remove(id));

  const failed = candidate !== undefined && trial === "failed" && !proven;
  if (held || failed) return [...drop(), ...keep(current, input)];
  if (candidate && trial === "pending" && !proven) {
    return [...drop(candidate), ...tend(candidate), ...keep(current, input)];
  }

  const passed = proven || excluded || candidate !== undefined;
  if (serves && !passed) {
    return [
      ...drop(),
      ...keep(current, input),
      { type: "launch", role: "candidate", hostPort: undefined, incident: undefined },
    ];
  }
  return [
    ...drop(),
    { type: "delete", id: current.id, graceful: isActive(current) },
    { type: "launch", role: "current", hostPort: hostPort ?? current.hostPort, incident: undefined },
  ];
}

/** Whether the process ended and its restart policy leaves it so. */
export function isComplete({ state }: Workload, restartPolicy: PlanInput["restartPolicy"]): boolean {
  if (state.kind !== "exited") return false;
  return restartPolicy === "Never" || (restartPolicy === "OnFailure" && state.exitCode === 0);
}

/** Whether its process runs, or will without anybody's doing, or is in the way of the next one. */
export function isActive({ state }: Workload): boolean {
  return state.kind !== "created" && state.kind !== "exited";
}

/** What it takes for a candidate to show what it can do. That it ended is an answer, and it is not started again. */
function tend(candidate: Workload): Action[] {
  if (candidate.state.kind === "created") return [start(candidate)];
  const isLost = candidate.state.kind === "running" && hasLostSandbox(candidate);
  return isLost ? [{ type: "repair", workload: candidate, incident: undefined }] : [];
}

function repair(workload: Workload, message: string): Action {
  return { type: "repair", workload, incident: { reason: Reason.Repaired, message } };
}

function remove(id: string): Action {
  return { type: "delete", id, graceful: false };
}

function start({ id }: Workload): Action {
  return { type: "start", id, incident: undefined };
}

function stop({ id }: Workload): Action {
  return { type: "stop", id };
}
