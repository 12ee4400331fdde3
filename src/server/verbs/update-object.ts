import type { UserInfo } from "../access/access.ts";
import type { AdmissionRequest } from "../admission/admission.ts";
import { conflict, invalid, modified, notFound, StatusError } from "../http/status-error.ts";
import type { UpdateToTrack } from "../managed-fields/track-update.ts";
import { finalizerWarnings, validateMetadata, validateMetadataUpdate } from "../registry/metadata-validation.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { FieldError } from "../resource.ts";
import { deepEqual } from "../schema/deep-equal.ts";
import { shareEqual } from "../schema/share-equal.ts";
import type { StoredObject } from "../storage/store.ts";
import { dedupeOwners, isShown, requestedForm, setManagedFields, type Written, writeOptions } from "./create-object.ts";
import { kindSubjectOf, storeKey, subjectOf } from "./resource-request.ts";
import { scaleErrors } from "./scale-validation.ts";
import type { ServerContext } from "./server-context.ts";

export interface UpdateOptions {
  readonly resource: ServedResource;
  readonly namespace: string;
  readonly name: string;
  /** `status`, `scale`, `finalize`, or empty for the object itself. */
  readonly subresource: string;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly warn: (text: string) => void;
  readonly annotate?: AdmissionRequest["annotate"];
  readonly from?: AdmissionRequest["from"];
  /** True for server-side apply, which has computed managedFields itself. */
  readonly keepManagedFields?: boolean;
  /** True for PATCH: the merged object carries the stored resourceVersion unless the patch set one. */
  readonly isPatch: boolean;
  /**
   * The new object, made from a copy of what is stored (in the version of `resource`), which it may change and return.
   * Runs under the key's lock, so once; where webhooks are asked without it, and again when somebody else was faster.
   */
  readonly change: (current: ApiObject) => ApiObject | Promise<ApiObject>;
  /** Instead of NotFound, where a PUT or an apply creates. Runs outside the lock, and again when the object came and went. */
  readonly onMissing?: () => Promise<Written>;
}

/** How often a write that waits for webhooks begins anew when the object has changed meanwhile: as often as a patch in k8s.io/apiserver. */
export const MAX_ATTEMPTS = 5;

/** Updates an object, or deletes it when the last finalizer of a deleted one goes. Writes nothing when nothing changed. */
export async function updateObject(context: ServerContext, options: UpdateOptions): Promise<Written> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await updateOrCreate(context, options);
    } catch (error) {
      // Somebody else was faster to create it, so now it can be updated: k8s.io/apiserver begins anew as well.
      if (!options.onMissing || attempt === MAX_ATTEMPTS || !isTaken(error)) throw error;
    }
  }
}

const isTaken = (error: unknown) => error instanceof StatusError && error.status.reason === "AlreadyExists";

async function updateOrCreate(context: ServerContext, options: UpdateOptions): Promise<Written> {
  const { resource, namespace, name, subresource } = options;
  const { store } = context;
  const { definition } = resource;
  if (context.admission.isRemote({ operation: "UPDATE", definition, subresource, namespace, name })) {
    return updateOptimistically(context, options);
  }
  const key = storeKey(resource, namespace, name);
  const outcome = await store.exclusively(resource.storage, key, async () => {
    const stored = store.get(resource.storage, key);
    if (!stored) return missing(options);
    return commit(context, options, stored, await admit(context, options, stored));
  });
  return outcome ?? (await (options.onMissing as () => Promise<Written>)());
}

/** Decides without the key's lock, which nobody may hold for seconds, and writes if the object is still what it was. */
async function updateOptimistically(context: ServerContext, options: UpdateOptions): Promise<Written> {
  const { resource, namespace, name } = options;
  const { store } = context;
  const key = storeKey(resource, namespace, name);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const stored = store.get(resource.storage, key);
    if (!stored) return missing(options) ?? (await (options.onMissing as () => Promise<Written>)());
    // What a change returns may be its own, and an attempt must not meet the traces of the one before.
    const change = async (current: ApiObject) => structuredClone(await options.change(current));
    const admitted = await admit(context, { ...options, change }, stored);
    const written = await store.exclusively(resource.storage, key, () =>
      store.get(resource.storage, key)?.revision === stored.revision
        ? commit(context, options, stored, admitted)
        : undefined,
    );
    if (written) return written;
  }
  throw modified(subjectOf(resource, name));
}

/** Undefined where the update may create. @throws {StatusError} NotFound elsewhere. */
function missing({ resource, name, onMissing }: UpdateOptions): undefined {
  if (!onMissing) throw notFound(subjectOf(resource, name));
}

