import { isDeepStrictEqual } from "node:util";
import { invalidValue, requiredValue } from "../registry/metadata-validation.ts";
import { pathSegmentErrors, subdomainErrors } from "../registry/object-name.ts";
import type { FieldError } from "../resource.ts";
import { type Binding, type ClusterRole, type PolicyRule, type RoleRef, rbacGroup, type Subject } from "./rbac.ts";

/** What a schema cannot say about roles and bindings; paths and words are those of `k8s.io/kubernetes/pkg/apis/rbac/validation`. */

export function problemsOfRole(role: ClusterRole, scope: "Namespaced" | "Cluster"): FieldError[] {
  const problems = (role.rules ?? []).flatMap((rule, index) => problemsOfRule(rule, `rules[${index}]`, scope));
  if (role.aggregationRule && !role.aggregationRule.clusterRoleSelectors?.length) {
    const message = "at least one clusterRoleSelector required if aggregationRule is non-nil";
    problems.push(requiredValue("aggregationRule.clusterRoleSelectors", message));
  }
  return problems;
}

function problemsOfRule(rule: PolicyRule, path: string, scope: "Namespaced" | "Cluster"): FieldError[] {
  const problems: FieldError[] = [];
  if (!rule.verbs?.length) problems.push(requiredValue(`${path}.verbs`, "verbs must contain at least one value"));
  if (rule.nonResourceURLs?.length) {
    const refuse = (because: string) =>
      problems.push(invalidValue(`${path}.nonResourceURLs`, rule.nonResourceURLs, because));
    if (scope === "Namespaced") refuse("namespaced rules cannot apply to non-resource URLs");
    if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
      refuse("rules cannot apply to both regular resources and non-resource URLs");
    }
    return problems;
  }
  if (!rule.apiGroups?.length) {
    problems.push(requiredValue(`${path}.apiGroups`, "resource rules must supply at least one api group"));
  }
  if (!rule.resources?.length) {
    problems.push(requiredValue(`${path}.resources`, "resource rules must supply at least one resource"));
  }
  return problems;
}

export function problemsOfBinding(
  binding: Binding,
  scope: "Namespaced" | "Cluster",
  previous: Binding | undefined,
): FieldError[] {
  const { roleRef, subjects } = binding;
  return [
    ...problemsOfRoleRef(roleRef, scope),
    ...(subjects ?? []).flatMap((subject, index) => problemsOfSubject(subject, `subjects[${index}]`, scope)),
    ...(previous && !isDeepStrictEqual(goRoleRef(previous.roleRef), goRoleRef(roleRef))
      ? [invalidValue("roleRef", goRoleRef(roleRef), "cannot change roleRef")]
      : []),
  ];
}

function problemsOfRoleRef(roleRef: Partial<RoleRef> | undefined, scope: "Namespaced" | "Cluster"): FieldError[] {
  const { apiGroup = rbacGroup, kind = "", name = "" } = roleRef ?? {};
  const kinds = scope === "Namespaced" ? ["Role", "ClusterRole"] : ["ClusterRole"];
  return [
    ...(apiGroup === rbacGroup ? [] : [notSupported("roleRef.apiGroup", apiGroup, [rbacGroup])]),
    ...(kinds.includes(kind) ? [] : [notSupported("roleRef.kind", kind, kinds)]),
    ...(name === ""
      ? [requiredValue("roleRef.name", "")]
      : pathSegmentErrors(name).map((because) => invalidValue("roleRef.name", name, because))),
  ];
}

function problemsOfSubject(subject: Partial<Subject>, path: string, scope: "Namespaced" | "Cluster"): FieldError[] {
  const { kind, name = "", apiGroup = "", namespace = "" } = subject;
  const problems = name === "" ? [requiredValue(`${path}.name`, "")] : [];
  switch (kind) {
    case "ServiceAccount":
      if (name !== "")
        problems.push(...subdomainErrors(name).map((because) => invalidValue(`${path}.name`, name, because)));
      if (apiGroup !== "") problems.push(notSupported(`${path}.apiGroup`, apiGroup, [""]));
      if (scope === "Cluster" && namespace === "") problems.push(requiredValue(`${path}.namespace`, ""));
      return problems;
    case "User":
    case "Group":
      if (apiGroup !== rbacGroup) problems.push(notSupported(`${path}.apiGroup`, apiGroup, [rbacGroup]));
      return problems;
    default:
      return [...problems, notSupported(`${path}.kind`, kind ?? "", ["ServiceAccount", "User", "Group"])];
  }
}

/** Go prints the struct with its own field names. */
function goRoleRef({ apiGroup = rbacGroup, kind, name }: RoleRef): object {
  return { APIGroup: apiGroup, Kind: kind, Name: name };
}

function notSupported(path: string, value: string, supported: readonly string[]): FieldError {
  const values = supported.map((item) => JSON.stringify(item)).join(", ");
  return {
    type: "FieldValueNotSupported",
    path,
    message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${values}`,
  };
}
