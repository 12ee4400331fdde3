import type { UserInfo } from "../access/access.ts";
import type { AdmissionRequest } from "../admission/admission.ts";
import { conflict, modified, notFound } from "../http/status-error.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { StoredObject } from "../storage/store.ts";
import type { DeleteOptions } from "./delete-options.ts";
import { kindSubjectOf, storeKey, subjectOf } from "./resource-request.ts";
import { type ServerContext, timestamp } from "./server-context.ts";
import { MAX_ATTEMPTS, mayGo } from "./update-object.ts";

export interface Deletion {
  readonly resource: ServedResource;
  readonly namespace: string;
  readonly name: string;
  readonly user: UserInfo;
  readonly options: DeleteOptions;
  readonly warn: (text: string) => void;
  readonly annotate?: AdmissionRequest["annotate"];
  readonly from?: AdmissionRequest["from"];
  /** True where it goes together with the collection that it is in. */
  readonly ofCollection?: boolean;
  /** True where nobody is to be asked. */
  readonly withoutAdmission?: boolean;
}

export interface Deleted {
  /** The last state; `gone` tells whether it is still there, waiting for its finalizers. */
  readonly object: ApiObject;
  readonly gone: boolean;
}

/** Deletes, or marks what finalizers hold. Repeating it changes nothing. @throws {StatusError} NotFound, Conflict. */
export async function deleteObject(context: ServerContext, deletion: Deletion): Promise<Deleted> {
  const { resource, namespace, name } = deletion;
  const { store } = context;
  const isRemote = !deletion.withoutAdmission && context.admission.isRemote(admissionOf(deletion, undefined));
  if (isRemote) return deleteOptimistically(context, deletion);
  const key = storeKey(resource, namespace, name);
  return store.exclusively(resource.storage, key, async () => {
    const stored = find(context, deletion);
    await admit(context, deletion, stored);
    return commit(context, deletion, stored);
  });
}

/** Decides without the key's lock, and deletes if the object is still what it was. */
async function deleteOptimistically(context: ServerContext, deletion: Deletion): Promise<Deleted> {
  const { resource, namespace, name } = deletion;
  const { store } = context;
  const key = storeKey(resource, namespace, name);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const stored = find(context, deletion);
    await admit(context, deletion, stored);
    const deleted = await store.exclusively(resource.storage, key, () =>
      store.get(resource.storage, key)?.revision === stored.revision ? commit(context, deletion, stored) : undefined,
    );
    if (deleted) return deleted;
  }
  throw modified(subjectOf(resource, name));
}

function find({ store }: ServerContext, { resource, namespace, name }: Deletion): StoredObject {
  const stored = store.get(resource.storage, storeKey(resource, namespace, name));
  if (!stored) throw notFound(subjectOf(resource, name));
  return stored;
}

async function admit(context: ServerContext, deletion: Deletion, stored: StoredObject): Promise<void> {
  const { resource, options } = deletion;
  const object = resource.parse(stored);
  checkPreconditions(resource, object, options);
  if (deletion.withoutAdmission) return;
  const request = admissionOf(deletion, object);
  await context.admission.mutate(request);
  await context.admission.validate(request);
}

function admissionOf(deletion: Deletion, oldObject: ApiObject | undefined): AdmissionRequest {
  const { resource, namespace, name, user, options, warn, annotate, from, ofCollection = false } = deletion;
  const { propagation, preconditions, dryRun } = options;
  return {
    operation: "DELETE",
    definition: resource.definition,
    subresource: "",
    ...{ namespace, name, user, dryRun, warn, ofCollection },
    object: undefined,
    oldObject,
    ...(annotate && { annotate }),
    from,
    options: {
      ...{ kind: "DeleteOptions", apiVersion: "meta.k8s.io/v1" },
      ...(propagation === undefined ? {} : { propagationPolicy: propagation }),
      ...(Object.keys(preconditions).length === 0 ? {} : { preconditions }),
      ...(dryRun ? { dryRun: ["All"] } : {}),
    },
  };
}

async function commit(context: ServerContext, deletion: Deletion, stored: StoredObject): Promise<Deleted> {
  const { resource, options } = deletion;
  const object = resource.parse(stored);
  const isFirst = object.metadata.deletionTimestamp === undefined;
  const onlyMarks = isFirst && resource.strategy.deletesInTwoSteps === true;
  const marked = mark(context, resource, object, { ...options, onlyMarks });
  if (!onlyMarks && mayGo(resource, object)) {
    if (!options.dryRun) {
      object.metadata.resourceVersion = String(await context.store.remove(resource.storage, stored.key));
    }
    return { object, gone: true };
  }
  if (!marked || options.dryRun) return { object, gone: false };
  const put = { resource: resource.storage, key: stored.key, shape: resource.shape, object: resource.toStored(object) };
  const written = await context.store.put(put);
  return { object: resource.parse(written), gone: false };
}

/** Sets the time of deletion and the collector's finalizers. Returns whether anything changed. */
function mark(
  context: ServerContext,
  resource: ServedResource,
  object: ApiObject,
  { propagation, onlyMarks }: DeleteOptions & { onlyMarks: boolean },
): boolean {
  const { metadata } = object;
  const finalizers = new Set(metadata.finalizers);
  const before = [...finalizers].join();
  if (propagation === "Orphan") finalizers.delete("foregroundDeletion");
  if (propagation === "Foreground") finalizers.delete("orphan");
  if (propagation === "Background") for (const ours of ["orphan", "foregroundDeletion"]) finalizers.delete(ours);
  if (propagation === "Orphan") finalizers.add("orphan");
  if (propagation === "Foreground") finalizers.add("foregroundDeletion");
  const changed = [...finalizers].join() !== before;
  if (finalizers.size > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;
  if ((!onlyMarks && mayGo(resource, object)) || metadata.deletionTimestamp !== undefined) return changed;
  metadata.deletionTimestamp = timestamp(context.clock);
  if (resource.strategy.markDeleted) resource.strategy.markDeleted(object, metadata.deletionTimestamp);
  else metadata.deletionGracePeriodSeconds = 0;
  if (metadata.generation !== undefined) metadata.generation++;
  return true;
}

function checkPreconditions(resource: ServedResource, { metadata }: ApiObject, { preconditions }: DeleteOptions): void {
  const subject = kindSubjectOf(resource, metadata.name);
  if (preconditions.uid !== undefined && preconditions.uid !== metadata.uid) {
    throw conflict(
      subject,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (preconditions.resourceVersion !== undefined && preconditions.resourceVersion !== metadata.resourceVersion) {
    throw conflict(
      subject,
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`,
    );
  }
}
