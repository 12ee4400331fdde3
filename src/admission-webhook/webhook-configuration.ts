import { namespaces } from "../api/core.ts";
import type { ResourceType } from "../api/meta.ts";
import { guardrailProfiles, runtimeBackends, runtimeDeployments } from "../api/v1alpha1/index.ts";

export const WEBHOOK_CONFIGURATION_NAME = "slipway-guardrails";

const CHANGES = ["CREATE", "UPDATE"];
const ALL = [...CHANGES, "DELETE"];
/** Answers take no time; whoever waits longer waits for a process that is gone. */
const TIMEOUT_SECONDS = 5;

/** `admissionregistration.k8s.io` ValidatingWebhookConfiguration, as far as it is written here. */
export interface GuardrailWebhooks {
  readonly apiVersion: "admissionregistration.k8s.io/v1";
  readonly kind: "ValidatingWebhookConfiguration";
  readonly metadata: { readonly name: string };
  readonly webhooks: readonly object[];
}

/**
 * What tells an API server to ask for the admission rules at `url`. Rules that may refuse must be asked; where they only
 * warn, a webhook that is gone must keep nobody from making a namespace.
 */
export function webhookConfiguration(url: string, caPem: string): GuardrailWebhooks {
  const common = {
    clientConfig: { url, caBundle: Buffer.from(caPem).toString("base64") },
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    timeoutSeconds: TIMEOUT_SECONDS,
  };
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: WEBHOOK_CONFIGURATION_NAME },
    webhooks: [
      {
        ...common,
        name: "guardrails.admission.slipway.dev",
        failurePolicy: "Fail",
        rules: [rule(guardrailProfiles, ALL), rule(runtimeDeployments, CHANGES)],
      },
      {
        ...common,
        name: "warnings.admission.slipway.dev",
        failurePolicy: "Ignore",
        rules: [rule(runtimeBackends, CHANGES), rule(namespaces, CHANGES)],
      },
    ],
  };
}

function rule({ group, version, plural, namespaced }: ResourceType, operations: readonly string[]): object {
  return {
    operations,
    ...{ apiGroups: [group], apiVersions: [version], resources: [plural] },
    scope: namespaced ? "Namespaced" : "Cluster",
  };
}
