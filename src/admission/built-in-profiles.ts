import type { GuardrailProfile } from "../api/v1alpha1/index.ts";
import { builtInProfile } from "../guardrails/built-in.ts";
import { listing } from "../guardrails/listing.ts";
import { isJsonObject, jsonEqual, member } from "../machinery/json-equal.ts";
import { ofGuardrailProfile } from "./kinds.ts";
import type { Rule } from "./write.ts";

/**
 * The profiles that ship with Slipway stay as shipped: what a profile of such a name means is the same everywhere, and a
 * bound that names one holds. Labels and annotations are the user's. The answer is that of kube-apiserver for its own
 * PriorityClasses: Forbidden.
 */
export const builtInProfilesStay: Rule = {
  // A status write changes nothing but the status.
  concerns: (write) => ofGuardrailProfile(write) && write.subresource === "",
  refusal({ operation, name, object, oldObject }) {
    const shipped = builtInProfile(name);
    if (!shipped) return undefined;
    if (operation === "DELETE") return forbidden("it ships with Slipway and cannot be deleted");
    const { spec } = object as GuardrailProfile;
    // What an earlier release left may take labels and lose finalizers until the controller has brought it up to date.
    if (oldObject && jsonEqual(spec, (oldObject as GuardrailProfile).spec)) return undefined;
    const fields = differences(shipped.spec, spec);
    if (fields.length === 0) return undefined;
    return forbidden(
      `it ships with Slipway and its spec cannot be changed (${listing(fields)}); make a profile of another name, or use spec.guardrails.overrides of a RuntimeDeployment`,
    );
  },
};

function forbidden(because: string) {
  return { reason: "Forbidden", because } as const;
}

/** Paths of the members in which two values differ, lists as a whole. */
function differences(a: unknown, b: unknown, path = ""): string[] {
  if (!isJsonObject(a) || !isJsonObject(b)) return jsonEqual(a, b) ? [] : [path];
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return keys.flatMap((key) => differences(member(a, key), member(b, key), path === "" ? key : `${path}.${key}`));
}
