// Generated from the schema by scripts/generate.ts. Do not edit.
import type { KubeObject } from "../../meta.ts";

/** May this exact deployment run? Made by the controller, decided by people. */
export interface Approval extends KubeObject {
  apiVersion: "slipway.dev/v1alpha1";
  kind: "Approval";
  spec: ApprovalSpec;
  status?: ApprovalStatus;
}

/**
 * What is asked. Written by the controller; after creation only decisions grows.
 */
export interface ApprovalSpec {
  /**
   * The RuntimeDeployment, in the same namespace, that may not run without.
   */
  deploymentRef: {
    /**
     * Its name.
     */
    name: string;
    /**
     * Its UID: one made anew under its name is another.
     */
    uid: string;
  };
  /**
   * The generation of the deployment that was asked about first.
   */
  generation?: number;
  /**
   * Digest of effective: what a yes is a yes to.
   */
  digest: string;
  /**
   * The whole effective spec: what is reviewed, and what repairs the server while a newer version awaits approval.
   */
  effective: {};
  /**
   * All whose writes make up the difference to the version approved last.
   *
   * @maxItems 256
   */
  requesters: {
    /**
     * User name.
     */
    username: string;
    /**
     * Groups at the time of writing.
     *
     * @maxItems 256
     */
    groups?: string[];
  }[];
  /**
   * What the effective spec was made from, so that later writes to it can be told from earlier ones.
   *
   * @maxItems 8
   */
  inputs?: {
    /**
     * Its kind.
     */
    kind: string;
    /**
     * Its name.
     */
    name: string;
    /**
     * Its UID.
     */
    uid: string;
    /**
     * Digest of what a requester can change in it.
     */
    digest: string;
  }[];
  /**
   * Value of the annotation slipway.dev/request that led to this request.
   */
  request?: string;
  /**
   * When it was asked.
   */
  requestedAt: string;
  /**
   * The policies that asked, as they were then.
   *
   * @minItems 1
   * @maxItems 64
   */
  policies: {
    /**
     * Name of the ApprovalPolicy.
     */
    name: string;
    /**
     * Its UID.
     */
    uid: string;
    /**
     * Who decides.
     */
    approvers: {
      /**
       * Groups, as the API server knows them.
       *
       * @maxItems 64
       */
      groups?: string[];
      /**
       * User names, as the API server knows them.
       *
       * @maxItems 64
       */
      users?: string[];
      /**
       * How many different approvers must say yes.
       */
      required?: number;
    };
    /**
     * Whether someone whose own writes made up the request counts as an approver of it.
     */
    requesterMayApprove?: boolean;
    /**
     * Requests by a service account, such as Argo CD's, have no person behind them: two approvers at least, as many as otherwise, or refused.
     */
    serviceAccountRequests?: "TwoApprovers" | "Allow" | "Refuse";
    /**
     * Hours after which a request that nobody has decided expires.
     */
    timeoutHours: number;
    /**
     * Who may decide, too, when nobody has for so long.
     */
    escalation?: {
      /**
       * Hours after the request.
       */
      afterHours: number;
      /**
       * Groups, as the API server knows them.
       *
       * @maxItems 64
       */
      groups?: string[];
      /**
       * User names, as the API server knows them.
       *
       * @maxItems 64
       */
      users?: string[];
    };
  }[];
  /**
   * Every rule that matched.
   *
   * @minItems 1
   * @maxItems 256
   */
  triggers: {
    /**
     * The ApprovalPolicy.
     */
    policy: string;
    /**
     * Its rule.
     */
    rule: string;
    /**
     * What matched.
     */
    message: string;
  }[];
  /**
   * What helps to decide.
   */
  review?: {
    /**
     * How far the backend enforces each guardrail.
     *
     * @maxItems 32
     */
    enforcement?: {
      /**
       * Field of the profile, for example network.allowedHosts.
       */
      field: string;
      /**
       * How far the backend sees to it.
       */
      enforcement: "Enforced" | "Partial" | "NotEnforced";
      /**
       * How, or why not.
       */
      reason: string;
    }[];
    /**
     * Field by field, the difference to the version approved last. Empty: there is none.
     *
     * @maxItems 256
     */
    changes?: {
      /**
       * Path in the effective spec.
       */
      field: string;
      /**
       * As approved, in JSON. Absent: it was not there.
       */
      from?: string;
      /**
       * As asked for, in JSON. Absent: it is there no more.
       */
      to?: string;
    }[];
    /**
     * What the annotation slipway.dev/scan of the deployment says, unverified.
     */
    scan?: {};
  };
  /**
   * Proves that the controller wrote all but decisions.
   */
  seal: string;
  /**
   * Decisions, in the order in which they were made. Append one by `slipway approve` or a JSON patch.
   *
   * @maxItems 64
   *
   * Items: What one person said.
   */
  decisions: {
    /**
     * Yes or no. One no rejects.
     */
    verdict: "Approved" | "Rejected";
    /**
     * Why, for the requesters and for the record.
     */
    reason?: string;
    /**
     * Who. Stamped at admission, whatever was sent.
     */
    by?: string;
    /**
     * When. Stamped at admission.
     */
    at?: string;
    /**
     * The policies that take the person for an approver. Stamped at admission.
     *
     * @maxItems 64
     *
     * Items: Name of an ApprovalPolicy.
     */
    policies?: string[];
    /**
     * Proves that admission wrote the rest.
     */
    stamp?: string;
  }[];
}

