import { formatKey, keyOf, type ObjectKey } from "../../api/meta.ts";
import type { Approval, ApprovalPolicy, ApprovalStatus, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { StampKeys } from "../../approvals/stamp-keys.ts";
import { type ApprovalState, stateOf } from "../../approvals/state.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { EventRecorder } from "../../machinery/event-recorder.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Reconciler, Result } from "../../machinery/reconciler.ts";
import type { ApprovalAudit } from "./audit.ts";
import { eventOf } from "./events.ts";
import type { HistoryEntry } from "./history.ts";
import { type Notification, noticeId } from "./notices.ts";
import type { ApprovalNotifier, NoticeOutcome } from "./notifier.ts";
import { surplus } from "./prune.ts";
import { summarize } from "./status.ts";

export interface ApprovalPorts {
  /** With an index `deployment`, by its UID. */
  readonly approvals: Lister<Approval>;
  readonly policies: Lister<ApprovalPolicy>;
  readonly deployments: Lister<RuntimeDeployment>;
  /** The digest that a deployment asks for by now, by its UID; undefined while nobody knows. */
  readonly wanted: (uid: string) => string | undefined;
  readonly stampKeys: () => StampKeys | undefined;
  /** Answers what is stored then; the same object where nothing differs. */
  readonly writeStatus: (approval: Approval, status: ApprovalStatus, signal: AbortSignal) => Promise<Approval>;
  /** Fine when it is gone. */
  readonly remove: (approval: Approval, signal: AbortSignal) => Promise<void>;
  readonly enqueue: (key: ObjectKey) => void;
  readonly notifier: ApprovalNotifier;
  /** Told what became of a notice of a policy. */
  readonly onOutcome: (policy: ApprovalPolicy, channel: Notification["channel"], outcome: NoticeOutcome) => void;
  readonly audit: ApprovalAudit;
  readonly events: EventRecorder;
  readonly clock: Clock;
}

/** The longest that a status waits for the audit log. */
const AUDIT_WAIT_MS = 2_000;
/** A notice that there was no room for, as while its receiver is down, is handed in again after this. */
const ASK_AGAIN_MS = 5 * 60_000;
/** The wall clock, by which approvals expire, may jump: so often at least it is looked at. */
const LONGEST_WAIT_MS = 30 * 60_000;

/** What is remembered of one Approval until its status says it. Losing it repeats a line of the audit log, or a notice. */
interface Memory {
  readonly uid: string;
  /** Lines that the audit log and the events have already. */
  readonly recorded: Set<string>;
  /** By id of the notice. */
  readonly outcomes: Map<string, NoticeOutcome>;
}

/**
 * Reports how each Approval stands, and sees to it that time does its part: escalation, expiry, and the end of what nobody asks
 * for any more. What counts is computed from what is authentic; the status is a report of it.
 */
export class ApprovalReconciler implements Reconciler {
  readonly #ports: ApprovalPorts;
  readonly #memories = new Map<string, Memory>();

  constructor(ports: ApprovalPorts) {
    this.#ports = ports;
  }

  async reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result> {
    const { approvals, stampKeys, clock } = this.#ports;
    const approval = approvals.get(key);
    if (!approval || approval.metadata.deletionTimestamp) {
      this.#memories.delete(formatKey(key));
      return {};
    }
    const keys = stampKeys();
    const now = clock.now();
    const state = this.#judge(approval, stateOf(approval, keys, now));
    if (keys && this.#isSurplus(approval, state)) {
      await this.#ports.remove(approval, signal);
      return {};
    }
    const memory = this.#memoryOf(approval);
    const { status, happened } = summarize(approval, {
      state,
      keys,
      policies: this.#policiesOf(approval),
      told: (notification) => told(notification, memory.outcomes.get(noticeId(approval, notification))),
      trouble: troubleIn(memory),
      now,
    });
    // What the controller did not write is reported for what it is, and nothing is done about it.
    if (state.isSealed) await this.#tell(approval, memory, happened, signal);
    const after = await this.#ports.writeStatus(approval, status, signal);
    const hadRoom = this.#notify(approval, after, memory);
    const again = hadRoom ? [] : [ASK_AGAIN_MS];
    if (state.phase !== "Pending") return hadRoom ? {} : { requeueAfterMs: ASK_AGAIN_MS };
    const next = [state.expiresAt, ...(status.escalatedAt === undefined ? [state.escalatesAt] : [])];
    const waits = next.flatMap((at) => (at ? [at.getTime() - now.getTime()] : []));
    return { requeueAfterMs: Math.max(1, Math.min(LONGEST_WAIT_MS, ...again, ...waits)) };
  }

