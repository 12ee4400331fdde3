import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { Owner, Workload, WorkloadSpec } from "../../backends/backend.ts";
import type { EffectiveSpec } from "../../effective-spec/effective-spec.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { LiveBackend } from "../backend-registry.ts";
import type { Failure, Note } from "./facts.ts";
import type { Memory } from "./memory.ts";
import type { Incident } from "./plan.ts";

/** One reconcile: what is asked, and what its phases have found so far. */
export interface Scope {
  /** As it was when the reconcile began, or as a write of its own answered. */
  deployment: RuntimeDeployment;
  readonly generation: number;
  readonly owner: Owner;
  readonly memory: Memory;
  readonly signal: AbortSignal;
  live: LiveBackend | undefined;
  /** Whether the backend is still being set up, so that nothing can be said yet. */
  early: boolean;
  spec: EffectiveSpec | undefined;
  /** Undefined while the backend could not be asked. */
  observed: readonly Workload[] | undefined;
  /** What serves at another backend until the deployment has moved. */
  former: { readonly backend: string; readonly workload: Workload } | undefined;
  /** What should run; undefined while nobody can say. */
  target: WorkloadSpec | undefined;
  /** Names what an attempt at this revision depends on. A failure is held against it, and against nothing else. */
  token: string;
  accepted: boolean | undefined;
  image: string | undefined;
  step: Note | undefined;
  failure: Failure | undefined;
  /** The workload that ran at the last look and should still do. */
  readonly known: string | undefined;
  /** Whether that workload was being replaced at the last look. */
  readonly replacing: boolean;
  /** Whether this reconcile made a new current workload because the spec asks for it. */
  asked: boolean;
  readonly incidents: Incident[];
  readonly requeues: number[];
}

export function newScope(deployment: RuntimeDeployment, memory: Memory, signal: AbortSignal): Scope {
  const { uid, name, namespace = "", generation = 0 } = deployment.metadata;
  const { workload, phase, conditions } = deployment.status ?? {};
  const underTrial = getCondition(conditions, ConditionType.Reconciling)?.reason === Reason.Verifying;
  return {
    deployment,
    generation,
    owner: { uid, namespace, name },
    memory,
    signal,
    live: undefined,
    early: false,
    spec: undefined,
    observed: undefined,
    former: undefined,
    target: undefined,
    token: "",
    accepted: undefined,
    image: undefined,
    step: undefined,
    failure: undefined,
    known: phase === "Stopped" ? undefined : workload?.id,
    replacing: underTrial || workload?.generation !== generation,
    asked: false,
    incidents: [],
    requeues: [],
  };
}

/** Whether it runs somewhere else than at the backend chosen, by what was last known. */
export function isMoving({ deployment, live, memory }: Scope): boolean {
  const recorded = deployment.status?.workload?.backend;
  if (recorded === undefined || live === undefined) return false;
  return recorded !== live.name || (memory.instance !== undefined && memory.instance !== live.instance);
}

export function currentOf(observed: readonly Workload[] | undefined): Workload | undefined {
  return observed?.find(({ role }) => role === "current");
}

/** Names one process: a workload that was started again is another. */
export function instanceOf({ id, startedAt }: Pick<Workload, "id" | "startedAt">): string {
  return `${id}@${startedAt ?? ""}`;
}

/** Asks for another look after `ms`; the nearest of all that were asked for counts. */
export function lookAgain(scope: Scope, ms: number): void {
  scope.requeues.push(Math.max(0, ms));
}
