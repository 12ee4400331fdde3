import type { ResourceDefinition } from "../../resource.ts";
import type { AdmissionRequest } from "../admission.ts";
import type { RuleWithOperations } from "./configuration.ts";

/** The part of a write that rules speak of. */
export interface RuleSubject {
  readonly operation: AdmissionRequest["operation"];
  readonly definition: Pick<ResourceDefinition, "group" | "version" | "plural" | "kind" | "namespaced">;
  /** Empty for the object itself. */
  readonly subresource: string;
}

/** `rules.Matcher` of k8s.io/apiserver/pkg/admission/plugin/webhook/predicates/rules. */
export function matchesRule(rule: RuleWithOperations, { operation, definition, subresource }: RuleSubject): boolean {
  return (
    matchesScope(rule.scope, definition) &&
    names(rule.operations, operation) &&
    names(rule.apiGroups, definition.group) &&
    names(rule.apiVersions, definition.version) &&
    rule.resources.some((resource) => matchesResource(resource, definition.plural, subresource))
  );
}

function names(values: readonly string[], value: string): boolean {
  return values.some((each) => each === "*" || each === value);
}

/** Namespaces count as cluster-scoped, as they are. */
function matchesScope(scope: RuleWithOperations["scope"], { namespaced }: RuleSubject["definition"]): boolean {
  return scope === "*" || (scope === "Namespaced") === namespaced;
}

/** `pods`, `pods/status`, `pods/*`, `*`, `*\/scale`, `*\/*`: a name without slash means no subresource. */
function matchesResource(rule: string, plural: string, subresource: string): boolean {
  const [resource = "", wanted = ""] = rule.split("/", 2);
  return (resource === "*" || resource === plural) && (wanted === "*" || wanted === subresource);
}
