import { randomInt, randomUUID } from "node:crypto";
import type { ManagedFieldsEntry } from "../../api/meta.ts";
import type { UserInfo } from "../access/access.ts";
import type { AdmissionRequest } from "../admission/admission.ts";
import { alreadyExists, invalid, StatusError } from "../http/status-error.ts";
import { trackUpdate, type UpdateToTrack } from "../managed-fields/track-update.ts";
import { finalizerWarnings, validateMetadata } from "../registry/metadata-validation.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import type { StoredObject } from "../storage/store.ts";
import { ensureDefinition, ensureNamespace } from "./namespace-lifecycle.ts";
import { kindSubjectOf, storeKey, subjectOf } from "./resource-request.ts";
import { scaleErrors } from "./scale-validation.ts";
import { type ServerContext, timestamp } from "./server-context.ts";

/** An object that was written, or would have been. */
export interface Written {
  /** In the version of the request. */
  readonly json: string;
  /** What the store holds; absent after a dry run and a deletion. */
  readonly stored?: StoredObject;
}

export interface CreateOptions {
  readonly resource: ServedResource;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  /** Decoded: pruned and defaulted, in the version of `resource`. Changed on the way. */
  readonly object: ApiObject;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly warn: (text: string) => void;
  readonly annotate?: AdmissionRequest["annotate"];
  readonly from?: AdmissionRequest["from"];
  /** What server-side apply has computed already; absent where this create is an Update operation. */
  readonly keepManagedFields?: boolean;
}

/** The letters that Kubernetes generates names from: no vowels, so no words. */
const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const MAX_GENERATED_BASE = 63 - 5;

/** Creates an object: admission, system fields, validation, storage. The order is that of k8s.io/apiserver's registry. */
export async function createObject(context: ServerContext, options: CreateOptions): Promise<Written> {
  const { resource, namespace, object, dryRun, warn } = options;
  ensureNamespace(context, resource, namespace, object.metadata.name ?? "");
  ensureDefinition(context, resource, object.metadata.name ?? "");
  const request = admissionOf(options);
  const requested = requestedForm(context, request, object);
  const managers = (after: ApiObject): UpdateToTrack => ({
    ...{ before: undefined, after, manager: options.fieldManager },
    ...{ definition: resource.definition, subresource: "", now: context.clock.now() },
  });
  if (!options.keepManagedFields && isShown(context, request, requested)) {
    const shown = structuredClone(requested);
    prepare(resource, shown);
    setManagedFields(object, managers(shown));
  }
  await context.admission.mutate(request);
  const { metadata } = object;
  fillSystemFields(context, object, namespace, resource);
  dedupeOwners(object, warn);
  const stored = prepare(resource, object);
  if (requested !== object) prepare(resource, requested);
  const errors = validate(resource, object, stored);
  if (errors.length > 0) throw invalid(kindSubjectOf(resource, metadata.name ?? ""), errors);
  if (resource.isCustom) for (const warning of finalizerWarnings(metadata.finalizers)) warn(warning);
  for (const warning of resource.strategy.warnings?.(stored) ?? []) warn(warning);
  await context.admission.validate({ ...request, name: metadata.name });
  if (metadata.resourceVersion) {
    throw new StatusError(500, undefined, "resourceVersion should not be set on objects to be created");
  }
  if (!options.keepManagedFields) setManagedFields(object, managers(requested));
  const { store } = context;
  const key = storeKey(resource, namespace, metadata.name);
  return store.exclusively(resource.storage, key, async () => {
    const existing = store.get(resource.storage, key);
    if (existing) throw exists(resource, metadata.name, existing);
    // Both may have begun to end, or be gone, while admission or the lock took their time.
    ensureNamespace(context, resource, namespace, metadata.name);
    ensureDefinition(context, resource, metadata.name);
    if (dryRun) return { json: JSON.stringify(object) };
    const put = { resource: resource.storage, key, shape: resource.shape, object: resource.toStored(object) };
    const written = await store.put(put);
    return { json: resource.render(written), stored: written };
  });
}

/** What the client asked for: admission may change the object, and what it adds has no manager, as in Kubernetes. */
export function requestedForm(context: ServerContext, request: AdmissionRequest, object: ApiObject): ApiObject {
  return context.admission.mayAdd(request) ? structuredClone(object) : object;
}

/** Whether somebody else sees the object, to whom kube-apiserver shows its managers, too. */
export function isShown(context: ServerContext, request: AdmissionRequest, requested: ApiObject): boolean {
  return requested !== request.object && context.admission.isRemote(request);
}

