import { invalidValue, requiredValue } from "../registry/metadata-validation.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { deepEqual } from "../schema/deep-equal.ts";
import type { LabelSelector } from "../selectors/label-selector.ts";
import { defaultPodSpec, type PodTemplate, podSpecErrors } from "./pod-template.ts";

interface JobSpec {
  completions?: number;
  parallelism?: number;
  backoffLimit?: number;
  completionMode?: string;
  suspend?: boolean;
  podReplacementPolicy?: string;
  manualSelector?: boolean;
  selector?: LabelSelector;
  template?: PodTemplate;
}

export const jobStrategy: Partial<Strategy> = {
  applyDefaults(object) {
    const spec = specOf(object);
    defaultPodSpec(spec.template?.spec, undefined);
    if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
    spec.parallelism ??= 1;
    spec.backoffLimit ??= 6;
    spec.completionMode ??= "NonIndexed";
    spec.suspend ??= false;
    spec.podReplacementPolicy ??= "TerminatingOrFailed";
  },
  prepareForCreate(object) {
    object.status = {};
    const spec = specOf(object);
    if (spec.manualSelector !== true) generateSelector(object, spec);
  },
  validate,
  validateUpdate(next, previous) {
    const errors = validate(next);
    for (const field of ["completions", "selector", "template", "completionMode"] as const) {
      if (field === "completions" && specOf(next).completionMode === "Indexed") continue;
      if (!deepEqual(specOf(next)[field], specOf(previous)[field])) {
        errors.push(invalidValue(`spec.${field}`, specOf(next)[field], "field is immutable"));
      }
    }
    return errors;
  },
};

function specOf(object: ApiObject): JobSpec {
  object.spec ??= {};
  return object.spec as JobSpec;
}

/** A job finds its pods by its own uid. */
function generateSelector({ metadata }: ApiObject, spec: JobSpec): void {
  const { uid, name } = metadata;
  spec.template ??= {};
  spec.template.metadata ??= {};
  spec.template.metadata.labels = {
    ...spec.template.metadata.labels,
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": name,
    "controller-uid": uid,
    "job-name": name,
  };
  spec.selector ??= { matchLabels: { "batch.kubernetes.io/controller-uid": uid } };
}

function validate(object: ApiObject): FieldError[] {
  const { template } = specOf(object);
  const errors = podSpecErrors(template?.spec, "spec.template.spec");
  const { restartPolicy } = template?.spec ?? {};
  if (restartPolicy !== "OnFailure" && restartPolicy !== "Never") {
    errors.push(requiredValue("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'));
  }
  return errors;
}