/** The next state, checked by everybody who has a say. */
async function admit(context: ServerContext, options: UpdateOptions, stored: StoredObject): Promise<Admitted> {
  const { resource, namespace, name, dryRun, warn, subresource } = options;
  const previous = resource.parse(stored);
  const next = await options.change(resource.parse(stored));
  const request = {
    operation: "UPDATE" as const,
    definition: resource.definition,
    ...{ subresource, namespace, name, dryRun, warn },
    user: options.user,
    object: next,
    oldObject: previous,
    options: writeOptions("UpdateOptions", options),
    ...(options.annotate && { annotate: options.annotate }),
    from: options.from,
  };
  checkVersion(options, next, stored);
  retainSystemFields(next, previous);
  const requested = requestedForm(context, request, next);
  if (!options.keepManagedFields && isShown(context, request, requested)) {
    const shown = structuredClone(requested);
    prepare(options, shown, previous);
    setManagedFields(next, managers(context, options, { before: previous, after: shown }));
  }
  await context.admission.mutate(request);
  if (requested !== next) retainSystemFields(next, previous);
  prepare(options, next, previous);
  if (requested !== next) prepare(options, requested, previous);
  dedupeOwners(next, warn);
  shareUnchanged(next, previous);
  const errors = validate(options, next, previous);
  if (errors.length > 0) throw invalid(kindSubjectOf(resource, name), errors);
  if (resource.isCustom && !deepEqual(next.metadata.finalizers, previous.metadata.finalizers)) {
    for (const warning of finalizerWarnings(next.metadata.finalizers)) warn(warning);
  }
  for (const warning of resource.strategy.warnings?.(next, previous) ?? []) warn(warning);
  await context.admission.validate(request);
  return { next, requested, previous };
}

/** What did not change need not be looked at by all that follows. Metadata stays apart, since it still changes. */
function shareUnchanged(next: ApiObject, previous: ApiObject): void {
  for (const key of Object.keys(next)) {
    if (key !== "metadata" && next[key] !== previous[key]) next[key] = shareEqual(next[key], previous[key]);
  }
}

interface Admitted {
  readonly next: ApiObject;
  /** The same without what webhooks changed. */
  readonly requested: ApiObject;
  readonly previous: ApiObject;
}

async function commit(
  context: ServerContext,
  options: UpdateOptions,
  stored: StoredObject,
  { next, requested, previous }: Admitted,
): Promise<Written> {
  const { resource, dryRun } = options;
  if (!options.keepManagedFields) {
    setManagedFields(next, managers(context, options, { before: previous, after: requested }));
  }
  next.metadata.resourceVersion = String(stored.revision);
  if (mayGo(resource, next) && next.metadata.deletionTimestamp !== undefined)
    return removeNow(context, options, next, stored);
  // An older version of it is written anew, as by kube-apiserver, which compares what would be stored: so objects are migrated.
  if (isUnchanged(options, next, previous) && resource.isInStorageVersion(stored))
    return { json: resource.render(stored), stored };
  if (dryRun) return { json: JSON.stringify(next) };
  const put = { resource: resource.storage, key: stored.key, shape: resource.shape, object: resource.toStored(next) };
  const written = await context.store.put(put);
  return { json: resource.render(written), stored: written };
}

/**
 * Whoever applies again what is there already leaves even the time of the entry in managedFields alone, as in kube-apiserver. The
 * apply sees a change where a default fills in what it has just taken from an atomic field.
 */
function isUnchanged({ keepManagedFields }: UpdateOptions, next: ApiObject, previous: ApiObject): boolean {
  if (deepEqual(next, previous)) return true;
  return keepManagedFields === true && deepEqual(withoutTimes(next), withoutTimes(previous));
}

function withoutTimes(object: ApiObject): object {
  const { managedFields = [], ...metadata } = object.metadata;
  return { ...object, metadata: { ...metadata, managedFields: managedFields.map(({ time, ...entry }) => entry) } };
}

function managers(
  { clock }: ServerContext,
  { resource, subresource, fieldManager: manager }: UpdateOptions,
  states: Pick<UpdateToTrack, "before" | "after">,
): UpdateToTrack {
  return { ...states, manager, definition: resource.definition, subresource, now: clock.now() };
}

/** The answer is the object as the update left it, although it is gone. */
async function removeNow(
  context: ServerContext,
  { resource, dryRun }: UpdateOptions,
  next: ApiObject,
  stored: StoredObject,
): Promise<Written> {
  if (!dryRun) await context.store.remove(resource.storage, stored.key);
  return { json: JSON.stringify(next) };
}

/** True when nothing holds a deleted object any more. */
export function mayGo(resource: ServedResource, object: ApiObject): boolean {
  const { finalizers } = object.metadata;
  return (finalizers === undefined || finalizers.length === 0) && !resource.strategy.holdsDeletion?.(object);
}

