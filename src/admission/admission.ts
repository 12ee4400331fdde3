import type { KubeObject } from "../api/meta.ts";
import type { Approval } from "../api/v1alpha1/index.ts";
import { ownDigest } from "../approvals/own-digest.ts";
import { addedDecision } from "./approval-decision.ts";
import { specOf } from "./approval-writes.ts";
import { ofApproval } from "./kinds.ts";
import type { AdmissionEvent, AdmissionObserver } from "./observer.ts";
import { refusalStatus } from "./refusal-status.ts";
import { isRequest } from "./requester-stamps.ts";
import { type Amended, amend, judge, type Verdict } from "./rules.ts";
import type { Known, Refusal, Write } from "./write.ts";

/** A write and the kind that refusals of it name. */
export interface NamedWrite extends Write {
  readonly kind: string;
}

/** The rules with what they know, and with who hears of them: the same in process and as a webhook. */
export class Admission {
  readonly #known: Known;
  readonly #observer: AdmissionObserver | undefined;

  constructor(known: Known, observer?: AdmissionObserver) {
    this.#known = known;
    this.#observer = observer;
  }

  /** The first half: what to store instead, or why not. Undefined: as it is. */
  amend(write: NamedWrite): Amended | undefined {
    const amended = amend(write, this.#known);
    if (amended?.refusal) this.#tellRefusal(write, amended.refusal, amended.isAudited);
    return amended;
  }

  /** The second half. */
  judge(write: NamedWrite): Verdict {
    const verdict = judge(write, this.#known);
    if (verdict.refusal) this.#tellRefusal(write, verdict.refusal, verdict.isAudited);
    else if (verdict.isAudited) this.#tellStamp(write);
    return verdict;
  }

  #tellRefusal(write: NamedWrite, refusal: Refusal, isAudited: boolean): void {
    if (isAudited) this.#tell(write, { type: "Refused", reason: refusalStatus(refusal, write).message });
  }

  /** Where nobody asks for approval, a write is no request for one. */
  #tellStamp(write: NamedWrite): void {
    if (ofApproval(write)) {
      const decision = write.operation === "UPDATE" && write.subresource === "" ? addedDecision(write) : undefined;
      if (decision) this.#tell(write, { type: "Decided", verdict: decision.verdict, reason: decision.reason });
    } else if (isRequest(write) && this.#known.hasApprovalPolicies()) this.#tell(write, { type: "Requested" });
  }

  #tell(write: NamedWrite, what: Pick<AdmissionEvent, "type"> & Partial<AdmissionEvent>): void {
    if (write.dryRun) return;
    const { operation, kind, namespace, name, user, from } = write;
    this.#observer?.observe({
      ...{ at: this.#known.now(), who: user, from, operation, verdict: undefined, reason: undefined },
      object: { kind, namespace, name, uid: (write.oldObject ?? write.object)?.metadata.uid },
      digest: digestOf(write),
      ...what,
    });
  }
}

function digestOf(write: NamedWrite): string | undefined {
  // An Approval that somebody makes up has any shape; what is stored is what it is about.
  const object = (ofApproval(write) ? write.oldObject : undefined) ?? (write.object as KubeObject);
  if (!ofApproval(write)) return ownDigest(object);
  const { digest } = specOf(object) as Partial<Approval["spec"]>;
  return typeof digest === "string" ? digest : undefined;
}
