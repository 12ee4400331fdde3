import { invalidValue, requiredValue } from "../registry/metadata-validation.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { deepEqual } from "../schema/deep-equal.ts";
import { type LabelSelector, labelSelectorMatcher } from "../selectors/label-selector.ts";
import { defaultPodSpec, type PodTemplate, podSpecErrors } from "./pod-template.ts";

interface ReplicatedSpec {
  replicas?: number;
  selector?: LabelSelector;
  template?: PodTemplate;
  strategy?: { type?: string; rollingUpdate?: { maxUnavailable?: unknown; maxSurge?: unknown } };
  revisionHistoryLimit?: number;
  progressDeadlineSeconds?: number;
}

export const deploymentStrategy: Partial<Strategy> = {
  applyDefaults(object) {
    const spec = specOf(object);
    defaultPodSpec(spec.template?.spec, "Always");
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ??= "RollingUpdate";
    if (spec.strategy.type === "RollingUpdate") {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxUnavailable ??= "25%";
      spec.strategy.rollingUpdate.maxSurge ??= "25%";
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
  },
  prepareForCreate: (object) => {
    object.status = {};
  },
  validate,
  validateUpdate,
};

export const replicaSetStrategy: Partial<Strategy> = {
  applyDefaults(object) {
    const spec = specOf(object);
    defaultPodSpec(spec.template?.spec, "Always");
    spec.replicas ??= 1;
  },
  prepareForCreate: (object) => {
    object.status = { replicas: 0 };
  },
  validate,
  validateUpdate,
};

function specOf(object: ApiObject): ReplicatedSpec {
  object.spec ??= {};
  return object.spec as ReplicatedSpec;
}

function validate(object: ApiObject): FieldError[] {
  const { replicas = 0, selector, template } = specOf(object);
  const errors: FieldError[] = [];
  if (replicas < 0) errors.push(invalidValue("spec.replicas", replicas, "must be greater than or equal to 0"));
  if (selector === undefined) errors.push(requiredValue("spec.selector", ""));
  else if (isEmpty(selector))
    errors.push(invalidValue("spec.selector", selector, "empty selector is invalid for deployment"));
  const labels = template?.metadata?.labels ?? {};
  if (selector === undefined || !labelSelectorMatcher(selector)(labels)) {
    errors.push(invalidValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  }
  errors.push(...podSpecErrors(template?.spec, "spec.template.spec"));
  return errors;
}

function isEmpty({ matchLabels, matchExpressions }: LabelSelector): boolean {
  return Object.keys(matchLabels ?? {}).length === 0 && (matchExpressions ?? []).length === 0;
}

function validateUpdate(next: ApiObject, previous: ApiObject): FieldError[] {
  const errors = validate(next);
  const { selector } = specOf(next);
  if (!deepEqual(selector, specOf(previous).selector)) {
    errors.push(invalidValue("spec.selector", selector, "field is immutable"));
  }
  return errors;
}
