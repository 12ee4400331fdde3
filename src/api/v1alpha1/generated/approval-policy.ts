// Generated from the schema by scripts/generate.ts. Do not edit.
import type { KubeObject } from "../../meta.ts";

/** Which deployments need the approval of a person before they run. */
export interface ApprovalPolicy extends KubeObject {
  apiVersion: "slipway.dev/v1alpha1";
  kind: "ApprovalPolicy";
  spec: ApprovalPolicySpec;
  status?: ApprovalPolicyStatus;
}

/**
 * Which deployments need approval, by whom, and for how long it is waited.
 */
export interface ApprovalPolicySpec {
  /**
   * Namespaces, by their labels, whose deployments the policy concerns. Empty: all.
   */
  namespaceSelector: {
    /**
     * Labels with their values; all must match.
     */
    matchLabels?: {
      [k: string]: string;
    };
    /**
     * Requirements; all must match.
     *
     * @maxItems 64
     */
    matchExpressions?: {
      /**
       * The label.
       */
      key: string;
      /**
       * How the label relates to the values.
       */
      operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
      /**
       * Some for In and NotIn, none for the others.
       *
       * @maxItems 64
       */
      values?: string[];
    }[];
  };
  /**
   * Any that matches asks for approval.
   *
   * @minItems 1
   * @maxItems 32
   *
   * Items: Asks for approval when any of its members matches. What has to match together is a rule of cel.
   */
  rules: {
    /**
     * What the rule is called in approvals.
     */
    name: string;
    /**
     * Members of spec.source: servers that come from such a source.
     *
     * @maxItems 64
     */
    sourceTypes?: ("image" | "git" | "package" | "process" | "remote")[];
    /**
     * Images from anywhere but these registries, or registry/repository prefixes by whole path segments: docker.io/library covers nginx. Of no registry, and so from elsewhere, are images that are built from git, wherever they are pushed, image IDs, and images with pullPolicy Never.
     *
     * @maxItems 64
     */
    registryNotIn?: string[];
    /**
     * GuardrailProfiles by name.
     *
     * @maxItems 64
     *
     * Items: Name of the object.
     */
    profiles?: string[];
    /**
     * A GuardrailProfile: guardrails that are, with overrides and in any field, wider than it has them.
     */
    weakerThan?: string;
    /**
     * RuntimeBackends by name.
     *
     * @maxItems 64
     *
     * Items: Name of the object.
     */
    backends?: string[];
    /**
     * Servers that may use more CPU than this, all instances together, or as much as there is.
     */
    cpuAbove?: number | string;
    /**
     * Servers that may use more memory than this, all instances together, or as much as there is.
     */
    memoryAbove?: number | string;
    /**
     * A CEL expression over `effective`, the effective spec as Approval.spec.effective shows it, with the libraries that Kubernetes has. One that cannot be evaluated asks for approval: use has() for what may be absent.
     */
    cel?: string;
  }[];
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
    required: number;
  };
  /**
   * Whether someone whose own writes made up the request counts as an approver of it.
   */
  requesterMayApprove: boolean;
  /**
   * Requests by a service account, such as Argo CD's, have no person behind them: two approvers at least, as many as otherwise, or refused.
   */
  serviceAccountRequests: "TwoApprovers" | "Allow" | "Refuse";
  /**
   * Hours after which a request that nobody has decided expires.
   */
  timeoutHours: number;
  /**
   * What becomes of the version that was approved while a newer one awaits approval.
   */
  onChange: "KeepRunning" | "Stop";
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
  /**
   * Who is told of requests, escalations, decisions and expiries.
   */
  notify?: {
    /**
     * A POST of JSON, which chat tools understand, too.
     */
    webhook?: {
      /**
       * Where the URL is; it often is a secret by itself. A ca.crt beside it is trusted instead of the usual authorities.
       */
      urlSecretRef: {
        /**
         * Namespace of the Secret.
         */
        namespace: string;
        /**
         * Name of the Secret.
         */
        name: string;
        /**
         * Key in the Secret.
         */
        key: string;
      };
      /**
       * Key of the HMAC that signs each body.
       */
      signingSecretRef?: {
        /**
         * Namespace of the Secret.
         */
        namespace: string;
        /**
         * Name of the Secret.
         */
        name: string;
        /**
         * Key in the Secret.
         */
        key: string;
      };
    };
    /**
     * E-mail by SMTP.
     */
    email?: {
      /**
       * Addresses.
       *
       * @minItems 1
       * @maxItems 32
       */
      to: string[];
      /**
       * Secret with host, port, from and, where the server wants them, username and password; optionally tls: implicit, starttls or none, and ca.crt.
       */
      smtpSecretRef: {
        /**
         * Namespace of the object.
         */
        namespace: string;
        /**
         * Name of the object.
         */
        name: string;
      };
    };
  };
}

/**
 * Whether the policy can be applied. Written by the controller.
 */
export interface ApprovalPolicyStatus {
  /**
   * The generation of the spec that this status speaks of.
   */
  observedGeneration?: number;
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
}
