import type { AdmissionEvent, AdmissionObserver } from "../admission/observer.ts";
import { API_VERSION } from "../api/v1alpha1/index.ts";
import type { ApprovalLog } from "../audit/approval-log.ts";
import type { AuditEntry } from "../audit/audit-entry.ts";
import type { Clock } from "../machinery/clock.ts";
import type { EventRecorder } from "../machinery/event-recorder.ts";
import { TokenBucket } from "../machinery/token-bucket.ts";
import type { AuditEvent } from "../server/observe/audit-event.ts";
import { refusedAccess } from "./refused-access.ts";

/**
 * Refusals of one user that are listed: a thousand at once, then one a second. Who goes on fills no disk; the next that is listed
 * says how many were not.
 */
const REFUSALS_BURST = 1_000;
const REFUSAL_EVERY_MS = 1_000;
/** Users whose refusals are counted apart. */
const MOST_USERS = 1_000;

interface Budget {
  readonly bucket: TokenBucket;
  unlisted: number;
}

export interface AuditedAdmissionOptions {
  readonly log: ApprovalLog;
  readonly clock: Clock;
}

/** Writes what admission and access have to tell into the audit log, and what admission refuses as events of the object, too. */
export class AuditedAdmission implements AdmissionObserver {
  readonly #options: AuditedAdmissionOptions;
  readonly #budgets = new Map<string, Budget>();
  /** Set when there is an API server to send events to; earlier refusals have none. */
  events: EventRecorder | undefined;

  constructor(options: AuditedAdmissionOptions) {
    this.#options = options;
  }

  observe(event: AdmissionEvent): void {
    if (event.type === "Refused") this.#refused(event);
    else this.#options.log.append(entryOf(event));
  }

  /** Takes what the API server served: an attempt at approvals or policies that the right was missing for is a refusal, too. */
  served(event: AuditEvent): void {
    const refusal = refusedAccess(event, this.#options.clock.now());
    if (refusal) this.#appendRefusal(refusal);
  }

  #refused(event: AdmissionEvent): void {
    this.#record(event);
    this.#appendRefusal(entryOf(event));
  }

  #appendRefusal(entry: AuditEntry): void {
    const budget = this.#budgetOf(entry.who[0] ?? "");
    if (!budget.bucket.take(this.#options.clock.monotonicMs())) {
      budget.unlisted += 1;
      return;
    }
    const { unlisted } = budget;
    budget.unlisted = 0;
    this.#options.log.append({ ...entry, ...(unlisted > 0 && { unlisted }) });
  }

  #record({ object, who, operation, reason }: AdmissionEvent): void {
    const { kind, namespace, name, uid } = object;
    if (uid === undefined) return;
    const metadata = { name, uid, resourceVersion: "", creationTimestamp: "", ...(namespace !== "" && { namespace }) };
    this.events?.record(
      { apiVersion: API_VERSION, kind, metadata },
      {
        type: "Warning",
        reason: "WriteRefused",
        action: ACTIONS[operation],
        note: `${who.username} may not do this: ${reason ?? ""}`,
      },
    );
  }

  #budgetOf(user: string): Budget {
    const nowMs = this.#options.clock.monotonicMs();
    const known = this.#budgets.get(user);
    if (known) return known;
    const [oldest] = this.#budgets.keys();
    if (this.#budgets.size >= MOST_USERS && oldest !== undefined) this.#budgets.delete(oldest);
    const budget = { bucket: new TokenBucket(REFUSALS_BURST, REFUSAL_EVERY_MS, nowMs), unlisted: 0 };
    this.#budgets.set(user, budget);
    return budget;
  }
}

const ACTIONS = { CREATE: "Create", UPDATE: "Update", DELETE: "Delete" } as const;

function entryOf({ type, at, who, from, object, digest, verdict, reason }: AdmissionEvent): AuditEntry {
  const { kind, namespace, name, uid } = object;
  const named = { name, ...(uid !== undefined && { uid }) };
  return {
    ...{ type, at, part: "admission", who: [who.username], groups: who.groups, from },
    ...(namespace !== "" && { namespace }),
    ...(kind === "Approval" && { approval: named }),
    ...(kind === "RuntimeDeployment" && { deployment: named }),
    ...(kind !== "Approval" && kind !== "RuntimeDeployment" && { object: { kind, ...named } }),
    ...{ digest, verdict, reason },
  };
}
