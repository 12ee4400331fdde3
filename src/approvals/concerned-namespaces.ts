import { labelValueErrors, qualifiedNameErrors } from "../api/label-format.ts";
import { type LabelSelector, labelSelectorMatcher } from "../api/label-selector.ts";
import type { PolicyProblem } from "./policy-problems.ts";

/** The label that every namespace has with its own name. */
const NAME_LABEL = "kubernetes.io/metadata.name";

export interface LabelledNamespace {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Pure. Whether a policy concerns the deployments of a namespace, by the rules of Kubernetes for label selectors. One that Kubernetes
 * would refuse selects nothing there; here it concerns all, since nobody knows whom its author meant.
 */
export function concerns(selector: LabelSelector, { name, labels }: LabelledNamespace): boolean {
  return selectorProblems(selector).length > 0 || labelSelectorMatcher(selector)({ ...labels, [NAME_LABEL]: name });
}

/** Pure. As Kubernetes judges a selector. */
export function selectorProblems({ matchLabels = {}, matchExpressions = [] }: LabelSelector): readonly PolicyProblem[] {
  const field = "spec.namespaceSelector";
  return [
    ...Object.entries(matchLabels).flatMap(([key, value]) =>
      [...qualifiedNameErrors(key), ...labelValueErrors(value)].map((message) => ({
        path: `${field}.matchLabels`,
        message: `${JSON.stringify(key)}: ${message}`,
      })),
    ),
    ...matchExpressions.flatMap(({ key, operator, values = [] }, at) => {
      const path = `${field}.matchExpressions[${at}]`;
      return [
        ...qualifiedNameErrors(key).map((message) => ({ path: `${path}.key`, message })),
        ...values.flatMap(labelValueErrors).map((message) => ({ path: `${path}.values`, message })),
        ...operatorProblem(operator, values.length).map((message) => ({ path: `${path}.operator`, message })),
      ];
    }),
  ];
}

function operatorProblem(operator: string, values: number): readonly string[] {
  switch (operator) {
    case "In":
    case "NotIn":
      return values > 0 ? [] : [`${operator} needs values`];
    case "Exists":
    case "DoesNotExist":
      return values === 0 ? [] : [`${operator} has no values`];
    default:
      return ["must be one of In, NotIn, Exists, DoesNotExist"];
  }
}
