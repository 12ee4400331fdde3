import type { Secret } from "../../api/core.ts";
import type { Approval, ApprovalPolicy, ApprovalStatus } from "../../api/v1alpha1/index.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Runnable } from "../../machinery/runnable.ts";

type Told = NonNullable<ApprovalStatus["notifications"]>[number];

/** Something that one policy wants told, on one of its channels. Told again under the same `id` until it is known to be. */
export interface ApprovalNotice {
  /** Names approval (by UID), event, policy and channel. Receivers may tell a repetition by it. */
  readonly id: string;
  readonly event: Told["event"];
  readonly channel: Told["channel"];
  /** As it was when the notice was due. */
  readonly approval: Approval;
  /** As it is now, which has the addresses. */
  readonly policy: ApprovalPolicy;
}

/** What became of a notice, for people; no message holds a secret. */
export type NoticeOutcome =
  | { readonly state: "Delivered"; readonly at: Date }
  /** Another attempt follows by itself. */
  | { readonly state: "Retrying"; readonly at: Date; readonly message: string }
  /** None does. */
  | { readonly state: "Failed"; readonly at: Date; readonly message: string };

export interface ApprovalNotifier {
  /**
   * Takes a notice, and returns at once. Does nothing while one of the same id waits or is under way. `report` is called after
   * every attempt, at any time later, and at once for one that there is no room for (`Retrying`: the controller asks again).
   */
  notify(notice: ApprovalNotice, report: (outcome: NoticeOutcome) => void): void;
}

/** Makes the notifier of a process, which runs as a service. Secrets are read when they are needed. */
export type NotifierFactory = (secrets: Pick<Lister<Secret>, "get">) => ApprovalNotifier & Runnable;
