import type { KubeObject } from "../api/meta.ts";
import { GUARDRAILS_BOUND_LABEL, type RuntimeBackend, type RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { ofNamespace, ofRuntimeBackend, ofRuntimeDeployment } from "./kinds.ts";
import type { Rule, Write } from "./write.ts";

/**
 * A name of a profile that is not there may be a typing error, or the profile may come next: the order in which a folder
 * is applied must not matter. So it is said, and not refused.
 */
export const unknownProfilesAreSaid: Rule = {
  concerns: (write) =>
    write.operation !== "DELETE" &&
    write.subresource === "" &&
    (ofRuntimeDeployment(write) || ofNamespace(write) || ofRuntimeBackend(write)),
  warnings(write, known) {
    const reference = referenceOf(write);
    if (reference === undefined || known.profile(reference.profile)) return [];
    const { path, profile, meanwhile } = reference;
    return [`${path}: GuardrailProfile ${JSON.stringify(profile)} does not exist; until it does, ${meanwhile}`];
  },
};

interface Reference {
  readonly path: string;
  readonly profile: string;
  /** What its absence means. */
  readonly meanwhile: string;
}

function referenceOf(write: Write): Reference | undefined {
  const object = write.object as KubeObject;
  if (ofRuntimeDeployment(write)) {
    const profile = (object as RuntimeDeployment).spec.guardrails?.profile;
    return profile === undefined
      ? undefined
      : { path: "spec.guardrails.profile", profile, meanwhile: "this deployment does not start" };
  }
  if (ofRuntimeBackend(write)) {
    const profile = (object as RuntimeBackend).spec.guardrailsBound;
    return profile === undefined
      ? undefined
      : { path: "spec.guardrailsBound", profile, meanwhile: "no deployment starts on this backend" };
  }
  // Empty is no bound: what a template leaves that was given none.
  const profile = object.metadata.labels?.[GUARDRAILS_BOUND_LABEL] || undefined;
  return profile === undefined
    ? undefined
    : {
        path: `metadata.labels[${GUARDRAILS_BOUND_LABEL}]`,
        profile,
        meanwhile: "no deployment starts in this namespace",
      };
}