  /** A question that the deployment does not have any more is void. */
  #judge(approval: Approval, state: ApprovalState): ApprovalState {
    const { deploymentRef, digest } = approval.spec;
    if (state.phase !== "Pending") return state;
    const { name, uid } = deploymentRef;
    const deployment = this.#ports.deployments.get({ namespace: approval.metadata.namespace ?? "", name });
    const wanted = this.#ports.wanted(uid);
    const isGone = deployment?.metadata.uid !== uid || deployment.metadata.deletionTimestamp !== undefined;
    return isGone || (wanted !== undefined && wanted !== digest) ? { ...state, phase: "Superseded" } : state;
  }

  #isSurplus(approval: Approval, { phase }: ApprovalState): boolean {
    if (phase === "Pending" || approval.status?.phase !== phase) return false;
    const { uid } = approval.spec.deploymentRef;
    return surplus(this.#ports.approvals.byIndex("deployment", uid), this.#ports.wanted(uid)).includes(approval);
  }

  #policiesOf({ spec }: Approval): readonly ApprovalPolicy[] {
    return spec.policies.flatMap(({ name, uid }) => {
      const found = this.#ports.policies.get({ namespace: "", name });
      return found?.metadata.uid === uid ? [found] : [];
    });
  }

  /**
   * Once for each; again after a crash before the status was written. The status says nothing before the audit log has it on
   * disk, but a disk that fails delays nobody by much.
   */
  async #tell(
    approval: Approval,
    { recorded }: Memory,
    happened: readonly HistoryEntry[],
    signal: AbortSignal,
  ): Promise<void> {
    const { audit, events, deployments } = this.#ports;
    const { deploymentRef, digest, requesters } = approval.spec;
    const { name, namespace = "", uid } = approval.metadata;
    const deployment = deployments.get({ namespace, name: deploymentRef.name });
    for (const entry of happened) {
      const line = `${entry.type} ${entry.by} ${entry.at}`;
      if (recorded.has(line)) continue;
      recorded.add(line);
      const { type, by, message } = entry;
      const asked = type === "Requested" ? requesters.map(({ username }) => username) : [];
      const who = type === "Approved" || type === "Rejected" ? [by ?? ""] : asked;
      const at = new Date(entry.at);
      audit.record({
        type,
        who,
        digest,
        namespace,
        approval: { name, uid },
        deployment: deploymentRef,
        reason: message,
        at,
      });
      const note = eventOf(approval, entry);
      if (!note) continue;
      events.record(approval, note);
      if (deployment?.metadata.uid === deploymentRef.uid) events.record(deployment, note);
    }
    if (happened.length > 0) await audit.written?.(AbortSignal.any([signal, AbortSignal.timeout(AUDIT_WAIT_MS)]));
  }

  /** Everything that the status says is still to be told. Answers whether there was room for all of it. */
  #notify(before: Approval, after: Approval, memory: Memory): boolean {
    const { notifier, onOutcome, enqueue } = this.#ports;
    let hadRoom = true;
    for (const notification of after.status?.notifications ?? []) {
      const id = noticeId(before, notification);
      if (notification.state !== "Pending") memory.outcomes.delete(id);
      const known = memory.outcomes.get(id);
      if (notification.state !== "Pending" || (known && known.state !== "Retrying")) continue;
      const { event, channel } = notification;
      const policy = this.#policiesOf(after).find(({ metadata }) => metadata.name === notification.policy);
      if (!policy?.spec.notify?.[channel]) {
        memory.outcomes.set(id, {
          state: "Failed",
          at: this.#ports.clock.now(),
          message: "nobody wants to be told by now",
        });
        enqueue(keyOf(after));
        continue;
      }
      let isAsking = true;
      notifier.notify({ id, event, channel, approval: after, policy }, (outcome) => {
        memory.outcomes.set(id, outcome);
        onOutcome(policy, channel, outcome);
        // At once: there is no room, and to ask at once again would turn in circles.
        if (isAsking) hadRoom = false;
        else enqueue(keyOf(after));
      });
      isAsking = false;
    }
    return hadRoom;
  }

  #memoryOf({ metadata }: Approval): Memory {
    const key = formatKey({ namespace: metadata.namespace ?? "", name: metadata.name });
    const found = this.#memories.get(key);
    if (found?.uid === metadata.uid) return found;
    const fresh = { uid: metadata.uid, recorded: new Set<string>(), outcomes: new Map<string, NoticeOutcome>() };
    this.#memories.set(key, fresh);
    return fresh;
  }
}

function told(notification: Notification, outcome: NoticeOutcome | undefined): Notification {
  if (notification.state !== "Pending" || !outcome || outcome.state === "Retrying") return notification;
  return { ...notification, state: outcome.state, at: outcome.at.toISOString() };
}

function troubleIn({ outcomes }: Memory): string | undefined {
  for (const outcome of outcomes.values()) if (outcome.state === "Retrying") return outcome.message;
  return undefined;
}
