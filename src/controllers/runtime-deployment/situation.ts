import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment, RuntimeDeploymentStatus } from "../../api/v1alpha1/index.ts";
import type { Workload } from "../../backends/backend.ts";
import { inOneLine } from "../../machinery/one-line.ts";
import type { Exit, Facts, Note } from "./facts.ts";
import { isComplete } from "./plan.ts";
import { whatChanges, whatRuns } from "./what-runs.ts";

/** What a deployment amounts to at one moment: the rows of the table of states in docs/reference/conditions.md. */
export type Situation = Note &
  (
    | { readonly kind: "deleting" | "stopped" | "serving" | "completed" | "working" | "failing" }
    /** Nothing moves without a person. */
    | { readonly kind: "stalled" }
  );

/** Pure. `before` is the status as it was, of which a crash that is still being got over is remembered. */
export function situationOf(deployment: RuntimeDeployment, facts: Facts): Situation {
  if (facts.deleting) return { kind: "deleting", reason: Reason.Deleting, message: facts.deleting.message };
  const { failure, step } = facts;
  const served = serving(deployment, facts);
  if (served) return { kind: "serving", ...served };
  if (failure)
    return {
      kind: failure.kind === "refused" ? "stalled" : "failing",
      reason: failure.reason,
      message: failure.message,
    };
  if (facts.desiredState === "Stopped") return stopped(facts);
  if (facts.current && facts.upToDate) return unready(deployment, facts, facts.current);
  if (step) return { kind: "working", reason: step.reason, message: step.message };
  if (facts.current) return unready(deployment, facts, facts.current);
  return { kind: "working", reason: Reason.Pending, message: "waits for its turn" };
}

/** The note of Ready=True, or nothing. */
function serving(deployment: RuntimeDeployment, facts: Facts): Note | undefined {
  const { desiredState, probe, verdict, current, observed } = facts;
  if (desiredState === "Stopped") return undefined;
  if (observed && current?.state.kind !== "running") return undefined;
  if (current?.unreachable !== undefined && current.address !== undefined)
    return { reason: Reason.PlatformReady, message: `the backend says that it is ready; ${current.unreachable}` };
  if (facts.asleep)
    return {
      reason: Reason.ScaledToZero,
      message: "this revision answered, and is not asked again so that it can be at no instance; who asks wakes it",
    };
  if (probe === "none") {
    return current
      ? { reason: Reason.NotProbed, message: `${whatRuns(current)}; nothing is probed` }
      : lastKnown(deployment, facts);
  }
  if (verdict?.kind !== "ready") return lastKnown(deployment, facts);
  if (probe !== "mcp") return { reason: Reason.ProbeSucceeded, message: `the ${probe} probe succeeded` };
  const { protocolVersion, tools } = verdict.mcp ?? {};
  const what = [
    protocolVersion && `revision ${protocolVersion}`,
    tools !== undefined && (tools === 1 ? "1 tool" : `${tools} tools`),
  ];
  const details = what.filter(Boolean).join(", ");
  return { reason: Reason.Connected, message: details === "" ? "MCP answered" : `MCP answered: ${details}` };
}

/**
 * What the last probe said of this very process, where a controller that has just started has not yet asked often enough
 * to know better. Its own start is no news of the server.
 */
function lastKnown(deployment: RuntimeDeployment, facts: Facts): Note | undefined {
  const before = readyOf(deployment.status);
  const { verdict, overdue, probe, failureThreshold, observed } = facts;
  if (before?.status !== "True" || before.reason !== READY_REASON[probe]) return undefined;
  if (observed && !sameProcess(deployment, facts)) return undefined;
  if (verdict && (verdict.kind !== "pending" || verdict.failures >= failureThreshold || overdue)) return undefined;
  return { reason: before.reason, message: before.message };
}

const READY_REASON = {
  mcp: Reason.Connected,
  http: Reason.ProbeSucceeded,
  tcp: Reason.ProbeSucceeded,
  none: Reason.NotProbed,
} as const;

function sameProcess({ status }: RuntimeDeployment, { current }: Facts): boolean {
  return status?.workload?.id === current?.id && status?.workload?.startedAt === current?.startedAt;
}

function stopped({ current }: Facts): Situation {
  const active = current !== undefined && current.state.kind !== "exited" && current.state.kind !== "created";
  return active
    ? { kind: "working", reason: Reason.Stopping, message: whatChanges(current, "stop") }
    : { kind: "stopped", reason: Reason.Stopped, message: "stopped, as spec.desiredState asks" };
}

