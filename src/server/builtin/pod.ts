import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { deepEqual } from "../schema/deep-equal.ts";
import { defaultPodSpec, type PodSpec, podSpecErrors } from "./pod-template.ts";

/** Fields that every client may select pods by. */
export const POD_FIELDS = [
  "spec.nodeName",
  "spec.restartPolicy",
  "spec.schedulerName",
  "spec.serviceAccountName",
  "spec.hostNetwork",
  "status.phase",
  "status.podIP",
  "status.nominatedNodeName",
];

/** Nothing runs pods here; they stay Pending, as on a cluster without nodes. */
export const podStrategy: Partial<Strategy> = {
  applyDefaults: (object) => defaultPodSpec(specOf(object), "Always"),
  prepareForCreate: (object) => {
    object.status = { phase: "Pending" };
  },
  validate: (object) => podSpecErrors(specOf(object), "spec"),
  validateUpdate,
};

function specOf(object: ApiObject): PodSpec {
  object.spec ??= {};
  return object.spec as PodSpec;
}

const MUTABLE = [
  "containers",
  "initContainers",
  "activeDeadlineSeconds",
  "tolerations",
  "terminationGracePeriodSeconds",
];

/** A pod keeps its spec, except for images and a few fields that Kubernetes names in its message. */
function validateUpdate(next: ApiObject, previous: ApiObject): FieldError[] {
  const comparable = (object: ApiObject) =>
    Object.fromEntries(Object.entries(specOf(object)).filter(([field]) => !MUTABLE.includes(field)));
  if (deepEqual(comparable(next), comparable(previous))) return [];
  const message =
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
  return [{ type: "FieldValueForbidden", path: "spec", message }];
}
