import type { ApprovalStatus } from "../../api/v1alpha1/index.ts";

/** What happened to an approval. */
export type ApprovalEvent = NonNullable<ApprovalStatus["history"]>[number]["type"];

/** One line of the audit log. */
export interface ApprovalRecord {
  readonly type: ApprovalEvent;
  /** User names of those who did it: the requesters, or who decided. Empty where time did. */
  readonly who: readonly string[];
  readonly digest: string;
  readonly namespace: string;
  readonly approval: { readonly name: string; readonly uid: string };
  readonly deployment: { readonly name: string; readonly uid: string };
  /** The reason that was given, or what led to it. Written by people: untrusted. */
  readonly reason: string | undefined;
  readonly at: Date;
}

/** Takes what happened before it is told of in a status, so that a crash in between repeats a line and loses none. */
export interface ApprovalAudit {
  /** Returns at once; never throws. */
  record(entry: ApprovalRecord): void;
  /** Resolves when what was recorded is on disk; at once while it cannot be, and in any case when `signal` is raised. */
  written?(signal: AbortSignal): Promise<void>;
  /** Has `listener` told why nothing can be written, whenever that changes; undefined: it can. No message holds a secret. */
  onTrouble?(listener: (problem: string | undefined) => void): void;
}
