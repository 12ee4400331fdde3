import { validateLabels } from "../registry/metadata-validation.ts";
import { labelValueErrors, qualifiedNameErrors } from "../registry/object-name.ts";
import type { FieldError } from "../resource.ts";
import { forbidden, invalid, required } from "../schema/field-errors.ts";
import type { LabelSelector } from "./label-selector.ts";

/** `ValidateLabelSelector` of k8s.io/apimachinery: what is wrong with a selector in an object, at `path`. */
export function labelSelectorErrors(selector: LabelSelector, path: string): FieldError[] {
  return [
    ...validateLabels(selector.matchLabels, `${path}.matchLabels`),
    ...(selector.matchExpressions ?? []).flatMap((requirement, index) =>
      requirementErrors(requirement, `${path}.matchExpressions[${index}]`),
    ),
  ];
}

type Requirement = NonNullable<LabelSelector["matchExpressions"]>[number];

function requirementErrors({ key = "", operator, values = [] }: Partial<Requirement>, path: string): FieldError[] {
  return [
    ...operatorErrors(operator, values, path),
    ...qualifiedNameErrors(key).map((because) => invalid(`${path}.key`, key, because)),
    ...values.flatMap((value, index) =>
      labelValueErrors(value).map((because) => invalid(`${path}.values[${index}]`, value, because)),
    ),
  ];
}

function operatorErrors(operator: string | undefined, values: readonly string[], path: string): FieldError[] {
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length > 0) return [];
      return [required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
    case "Exists":
    case "DoesNotExist":
      if (values.length === 0) return [];
      return [forbidden(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    default:
      return [invalid(`${path}.operator`, operator ?? "", "not a valid selector operator")];
  }
}
