import { namespaces } from "../api/core.ts";
import type { ResourceType } from "../api/meta.ts";
import {
  approvalPolicies,
  approvals,
  guardrailProfiles,
  runtimeBackends,
  runtimeDeployments,
} from "../api/v1alpha1/index.ts";
import { CONTROLLER_USER } from "../approvals/people.ts";
import type { AdmissionHalf } from "./review.ts";

/** Both configurations have it. */
export const WEBHOOK_CONFIGURATION_NAME = "slipway-guardrails";

const CHANGES = ["CREATE", "UPDATE"];
const ALL = [...CHANGES, "DELETE"];
/** Answers take no time; whoever waits longer waits for a process that is gone. */
const TIMEOUT_SECONDS = 5;

/** `admissionregistration.k8s.io`, as far as it is written here. */
export interface WebhookConfiguration {
  readonly apiVersion: "admissionregistration.k8s.io/v1";
  readonly kind: "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration";
  readonly metadata: { readonly name: string };
  readonly webhooks: readonly object[];
}

/**
 * What tells an API server to ask for the admission rules at `urls`: first for stamps, then for everything else. Rules that may
 * refuse must be asked; where they only warn, a webhook that is gone must keep nobody from making a namespace.
 */
export function webhookConfigurations(
  urls: Readonly<Record<AdmissionHalf, string>>,
  caPem: string,
): readonly WebhookConfiguration[] {
  const asking = (half: AdmissionHalf) => ({
    clientConfig: { url: urls[half], caBundle: Buffer.from(caPem).toString("base64") },
    admissionReviewVersions: ["v1"],
    timeoutSeconds: TIMEOUT_SECONDS,
  });
  const metadata = { name: WEBHOOK_CONFIGURATION_NAME };
  const apiVersion = "admissionregistration.k8s.io/v1";
  // What is stamped and refused goes into the audit log, unless it is a dry run.
  const mustBeAsked = {
    failurePolicy: "Fail",
    sideEffects: "NoneOnDryRun",
    matchConditions: [NOT_THE_CONTROLLERS_OWN],
  };
  const onApprovals = [
    rule(approvals, ALL),
    ...[approvals, runtimeDeployments].map((type) => rule(type, ["UPDATE"], "/status")),
  ];
  return [
    {
      ...{ apiVersion, metadata, kind: "MutatingWebhookConfiguration" },
      webhooks: [
        {
          ...asking("stamps"),
          ...mustBeAsked,
          name: "stamps.admission.slipway.dev",
          // A stamp is over the object as all others have left it.
          reinvocationPolicy: "IfNeeded",
          rules: [...STAMPED.map((type) => rule(type, CHANGES)), ...onApprovals],
        },
      ],
    },
    {
      ...{ apiVersion, metadata, kind: "ValidatingWebhookConfiguration" },
      webhooks: [
        {
          ...asking("rules"),
          ...mustBeAsked,
          name: "guardrails.admission.slipway.dev",
          rules: [rule(guardrailProfiles, ALL), rule(runtimeDeployments, CHANGES), rule(runtimeBackends, CHANGES)],
        },
        {
          ...asking("rules"),
          ...mustBeAsked,
          name: "approvals.admission.slipway.dev",
          rules: [...onApprovals, rule(approvalPolicies, CHANGES)],
        },
        {
          ...asking("rules"),
          name: "warnings.admission.slipway.dev",
          failurePolicy: "Ignore",
          sideEffects: "None",
          rules: [rule(namespaces, CHANGES)],
        },
      ],
    },
  ];
}

const STAMPED: readonly ResourceType[] = [runtimeDeployments, guardrailProfiles, runtimeBackends];

/**
 * The finalizer and the status of a deployment, and the status of an Approval. A deployment must be able to go when nobody answers any more;
 * what the controller changes beside that has no stamp, and shows it.
 */
const NOT_THE_CONTROLLERS_OWN = {
  name: "not-the-controllers-own",
  expression: [
    `request.userInfo.username != '${CONTROLLER_USER}'`,
    "request.operation != 'UPDATE'",
    `!(request.resource.resource == '${runtimeDeployments.plural}' || (has(request.subResource) && request.subResource == 'status'))`,
  ].join(" || "),
};

function rule(
  { group, version, plural, namespaced }: ResourceType,
  operations: readonly string[],
  subresource: "" | "/status" = "",
): object {
  return {
    operations,
    ...{ apiGroups: [group], apiVersions: [version], resources: [`${plural}${subresource}`] },
    scope: namespaced ? "Namespaced" : "Cluster",
  };
}
