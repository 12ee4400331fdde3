import { formatKey, type KubeObject, keyOf } from "../api/meta.ts";
import { GUARDRAILS_BOUND_LABEL } from "../api/v1alpha1/index.ts";
import { profileNameOf } from "../effective-spec/effective-spec.ts";
import { listing } from "../guardrails/listing.ts";
import { ofGuardrailProfile } from "./kinds.ts";
import type { Known, Rule } from "./write.ts";

/**
 * A profile that something names is not deleted. Without it nothing of its deployments would start any more, and a
 * namespace or backend that it bounds would take none. What is being deleted does not count, so that one
 * `kubectl delete -f` may name a profile and all that uses it.
 */
export const profileInUseStays: Rule = {
  concerns: (write) => ofGuardrailProfile(write) && write.operation === "DELETE" && write.subresource === "",
  refusal({ name }, known) {
    const users = usersOf(name, known);
    if (users.length === 0) return undefined;
    return {
      reason: "Conflict",
      because: `it is in use by ${users.join("; by ")}. Let them name another profile, or delete them, first`,
    };
  },
};

function usersOf(profile: string, known: Known): string[] {
  const deployments = known.deployments().filter(({ spec }) => profileNameOf(spec) === profile);
  const namespaces = known.namespaces().filter(({ metadata }) => metadata.labels?.[GUARDRAILS_BOUND_LABEL] === profile);
  const backends = known.backends().filter(({ spec }) => spec.guardrailsBound === profile);
  return [
    ...said("RuntimeDeployment", deployments),
    ...said("Namespace", namespaces, ` (label ${GUARDRAILS_BOUND_LABEL})`),
    ...said("RuntimeBackend", backends, " (spec.guardrailsBound)"),
  ];
}

function said(kind: string, objects: readonly KubeObject[], where = ""): string[] {
  const names = objects.filter(isStaying).map((object) => formatKey(keyOf(object)));
  return names.length === 0 ? [] : [`${kind}${names.length > 1 ? "s" : ""} ${listing(names.toSorted())}${where}`];
}

function isStaying({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp === undefined;
}
