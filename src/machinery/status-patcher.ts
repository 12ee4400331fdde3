import { type Condition, type KubeObject, keyOf, type ResourceType } from "../api/meta.ts";
import type { KubeClient } from "./client.ts";
import { mergePatch } from "./merge-patch.ts";

/** What every status here has in common. */
export interface ObjectStatus {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Condition[] | undefined;
}

export interface StatusPatcherOptions<T extends KubeObject> {
  readonly client: KubeClient;
  readonly type: ResourceType<T>;
  /** The manager that managedFields name. */
  readonly fieldManager: string;
  /**
   * Members of the status that are written here. One of them that the next status lacks is removed; any other member
   * belongs to somebody else and stays. Default: those that the next status names, so that nothing is ever removed.
   */
  readonly fields?: readonly string[];
}

/**
 * Writes the status of an object, when it differs from the one that was read, in one request.
 *
 * It sends the difference as a JSON merge patch with the resourceVersion that was read. What another manager added and
 * we neither read nor set is not in the patch and stays; what it added to a list that we replace (a condition) cannot be
 * lost, since the resourceVersion has moved and the patch answers 409: read again. Server-side apply would keep the
 * other's field too, but also send whole statuses from which the server finds out that nothing changed, let a controller
 * that lost its lease overwrite its successor, and store the owner of each field once more in every object.
 */
export class StatusPatcher<T extends KubeObject & { status?: ObjectStatus }> {
  readonly #options: StatusPatcherOptions<T>;

  constructor(options: StatusPatcherOptions<T>) {
    this.#options = options;
  }

  /**
   * Answers the object as it is afterwards: the same when nothing differs, which costs no request.
   * @throws {ApiError} `Conflict` when `object` was read too long ago, `NotFound` when it is gone.
   */
  async patch(object: T, next: NonNullable<T["status"]>, signal?: AbortSignal): Promise<T> {
    const status = this.#difference(object.status ?? {}, next);
    if (status === undefined) return object;
    const { client, type, fieldManager } = this.#options;
    const body = { metadata: { resourceVersion: object.metadata.resourceVersion }, status };
    return client.patch(
      type,
      keyOf(object),
      { type: "merge", body },
      { subresource: "status", fieldManager, ...(signal ? { signal } : {}) },
    );
  }

  #difference(before: ObjectStatus, next: ObjectStatus): Record<string, unknown> | undefined {
    const conditions = next.conditions && keepTransitionTimes(before.conditions ?? [], next.conditions);
    const after = { ...next, ...(conditions ? { conditions } : {}) };
    const ours = new Set([...(this.#options.fields ?? []), ...Object.keys(after)]);
    const known = Object.entries(before).filter(([name]) => ours.has(name));
    return mergePatch(Object.fromEntries(known), after);
  }
}

/** A condition whose status stays keeps its time, even where its maker built it anew. */
function keepTransitionTimes(before: readonly Condition[], next: readonly Condition[]): Condition[] {
  return next.map((condition) => {
    const previous = before.find(({ type }) => type === condition.type);
    return previous?.status === condition.status
      ? { ...condition, lastTransitionTime: previous.lastTransitionTime }
      : condition;
  });
}
