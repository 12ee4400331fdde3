import { ConditionType, Reason } from "../../api/v1alpha1/conditions.ts";
import type { GuardrailProfile, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { Owner, Workload, WorkloadSpec } from "../../backends/backend.ts";
import type { EffectiveSpec } from "../../effective-spec/effective-spec.ts";
import { type Upkeep, upkeepOf } from "../../effective-spec/upkeep.ts";
import { getCondition } from "../../machinery/conditions.ts";
import type { EventNote } from "../../machinery/event-recorder.ts";
import type { LiveBackend } from "../backend-registry.ts";
import type { BuildRecord } from "./build-record.ts";
import type { ApprovalFact, Exit, Failure, Note } from "./facts.ts";
import type { Revision } from "./gate/version.ts";
import type { Bounds } from "./guardrail-sources.ts";
import type { Memory } from "./memory.ts";
import type { Incident } from "./plan.ts";

/** Stands for what a status says already. */
export const UNCHANGED = "unchanged";

/** One reconcile: what is asked, and what its phases have found so far. */
export interface Scope {
  /** As it was when the reconcile began, or as a write of its own answered. */
  deployment: RuntimeDeployment;
  /** Of the version that is driven: an earlier one while this one awaits approval. */
  generation: number;
  readonly owner: Owner;
  readonly memory: Memory;
  readonly signal: AbortSignal;
  /** How what runs is asked, kept and stopped, also where the spec is refused. */
  upkeep: Upkeep;
  live: LiveBackend | undefined;
  /** `spec.type` of the RuntimeBackend, and the generation of its spec. */
  backendType: string;
  backendGeneration: number;
  /** Whether something is still being set up, so that nothing can be said yet. */
  early: boolean;
  /** What bounds it at the backend chosen; what its spec was judged by. */
  bounds: Bounds;
  profile: GuardrailProfile | undefined;
  /** Undefined while it is refused, or nobody can say. */
  spec: EffectiveSpec | undefined;
  /** Whether a policy or an Approval may have something against what is asked for. */
  gated: boolean;
  /** What was let through, exactly; undefined where nobody had to judge it. */
  revision: Revision | undefined;
  /** Of what is driven, as `status.workload.digest` has it; `unchanged` where nobody can say more than the status. */
  digest: string | undefined | typeof UNCHANGED;
  /** How what is asked for stands to those who may approve it, and the Approval that says so. */
  approval: ApprovalFact | undefined;
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
  /** Of a git source: its build as the status says, or as was found since. */
  build: BuildRecord | undefined;
  /** What its variables and dependencies speak of and is not there. */
  wiringNotes: readonly string[];
  step: Note | undefined;
  failure: Failure | undefined;
  /** The workload that ran at the last look and should still do. */
  known: string | undefined;
  /** Whether that workload was being replaced at the last look. */
  replacing: boolean;
  /** Whether this reconcile made a new current workload because the spec asks for it. */
  asked: boolean;
  /** Whether it was mended in a way that started it, though nobody asked for that. */
  mended: boolean;
  /** How the process had ended that this reconcile started again. */
  crash: Exit | undefined;
  /** Whether something is wider than its bound and could not be taken away, so that nothing may start beside it. */
  stuck: boolean;
  readonly incidents: Incident[];
  /** Further events to record. */
  readonly notes: EventNote[];
  readonly requeues: number[];
}

export function newScope(deployment: RuntimeDeployment, memory: Memory, signal: AbortSignal): Scope {
  const { uid, name, namespace = "", generation = 0 } = deployment.metadata;
  const { workload, phase } = deployment.status ?? {};
  return {
    deployment,
    generation,
    owner: { uid, namespace, name },
    memory,
    signal,
    upkeep: upkeepOf(deployment),
    live: undefined,
    backendType: "",
    backendGeneration: 0,
    early: false,
    bounds: { known: [], problem: undefined },
    profile: undefined,
    spec: undefined,
    gated: false,
    revision: undefined,
    digest: UNCHANGED,
    approval: undefined,
    observed: undefined,
    former: undefined,
    target: undefined,
    token: "",
    accepted: undefined,
    image: undefined,
    build: deployment.status?.build,
    wiringNotes: [],
    step: undefined,
    failure: undefined,
    known: phase === "Stopped" || phase === "PendingApproval" ? undefined : workload?.id,
    replacing: isUnderTrial(deployment) || workload?.generation !== generation,
    asked: false,
    mended: false,
    crash: undefined,
    stuck: false,
    incidents: [],
    notes: [],
    requeues: [],
  };
}

/** Whether, by its status, something newer is tried beside what serves, or is about to take over. */
export function isUnderTrial({ status }: RuntimeDeployment): boolean {
  const step = getCondition(status?.conditions, ConditionType.Reconciling)?.reason;
  return step === Reason.Verifying || step === Reason.Draining;
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

/** The generation of the spec that a workload is known to have matched: its own, or a later one that changed nothing. */
export function matchedGeneration({ deployment }: Scope, workload: Workload): number {
  const recorded = deployment.status?.workload;
  const since = recorded?.id === workload.id ? (recorded.generation ?? 0) : 0;
  return Math.max(workload.generation, since);
}

/** What a workload is to be made from by now: of the revision that its place is trying, where there is one. */
export function askedHash({ hash, rollout }: Workload): string {
  return rollout?.hash ?? hash;
}

/** Whether the controller asks a workload itself how it is, by its probe and its endpoint. */
export function isProbed({ unreachable }: Workload, { health }: Upkeep): boolean {
  return health.probe !== "none" && unreachable === undefined;
}

/** Asks for another look after `ms`; the nearest of all that were asked for counts. */
export function lookAgain(scope: Scope, ms: number): void {
  scope.requeues.push(Math.max(0, ms));
}
