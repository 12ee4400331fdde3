import type { Write, Writer } from "./write.ts";

/** What admission has to tell of approvals. What it lets through may still fail to be stored, as where somebody else was faster. */
export interface AdmissionEvent {
  readonly type: "Requested" | "Decided" | "Refused";
  readonly at: Date;
  readonly who: Writer;
  /** The client's address, where it is known. */
  readonly from: string | undefined;
  readonly operation: Write["operation"];
  readonly object: ObservedObject;
  /** Of what is asked: an Approval's, or the part of its own of a deployment, profile or backend. */
  readonly digest: string | undefined;
  /** Of a decision. */
  readonly verdict: "Approved" | "Rejected" | undefined;
  /** Why it was refused, or the reason that somebody gave. Written by people: untrusted. */
  readonly reason: string | undefined;
}

export interface ObservedObject {
  readonly kind: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  /** Undefined before there is one. */
  readonly uid: string | undefined;
}

/** Hears of what counts in the audit log, dry runs excluded. */
export interface AdmissionObserver {
  /** Returns at once; never throws. */
  observe(event: AdmissionEvent): void;
}