/**
 * How it stands. Written by the controller.
 */
export interface ApprovalStatus {
  /**
   * The generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
  /**
   * Summary of the conditions.
   */
  phase?: "Pending" | "Approved" | "Rejected" | "Expired" | "Superseded";
  /**
   * When it expires unless it is decided.
   */
  expiresAt?: string;
  /**
   * When it stopped to be Pending.
   */
  decidedAt?: string;
  /**
   * Whose decisions did it.
   *
   * @maxItems 64
   */
  decidedBy?: string[];
  /**
   * When those named by escalation were asked, too.
   */
  escalatedAt?: string;
  /**
   * The first image that ran by it, where spec.effective could not name one. It runs no other.
   */
  image?: string;
  /**
   * What is true of this object, by the conventions of Kubernetes and kstatus.
   *
   * @maxItems 32
   */
  conditions?: {
    /**
     * What the condition is about.
     */
    type: string;
    /**
     * Whether it holds.
     */
    status: "True" | "False" | "Unknown";
    /**
     * Why, as one word for programs.
     */
    reason: string;
    /**
     * Why, and what to do, for people.
     */
    message: string;
    /**
     * When status last changed.
     */
    lastTransitionTime: string;
    /**
     * The generation that this was found true of.
     */
    observedGeneration?: number;
  }[];
  /**
   * What happened, in order; only ever appended to.
   *
   * @maxItems 128
   */
  history?: {
    /**
     * What.
     */
    type: "Requested" | "Escalated" | "Approved" | "Rejected" | "Decided" | "Expired" | "Superseded";
    /**
     * When.
     */
    at: string;
    /**
     * Who.
     */
    by?: string;
    /**
     * The reason given, or what led to it.
     */
    message?: string;
  }[];
  /**
   * Who was told of what.
   *
   * @maxItems 64
   */
  notifications?: {
    /**
     * Of what.
     */
    event: "Requested" | "Escalated" | "Approved" | "Rejected" | "Expired";
    /**
     * By which ApprovalPolicy.
     */
    policy: string;
    /**
     * How.
     */
    channel: "webhook" | "email";
    /**
     * Whether it was taken. Pending: it is still tried.
     */
    state: "Pending" | "Delivered" | "Failed";
    /**
     * When.
     */
    at?: string;
  }[];
}
