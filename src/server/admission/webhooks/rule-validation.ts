import type { FieldError } from "../../resource.ts";
import { invalid, notSupported, required } from "../../schema/field-errors.ts";
import type { RuleWithOperations } from "./configuration.ts";

const OPERATIONS = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const SCOPES = ["*", "Cluster", "Namespaced"];

/** What is wrong with one rule of a webhook, at `path`. */
export function ruleErrors(rule: Partial<RuleWithOperations>, path: string): FieldError[] {
  const { operations = [], apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  const errors = [
    ...wildcardErrors(operations, `${path}.operations`, "operations"),
    ...operations.flatMap((operation, index) =>
      OPERATIONS.includes(operation) ? [] : [notSupported(`${path}.operations[${index}]`, operation, OPERATIONS)],
    ),
    ...wildcardErrors(apiGroups, `${path}.apiGroups`, "API groups"),
    ...wildcardErrors(apiVersions, `${path}.apiVersions`, "API versions"),
    ...apiVersions.flatMap((version, index) => (version === "" ? [required(`${path}.apiVersions[${index}]`)] : [])),
    ...resourceErrors(resources, `${path}.resources`),
  ];
  if (scope !== undefined && !SCOPES.includes(scope)) errors.push(notSupported(`${path}.scope`, scope, SCOPES));
  return errors;
}

function wildcardErrors(values: readonly string[], path: string, others: string): FieldError[] {
  if (values.length === 0) return [required(path)];
  if (values.length === 1 || !values.includes("*")) return [];
  return [invalid(path, values, `if '*' is present, must not specify other ${others}`)];
}

/** `x/*` covers all subresources of x, `*\/x` that subresource of all, and neither stands beside what it covers. */
function resourceErrors(resources: readonly string[], path: string): FieldError[] {
  const errors: FieldError[] = resources.length === 0 ? [required(path)] : [];
  const coveredResources = new Set<string>();
  const coveredSubresources = new Set<string>();
  for (const [index, text] of resources.entries()) {
    const at = `${path}[${index}]`;
    if (text === "") errors.push(required(at));
    const slash = text.indexOf("/");
    if (slash < 0) continue;
    const [resource, subresource] = [text.slice(0, slash), text.slice(slash + 1)];
    if (coveredResources.has(resource)) {
      errors.push(invalid(at, text, `if '${resource}/*' is present, must not specify ${text}`));
    }
    if (coveredSubresources.has(subresource)) {
      errors.push(invalid(at, text, `if '*/${subresource}' is present, must not specify ${text}`));
    }
    if (subresource === "*") coveredResources.add(resource);
    if (resource === "*") coveredSubresources.add(subresource);
  }
  if (resources.length > 1 && resources.includes("*/*")) {
    errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  }
  // kube-apiserver looks at the last one without a slash alone.
  const last = resources.findLast((text) => text !== "" && !text.includes("/"));
  if (resources.includes("*") && last !== undefined && last !== "*") {
    const because = "if '*' is present, must not specify other resources without subresources";
    errors.push(invalid(path, resources, because));
  }
  return errors;
}
