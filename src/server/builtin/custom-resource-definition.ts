import type { CustomResourceDefinition } from "../../api/custom-resource-definition.ts";
import type { JsonSchema } from "../../api/json-schema.ts";
import type { Condition } from "../../api/meta.ts";
import { decodeSchemas } from "../crd/decode-schema.ts";
import { validateDefinition } from "../crd/validate-definition.ts";
import { invalidValue } from "../registry/metadata-validation.ts";
import type { ApiObject, Strategy } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { deepEqual } from "../schema/deep-equal.ts";

/** Held until every object of the kind is gone. */
export const CLEANUP_FINALIZER = "customresourcecleanup.apiextensions.k8s.io";

export const customResourceDefinitionStrategy: Partial<Strategy> = {
  deleteReturnsObject: true,
  qualifiedFinalizers: false,
  decodeError: decodeSchemas,
  prepareForCreate(object) {
    applyDefaults(object);
    const { spec } = asDefinition(object);
    object.status = {
      conditions: null,
      acceptedNames: { plural: "", kind: "" },
      storedVersions: (spec.versions ?? []).filter(({ storage }) => storage).map(({ name }) => name),
    };
  },
  prepareForUpdate(object, previous) {
    applyDefaults(object);
    const { spec, status } = asDefinition(object);
    const stored = new Set(asDefinition(previous).status?.storedVersions);
    for (const { name, storage } of spec.versions ?? []) if (storage) stored.add(name);
    object.status = { ...status, storedVersions: [...stored] };
  },
  holdsDeletion: ({ metadata }) => metadata.deletionTimestamp === undefined,
  markDeleted(object, now) {
    const { metadata } = object;
    metadata.finalizers = [...new Set([...(metadata.finalizers ?? []), CLEANUP_FINALIZER])];
    const { status } = asDefinition(object);
    const conditions = (status?.conditions ?? []).filter(({ type }) => type !== "Terminating");
    object.status = { ...status, conditions: [...conditions, terminating(now, DELETION_PENDING)] };
  },
  validate: (object) => validateDefinition(asDefinition(object)),
  validateUpdate(next, previous) {
    // The name was checked at creation; what it is made of cannot change.
    const errors = validateDefinition(asDefinition(next)).filter(({ path }) => path !== "metadata.name");
    return [...errors, ...immutableErrors(asDefinition(next), asDefinition(previous))];
  },
};

const DELETION_PENDING = {
  reason: "InstanceDeletionPending",
  message: "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon",
};
const DELETION_IN_PROGRESS = {
  reason: "InstanceDeletionInProgress",
  message: "CustomResource deletion is in progress",
};

function terminating(now: string, step: Pick<Condition, "reason" | "message">): Condition {
  return { type: "Terminating", status: "True", lastTransitionTime: now, ...step };
}

/** Pure. The conditions of a deleted definition once its objects are being deleted; undefined where they say so already. */
export function deletingInstances({ status }: CustomResourceDefinition, now: string): Condition[] | undefined {
  const conditions = status?.conditions ?? [];
  const before = conditions.find(({ type }) => type === "Terminating");
  if (before?.reason === DELETION_IN_PROGRESS.reason) return undefined;
  const next = terminating(before?.lastTransitionTime ?? now, DELETION_IN_PROGRESS);
  return [...conditions.filter(({ type }) => type !== "Terminating"), next];
}

export function asDefinition(object: ApiObject): CustomResourceDefinition {
  return object as unknown as CustomResourceDefinition;
}

/** `SetDefaults_CustomResourceDefinition`: names that follow from others, and the only conversion there is. */
function applyDefaults(object: ApiObject): void {
  object.spec ??= {};
  const spec = object.spec as Partial<CustomResourceDefinition["spec"]>;
  // Structs, which Go always has; validation then says what is missing in them.
  spec.names ??= { plural: "", kind: "" };
  spec.versions ??= [];
  spec.names.singular ||= (spec.names.kind ?? "").toLowerCase();
  if (!spec.names.listKind && spec.names.kind) spec.names.listKind = `${spec.names.kind}List`;
  spec.conversion ??= { strategy: "None" };
  for (const { schema } of spec.versions ?? []) dropNullDefaults(schema?.openAPIV3Schema);
}

/** A default of null is none: Go's decoder cannot tell them apart. */
function dropNullDefaults(schema: JsonSchema | boolean | undefined): void {
  if (typeof schema !== "object" || schema === null) return;
  if (schema.default === null) delete schema.default;
  for (const property of Object.values(schema.properties ?? {})) dropNullDefaults(property);
  dropNullDefaults(schema.items);
  dropNullDefaults(schema.additionalProperties);
}

/** Once served, a definition keeps what its stored objects depend on. */
function immutableErrors(next: CustomResourceDefinition, previous: CustomResourceDefinition): FieldError[] {
  const isEstablished = previous.status?.conditions?.some(
    ({ type, status }) => type === "Established" && status === "True",
  );
  const errors: FieldError[] = [];
  const check = (path: string, now: unknown, before: unknown) => {
    if (!deepEqual(now, before)) errors.push(invalidValue(path, now, "field is immutable"));
  };
  check("spec.group", next.spec.group, previous.spec.group);
  check("spec.names.plural", next.spec.names.plural, previous.spec.names.plural);
  if (isEstablished) {
    check("spec.scope", next.spec.scope, previous.spec.scope);
    check("spec.names.kind", next.spec.names.kind, previous.spec.names.kind);
  }
  return errors;
}