/** Records who wrote what. */
export function setManagedFields({ metadata }: ApiObject, update: UpdateToTrack): void {
  const managedFields = trackUpdate(update);
  if (managedFields === undefined) delete metadata.managedFields;
  else metadata.managedFields = update.subresource === "scale" ? withoutScaleTime(managedFields) : managedFields;
}

/** kube-apiserver keeps no time for what is written through `scale`, and entries without a time sort first. */
function withoutScaleTime(entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const isScale = ({ subresource }: ManagedFieldsEntry) => subresource === "scale";
  const scale = entries.filter(isScale).map(({ time: _, ...entry }) => entry);
  return [...scale, ...entries.filter((entry) => !isScale(entry))];
}

/** Drops status, sets the first generation, and applies the kind's own rules; returns the stored form. */
function prepare(resource: ServedResource, object: ApiObject): ApiObject {
  const { definition, strategy } = resource;
  if (definition.subresources.status) delete object.status;
  if (definition.hasGeneration) object.metadata.generation = 1;
  else delete object.metadata.generation;
  strategy.prepareForCreate?.(object);
  return object;
}

function validate(resource: ServedResource, object: ApiObject, stored: ApiObject): FieldError[] {
  const { definition, strategy } = resource;
  const rules = {
    nameErrors: strategy.nameErrors,
    namespaced: definition.namespaced,
    qualifiedFinalizers: strategy.qualifiedFinalizers,
  };
  return [
    ...validateMetadata(object, rules),
    ...scaleErrors(resource, object),
    // The schemas of built-in kinds say types only, and decoding has checked those.
    ...((resource.isCustom && resource.schema?.validate(object)) || []),
    ...(strategy.validate?.(stored) ?? []),
  ];
}

function fillSystemFields(
  context: ServerContext,
  object: ApiObject,
  namespace: string,
  resource: ServedResource,
): void {
  const { metadata } = object;
  if (resource.definition.namespaced) metadata.namespace = namespace;
  else delete metadata.namespace;
  if (!metadata.name && metadata.generateName) metadata.name = generateName(metadata.generateName);
  metadata.uid = randomUUID();
  metadata.creationTimestamp = timestamp(context.clock);
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete (metadata as { selfLink?: string }).selfLink;
}

function generateName(base: string): string {
  let suffix = "";
  for (let count = 0; count < 5; count++) suffix += ALPHABET[randomInt(ALPHABET.length)];
  return base.slice(0, MAX_GENERATED_BASE) + suffix;
}

/** Duplicate owners are merged with a warning that API clients know since 1.20. */
export function dedupeOwners({ metadata }: ApiObject, warn: (text: string) => void): void {
  const owners = metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  const seen = new Set<string>();
  const duplicates = new Set<string>();
  metadata.ownerReferences = owners.filter((owner) => {
    const identity = JSON.stringify(Object.entries(owner).sort());
    if (seen.has(identity)) duplicates.add(owner.uid);
    return !seen.has(identity) && seen.add(identity);
  });
  if (duplicates.size === 0) return;
  warn(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...duplicates].join(", ")}`,
  );
}

function exists(resource: ServedResource, name: string, existing: StoredObject): StatusError {
  const error = alreadyExists(subjectOf(resource, name));
  const { metadata }: ApiObject = JSON.parse(existing.json);
  if (metadata.deletionTimestamp === undefined) return error;
  return new StatusError(409, "AlreadyExists", `object is being deleted: ${error.message}`, error.status.details);
}

function admissionOf(options: CreateOptions): AdmissionRequest {
  const { resource, namespace, object, user, dryRun, warn, annotate, from } = options;
  return {
    operation: "CREATE",
    definition: resource.definition,
    subresource: "",
    namespace,
    name: object.metadata.name ?? "",
    user,
    dryRun,
    object,
    oldObject: undefined,
    options: writeOptions("CreateOptions", options),
    warn,
    ...(annotate && { annotate }),
    from,
  };
}

/** The options of a write as admission is shown them. */
export function writeOptions(
  kind: "CreateOptions" | "UpdateOptions",
  { dryRun, fieldManager }: Pick<CreateOptions, "dryRun" | "fieldManager">,
): Record<string, unknown> {
  return { kind, apiVersion: "meta.k8s.io/v1", fieldManager, ...(dryRun ? { dryRun: ["All"] } : {}) };
}
