import { type KubeObject, keyOf, type ResourceType } from "../api/meta.ts";
import { isReason, type KubeClient } from "./client.ts";

export interface FinalizerOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly type: ResourceType<T>;
  /** Such as `slipway.dev/teardown`. */
  readonly finalizer: string;
  readonly signal?: AbortSignal;
}

export function hasFinalizer(object: KubeObject, finalizer: string): boolean {
  return object.metadata.finalizers?.includes(finalizer) ?? false;
}

/**
 * Answers the object with the finalizer; the same when it has it already, or is being deleted: then the server takes
 * none any more. @throws {ApiError} `Conflict` when `object` was read too long ago, `NotFound` when it is gone.
 */
export async function addFinalizer<T extends KubeObject>(object: T, options: FinalizerOptions<T>): Promise<T> {
  if (hasFinalizer(object, options.finalizer) || object.metadata.deletionTimestamp !== undefined) return object;
  return patchFinalizers(object, [...(object.metadata.finalizers ?? []), options.finalizer], options);
}

/**
 * Removes the finalizer; the server deletes an object that is being deleted with its last one. Fine when the object is
 * gone already. @throws {ApiError} `Conflict` when `object` was read too long ago.
 */
export async function removeFinalizer<T extends KubeObject>(object: T, options: FinalizerOptions<T>): Promise<void> {
  if (!hasFinalizer(object, options.finalizer)) return;
  const rest = object.metadata.finalizers?.filter((finalizer) => finalizer !== options.finalizer) ?? [];
  try {
    await patchFinalizers(object, rest, options);
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
  }
}

/** The list is replaced whole, so the resourceVersion guards the finalizers of others. */
function patchFinalizers<T extends KubeObject>(
  object: T,
  finalizers: readonly string[],
  { client, type, signal }: FinalizerOptions<T>,
): Promise<T> {
  const body = { metadata: { resourceVersion: object.metadata.resourceVersion, finalizers } };
  return client.patch(type, keyOf(object), { type: "merge", body }, signal ? { signal } : {});
}