function unready(deployment: RuntimeDeployment, facts: Facts, current: Workload): Situation {
  const { state } = current;
  switch (state.kind) {
    case "created":
      return { kind: "working", reason: Reason.Starting, message: whatChanges(current, "start") };
    case "starting": {
      const { waitsFor } = state;
      const message = waitsFor === undefined ? "the backend brings it up" : `the backend brings it up: ${waitsFor}`;
      return { kind: "working", reason: Reason.Starting, message };
    }
    case "failed":
      return { kind: "failing", reason: state.reason, message: state.message };
    case "paused":
      return { kind: "working", reason: Reason.Starting, message: "the container is paused and is being resumed" };
    case "restarting":
      return crashed(deployment, facts, state);
    case "exited":
      return isComplete(current, facts.restartPolicy)
        ? ended(deployment, facts, state)
        : crashed(deployment, facts, state);
    case "running":
      // Started again by this controller or by the backend, it reads the same; what is said of a loop already stays.
      return facts.crash && !CRASHES.has(readyOf(deployment.status)?.reason ?? "")
        ? crashed(deployment, facts, facts.crash)
        : unanswered(deployment, facts, current);
    default:
      return state satisfies never;
  }
}

/** The process ended and its restart policy leaves it so. */
function ended(deployment: RuntimeDeployment, facts: Facts, exit: Exit): Situation {
  if (exit.outOfMemory) return { kind: "stalled", ...outOfMemory(deployment, facts) };
  if (exit.exitCode === 0)
    return { kind: "completed", reason: Reason.Completed, message: "the process ended with exit code 0" };
  const message = `the process ended with exit code ${exit.exitCode}${because(exit)} and restartPolicy leaves it so; ${logsHint(deployment)}`;
  return { kind: "stalled", reason: exit.error === "" ? Reason.Exited : Reason.StartFailed, message };
}

function crashed(deployment: RuntimeDeployment, facts: Facts, exit: Exit): Situation {
  const { restartCount, backingOff, current } = facts;
  if (exit.outOfMemory) return { kind: "failing", ...outOfMemory(deployment, facts) };
  const first = readyOf(deployment.status)?.status === "True" && !backingOff;
  if (first) {
    const message = `the process ended with exit code ${exit.exitCode} and is being started again`;
    return { kind: "working", reason: Reason.Starting, message };
  }
  const times = restartCount === 1 ? "once" : `${restartCount} times`;
  const again = restartCount === 0 ? "" : `, started again ${times}`;
  const waits = current?.state.kind === "running" ? "" : "; the next start waits";
  const message = `the process ended with exit code ${exit.exitCode}${because(exit)}${again}${waits}; ${logsHint(deployment)}`;
  return { kind: "failing", reason: exit.error === "" ? Reason.CrashLoopBackOff : Reason.StartFailed, message };
}

function because({ error }: Exit): string {
  return error === "" ? "" : ` (${inOneLine(error)})`;
}

/** It runs, and does not answer. */
function unanswered(deployment: RuntimeDeployment, facts: Facts, current: Workload): Situation {
  const { verdict, overdue } = facts;
  if (verdict?.kind === "failed") return { kind: "failing", ...verdict.failure };
  if (overdue) {
    const failure = verdict?.kind === "pending" ? verdict.failure : undefined;
    const last = failure ?? {
      reason: Reason.ProbeTimeout,
      message: "the server has not answered a probe yet",
    };
    // Of a server that others run there are no logs here.
    const hint = current.reach?.kind === "remote" ? "" : `; ${logsHint(deployment)}`;
    return { kind: "failing", reason: last.reason, message: `${last.message}${hint}` };
  }
  const before = readyOf(deployment.status);
  // A process in a crash loop runs for a moment, too; and who did not answer before has not done so yet.
  const crashing = CRASHES.has(before?.reason ?? "") && deployment.status?.workload?.id === current.id;
  const silent = PROBE_FAILURES.has(before?.reason ?? "") && sameProcess(deployment, facts);
  if (before && (crashing || silent)) return { kind: "failing", reason: before.reason, message: before.message };
  return { kind: "working", reason: Reason.Probing, message: `${whatRuns(current)}; its first answer is awaited` };
}

const CRASHES: ReadonlySet<string> = new Set([Reason.CrashLoopBackOff, Reason.OutOfMemory, Reason.StartFailed]);
const PROBE_FAILURES: ReadonlySet<string> = new Set([
  Reason.ProbeTimeout,
  Reason.ProbeRefused,
  Reason.ProbeInvalidAnswer,
]);

function outOfMemory({ status }: RuntimeDeployment, { guardrails = status?.guardrails }: Facts): Note {
  const limit = guardrails?.limits?.memory;
  const of = limit === undefined ? "" : ` of ${limit}`;
  const message = `the kernel ended the process at its memory limit${of}; raise spec.resources.memory`;
  return { reason: Reason.OutOfMemory, message };
}

function logsHint({ metadata }: RuntimeDeployment): string {
  return `see: slipway logs ${metadata.name} -n ${metadata.namespace}`;
}

function readyOf(status: RuntimeDeploymentStatus | undefined) {
  return status?.conditions?.find(({ type }) => type === ConditionType.Ready);
}