function checkVersion(options: UpdateOptions, next: ApiObject, stored: StoredObject): void {
  const { resource, name, isPatch } = options;
  const given = next.metadata.resourceVersion ?? "";
  if (given !== "" && !/^\d+$/.test(given)) {
    throw new StatusError(500, undefined, `strconv.ParseUint: parsing ${JSON.stringify(given)}: invalid syntax`);
  }
  if (given === "" || /^0+$/.test(given)) {
    if (isPatch || resource.strategy.unconditionalUpdate || options.subresource === "scale") return;
    throw invalid(subjectOf(resource, name), [
      {
        type: "FieldValueInvalid",
        path: "metadata.resourceVersion",
        message: "Invalid value: 0: must be specified for an update",
      },
    ]);
  }
  if (Number(given) !== stored.revision) throw modified(subjectOf(resource, name));
}

/** What clients usually leave out of an update and the server knows. */
function retainSystemFields(next: ApiObject, previous: ApiObject): void {
  const { metadata: to } = next;
  const { metadata: from } = previous;
  to.uid ||= from.uid;
  // Whatever was sent: this one is the server's alone.
  to.creationTimestamp = from.creationTimestamp;
  if (from.deletionTimestamp !== undefined) {
    to.deletionTimestamp ??= from.deletionTimestamp;
    if (from.deletionGracePeriodSeconds !== undefined)
      to.deletionGracePeriodSeconds ??= from.deletionGracePeriodSeconds;
  }
  if (from.generateName !== undefined) to.generateName ??= from.generateName;
  if (from.generation === undefined) delete to.generation;
  else to.generation = from.generation;
  delete (to as { selfLink?: string }).selfLink;
}

/** Keeps each subresource to its part, and counts the generation. */
function prepare({ resource, subresource }: UpdateOptions, next: ApiObject, previous: ApiObject): void {
  const { definition, strategy } = resource;
  if (subresource === "status") {
    keepAllButStatus(resource, next, previous);
    return;
  }
  if (subresource === "finalize") {
    const { spec } = next;
    for (const key of Object.keys(next)) if (key !== "metadata") delete next[key];
    Object.assign(next, previous, { metadata: { ...previous.metadata }, spec });
    return;
  }
  if (definition.subresources.status) {
    if (previous.status === undefined) delete next.status;
    else next.status = previous.status;
  }
  strategy.prepareForUpdate?.(next, previous);
  if (definition.hasGeneration && !deepEqual(counted(resource, next), counted(resource, previous))) {
    next.metadata.generation = (previous.metadata.generation ?? 0) + 1;
  }
}

/** A status update of a custom object changes nothing else; of a built-in one it may change most metadata. */
function keepAllButStatus(resource: ServedResource, next: ApiObject, previous: ApiObject): void {
  for (const key of Object.keys(next)) if (key !== "status" && key !== "metadata") delete next[key];
  for (const [key, value] of Object.entries(previous)) if (key !== "status" && key !== "metadata") next[key] = value;
  if (resource.isCustom) {
    const { managedFields } = next.metadata;
    next.metadata = { ...previous.metadata };
    if (managedFields) next.metadata.managedFields = managedFields;
    else delete next.metadata.managedFields;
  } else if (previous.metadata.labels) next.metadata.labels = previous.metadata.labels;
  else delete next.metadata.labels;
}

/** The part that `metadata.generation` counts: `spec` of built-in kinds, everything but metadata and status of others. */
function counted(resource: ServedResource, object: ApiObject): unknown {
  if (!resource.isCustom) return object.spec;
  const { metadata: _, status, ...rest } = object;
  return resource.definition.subresources.status ? rest : { ...rest, status };
}

function validate({ resource, subresource }: UpdateOptions, next: ApiObject, previous: ApiObject): FieldError[] {
  const { definition, strategy } = resource;
  const rules = {
    nameErrors: () => [],
    namespaced: definition.namespaced,
    qualifiedFinalizers: strategy.qualifiedFinalizers,
  };
  const errors = validateMetadata(next, rules);
  const immutable = validateMetadataUpdate(next.metadata, previous.metadata);
  // kube-apiserver checks the metadata of custom objects twice, and its causes show it.
  errors.push(...immutable, ...(resource.isCustom ? immutable : []));
  errors.push(...scaleErrors(resource, next));
  errors.push(...schemaErrors(resource, subresource, next, previous));
  if (subresource !== "status") errors.push(...(strategy.validateUpdate?.(next, previous) ?? []));
  return errors;
}

/** The status of a custom object is validated as a document of its own, and the messages show it. */
function schemaErrors(
  resource: ServedResource,
  subresource: string,
  next: ApiObject,
  previous: ApiObject,
): FieldError[] {
  // The schemas of built-in kinds say types only, and decoding has checked those.
  if (!resource.isCustom) return [];
  const errors = resource.schema?.validate(next, previous) ?? [];
  if (subresource !== "status") return errors;
  return errors.map((error) => ({ ...error, message: error.message.replace(": status.", ": ") }));
}

/** A uid in the body of an update is a precondition. */
export function checkUid(resource: ServedResource, next: ApiObject, previous: ApiObject): void {
  const { uid, name } = next.metadata;
  if (!uid || uid === previous.metadata.uid) return;
  throw conflict(
    subjectOf(resource, name),
    `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`,
  );
}
