import type { ObjectMeta } from "../../../api/meta.ts";
import type { LabelSelector } from "../../selectors/label-selector.ts";

/** `admissionregistration.k8s.io`, whose own objects no webhook is asked about: a broken one could not be repaired. */
export const WEBHOOK_GROUP = "admissionregistration.k8s.io";

export const mutatingConfigurations = { group: WEBHOOK_GROUP, plural: "mutatingwebhookconfigurations" } as const;
export const validatingConfigurations = { group: WEBHOOK_GROUP, plural: "validatingwebhookconfigurations" } as const;

/** A MutatingWebhookConfiguration or ValidatingWebhookConfiguration as it is stored: defaulted and valid. */
export interface WebhookConfiguration {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  webhooks?: readonly Webhook[];
}

export interface Webhook {
  readonly name: string;
  readonly clientConfig: WebhookClientConfig;
  readonly rules?: readonly RuleWithOperations[];
  readonly failurePolicy: "Fail" | "Ignore";
  readonly matchPolicy: "Equivalent" | "Exact";
  readonly namespaceSelector: LabelSelector;
  readonly objectSelector: LabelSelector;
  /** Both are called in a dry run, which tells them so; version 1 takes no webhook that could not be. */
  readonly sideEffects: "None" | "NoneOnDryRun";
  readonly timeoutSeconds: number;
  readonly admissionReviewVersions: readonly string[];
  readonly matchConditions?: readonly MatchCondition[];
  /** Of mutating webhooks only. */
  readonly reinvocationPolicy?: "Never" | "IfNeeded";
}

/** Either `url` or `service`. */
export interface WebhookClientConfig {
  readonly url?: string;
  readonly service?: ServiceReference;
  /** PEM in base64; the system's roots where there is none. */
  readonly caBundle?: string;
}

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  readonly path?: string;
  readonly port: number;
}

export interface RuleWithOperations {
  readonly operations: readonly string[];
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly resources: readonly string[];
  readonly scope: "*" | "Cluster" | "Namespaced";
}

/** A CEL expression that must hold for the webhook to be called. */
export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
}
