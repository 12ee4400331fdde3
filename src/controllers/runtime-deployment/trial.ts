import { formatMemory } from "../../api/quantity.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { Workload } from "../../backends/backend.ts";
import type { EffectiveSpec } from "../../effective-spec/effective-spec.ts";
import type { ProbeVerdict } from "../../probe/prober.ts";
import type { Exit, Note } from "./facts.ts";
import { isComplete } from "./plan.ts";

export type TrialResult =
  | { readonly kind: "passed" }
  /** `recheckMs`: when time alone may change the answer. */
  | { readonly kind: "pending"; readonly recheckMs: number | undefined }
  | { readonly kind: "failed"; readonly failure: Note };

export interface TrialInput {
  readonly candidate: Workload;
  readonly spec: Pick<EffectiveSpec, "health" | "restartPolicy" | "limits">;
  readonly verdict: ProbeVerdict | undefined;
  /** Milliseconds since its process was first seen. */
  readonly ageMs: number;
}

/** Where nothing is probed, a process that still runs after this long counts as started. */
const SETTLE_MS = 3_000;
/** A server is given at least this long for its first answer: large images unpack, interpreters warm up. */
const LEAST_PATIENCE_MS = 60_000;

/** How long a first answer is awaited before a candidate counts as failed. */
export function patienceMs({ periodMs, failureThreshold }: EffectiveSpec["health"]): number {
  return Math.max(LEAST_PATIENCE_MS, periodMs * failureThreshold);
}

/** Pure. Whether a newer revision, tried beside the one that serves, may take its place. */
export function judge({ candidate, spec, verdict, ageMs }: TrialInput): TrialResult {
  const { state } = candidate;
  const unprobed = spec.health.probe === "none";
  switch (state.kind) {
    case "created":
    case "paused":
    case "starting":
      return { kind: "pending", recheckMs: undefined };
    case "failed":
      return { kind: "failed", failure: state };
    case "restarting":
      return failed(state, spec);
    case "exited":
      return unprobed && state.exitCode === 0 && isComplete(candidate, spec.restartPolicy)
        ? { kind: "passed" }
        : failed(state, spec);
    case "running":
      break;
    default:
      return state satisfies never;
  }
  if (candidate.platformRestarts > 0) return crashed("ended and was started again by the backend");
  if (unprobed) return ageMs >= SETTLE_MS ? { kind: "passed" } : { kind: "pending", recheckMs: SETTLE_MS - ageMs };
  if (verdict?.kind === "ready") return { kind: "passed" };
  const patience = patienceMs(spec.health);
  if (verdict?.kind !== "failed" && ageMs < patience) return { kind: "pending", recheckMs: patience - ageMs };
  const failure = verdict?.failure ?? { reason: Reason.ProbeTimeout, message: `no answer within ${patience / 1000} s` };
  return { kind: "failed", failure };
}

function failed({ exitCode, outOfMemory, error }: Exit, { limits }: TrialInput["spec"]): TrialResult {
  if (!outOfMemory && error !== "") {
    const message = `its process ended with exit code ${exitCode} (${error})`;
    return { kind: "failed", failure: { reason: Reason.StartFailed, message } };
  }
  if (!outOfMemory) return crashed(`ended with exit code ${exitCode}`);
  const message = `the kernel ended its process at its memory limit of ${formatMemory(limits.memoryBytes)}; raise spec.resources.memory`;
  return { kind: "failed", failure: { reason: Reason.OutOfMemory, message } };
}

function crashed(how: string): TrialResult {
  return { kind: "failed", failure: { reason: Reason.CrashLoopBackOff, message: `its process ${how}` } };
}
