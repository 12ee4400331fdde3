import { keyOf, type ObjectKey } from "../../api/meta.ts";
import type { ApprovalPolicy, ApprovalPolicyStatus } from "../../api/v1alpha1/index.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Reconciler, Result } from "../../machinery/reconciler.ts";
import type { NoticeOutcome } from "../approval/notifier.ts";
import { type Channel, summarize } from "./status.ts";

export interface ApprovalPolicyPorts {
  readonly policies: Lister<ApprovalPolicy>;
  /** Writes nothing when the status is so already. */
  readonly writeStatus: (policy: ApprovalPolicy, status: ApprovalPolicyStatus, signal: AbortSignal) => Promise<unknown>;
  readonly enqueue: (key: ObjectKey) => void;
  readonly clock: Clock;
}

/** Says of each policy whether its rules can be evaluated, and whether those whom it wants told hear of it. */
export class ApprovalPolicyReconciler implements Reconciler {
  readonly #ports: ApprovalPolicyPorts;
  /** By name, of one UID each: at most one entry for each policy and channel. */
  readonly #outcomes = new Map<string, { readonly uid: string; readonly newest: Map<Channel, NoticeOutcome> }>();

  #auditProblem: string | undefined;

  constructor(ports: ApprovalPolicyPorts) {
    this.#ports = ports;
  }

  /** Takes what became of a notice. */
  learn({ metadata: { name, uid } }: ApprovalPolicy, channel: Channel, outcome: NoticeOutcome): void {
    const known = this.#outcomes.get(name);
    const entry = known?.uid === uid ? known : { uid, newest: new Map<Channel, NoticeOutcome>() };
    entry.newest.set(channel, outcome);
    this.#outcomes.set(name, entry);
    this.#ports.enqueue({ namespace: "", name });
  }

  /** Takes why the audit log cannot be written; undefined: it can. */
  learnAudit(problem: string | undefined): void {
    this.#auditProblem = problem;
    for (const policy of this.#ports.policies.list()) this.#ports.enqueue(keyOf(policy));
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { policies, writeStatus, clock } = this.#ports;
    const policy = policies.get(key);
    if (!policy || policy.metadata.deletionTimestamp) {
      this.#outcomes.delete(key.name);
      return {};
    }
    const known = this.#outcomes.get(key.name);
    const outcomes = known?.uid === policy.metadata.uid ? known.newest : new Map<Channel, NoticeOutcome>();
    await writeStatus(policy, summarize(policy, { outcomes, auditProblem: this.#auditProblem }, clock.now()), signal);
    return {};
  }
}
