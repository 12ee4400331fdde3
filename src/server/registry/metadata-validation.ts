import type { ObjectMeta, OwnerReference } from "../../api/meta.ts";
import type { FieldError } from "../resource.ts";
import { labelValueErrors, qualifiedNameErrors } from "./object-name.ts";
import type { ApiObject } from "./strategy.ts";

/** `ValidateObjectMeta` of k8s.io/apimachinery/pkg/api/validation: what holds for the metadata of every kind. */

const MAX_ANNOTATION_BYTES = 256 * 1024;
const STANDARD_FINALIZERS = new Set(["kubernetes", "orphan", "foregroundDeletion"]);

export interface MetadataRules {
  readonly nameErrors: (name: string, isPrefix: boolean) => readonly string[];
  readonly namespaced: boolean;
  /** Built-in kinds refuse finalizers without a domain; custom ones only warn. */
  readonly qualifiedFinalizers: boolean;
}

export function validateMetadata(object: ApiObject, rules: MetadataRules): FieldError[] {
  const { metadata } = object;
  const errors: FieldError[] = [];
  if (metadata.generateName) {
    for (const message of rules.nameErrors(metadata.generateName, true)) {
      errors.push(invalidValue("metadata.generateName", metadata.generateName, message));
    }
  }
  if (!metadata.name) {
    errors.push(requiredValue("metadata.name", "name or generateName is required"));
  } else {
    for (const message of rules.nameErrors(metadata.name, false)) {
      errors.push(invalidValue("metadata.name", metadata.name, message));
    }
  }
  if (rules.namespaced && !metadata.namespace) errors.push(requiredValue("metadata.namespace", ""));
  errors.push(...validateLabels(metadata.labels, "metadata.labels"));
  errors.push(...validateAnnotations(metadata.annotations));
  errors.push(...validateOwnerReferences(metadata.ownerReferences));
  errors.push(...validateFinalizers(metadata.finalizers, rules.qualifiedFinalizers));
  return errors;
}

/** `ValidateObjectMetaUpdate`: what an update may not touch. */
export function validateMetadataUpdate(next: ObjectMeta, previous: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  if (next.finalizers && previous.deletionTimestamp !== undefined) {
    const known = new Set(previous.finalizers);
    const added = next.finalizers.filter((finalizer) => !known.has(finalizer)).sort();
    if (added.length > 0) {
      const list = `[]string{${added.map((finalizer) => JSON.stringify(finalizer)).join(", ")}}`;
      errors.push({
        type: "FieldValueForbidden",
        path: "metadata.finalizers",
        message: `Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
      });
    }
  }
  const immutable: (keyof ObjectMeta)[] = [
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ];
  for (const field of immutable) {
    if ((next[field] ?? "") !== (previous[field] ?? "")) {
      errors.push(invalidValue(`metadata.${field}`, next[field] ?? null, "field is immutable"));
    }
  }
  return errors;
}

export function validateLabels(labels: Record<string, string> | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const message of qualifiedNameErrors(key)) errors.push(invalidValue(path, key, message));
    for (const message of labelValueErrors(value)) errors.push(invalidValue(path, value, message));
  }
  return errors;
}

function validateAnnotations(annotations: Record<string, string> | undefined): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    // Annotation keys may have upper case prefixes.
    for (const message of qualifiedNameErrors(key.toLowerCase())) {
      errors.push(invalidValue("metadata.annotations", key, message));
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > MAX_ANNOTATION_BYTES) {
    errors.push({
      type: "FieldValueTooLong",
      path: "metadata.annotations",
      message: `Too long: may not be more than ${MAX_ANNOTATION_BYTES} bytes`,
    });
  }
  return errors;
}

function validateOwnerReferences(owners: readonly OwnerReference[] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const path = "metadata.ownerReferences";
  const controllers: OwnerReference[] = [];
  for (const owner of owners ?? []) {
    if (!owner.apiVersion) errors.push(invalidValue(`${path}.apiVersion`, "", "version must not be empty"));
    if (!owner.kind) errors.push(invalidValue(`${path}.kind`, "", "must not be empty"));
    if (!owner.name) errors.push(invalidValue(`${path}.name`, "", "must not be empty"));
    if (!owner.uid) errors.push(invalidValue(`${path}.uid`, "", "must not be empty"));
    if (owner.kind === "Event" && (owner.apiVersion === "v1" || owner.apiVersion === "events.k8s.io/v1")) {
      const [group, version] = owner.apiVersion === "v1" ? ["", "v1"] : ["events.k8s.io", "v1"];
      errors.push(invalidValue(path, owner, `${group}/${version}, Kind=Event is disallowed from being an owner`));
    }
    if (owner.controller === true) controllers.push(owner);
  }
  const [first, second] = controllers;
  if (first && second) {
    const message = `Only one reference can have Controller set to true. Found "true" in references for ${first.kind}/${first.name} and ${second.kind}/${second.name}`;
    errors.push(invalidValue(path, owners, message));
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[] | undefined, qualifiedOnly: boolean): FieldError[] {
  const errors: FieldError[] = [];
  finalizers?.forEach((finalizer, index) => {
    for (const message of qualifiedNameErrors(finalizer)) {
      errors.push(invalidValue("metadata.finalizers", finalizer, message));
    }
    if (qualifiedOnly && !finalizer.includes("/") && !STANDARD_FINALIZERS.has(finalizer)) {
      const message = "name is neither a standard finalizer name nor is it fully qualified";
      errors.push(invalidValue(`metadata.finalizers[${index}]`, finalizer, message));
    }
  });
  const known = new Set(finalizers);
  if (known.has("orphan") && known.has("foregroundDeletion")) {
    const message = "finalizer orphan and foregroundDeletion cannot be both set";
    errors.push(invalidValue("metadata.finalizers", finalizers, message));
  }
  return errors;
}

/** `metadata.finalizers: "x": prefer a domain-qualified …`, for finalizers that custom objects may have all the same. */
export function finalizerWarnings(finalizers: readonly string[] | undefined): string[] {
  return (finalizers ?? [])
    .filter((finalizer) => !finalizer.includes("/") && !STANDARD_FINALIZERS.has(finalizer))
    .map((finalizer) => {
      const path = finalizer.includes(".") ? " including a path (/)" : "";
      return `metadata.finalizers: ${JSON.stringify(finalizer)}: prefer a domain-qualified finalizer name${path} to avoid accidental conflicts with other finalizer writers`;
    });
}

/** `Invalid value: …`, with the value as Go's JSON shows it. */
export function invalidValue(path: string, value: unknown, message: string): FieldError {
  return { type: "FieldValueInvalid", path, message: `Invalid value: ${JSON.stringify(value)}: ${message}` };
}

export function requiredValue(path: string, message: string): FieldError {
  return {
    type: "FieldValueRequired",
    path,
    message: message === "" ? "Required value" : `Required value: ${message}`,
  };
}
