import type { OwnerReference } from "../../api/meta.ts";
import type { Logger } from "../../machinery/logger.ts";
import { StatusError } from "../http/status-error.ts";
import { SERVER_USER } from "../registry/in-process-objects.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ApiObject } from "../registry/strategy.ts";
import type { Change } from "../storage/store.ts";
import { deleteObject } from "../verbs/delete-object.ts";
import type { Propagation } from "../verbs/delete-options.ts";
import { storeKey } from "../verbs/resource-request.ts";
import type { ServerContext } from "../verbs/server-context.ts";
import { updateObject } from "../verbs/update-object.ts";
import { KeyedTasks } from "./keyed-tasks.ts";
import { OwnerIndex, ownersOf, type StoredKey } from "./owner-index.ts";

const FOREGROUND = "foregroundDeletion";
const ORPHAN = "orphan";

/**
 * Deletes what its owners left behind (background), deletes dependents before their owner (foreground), or lets them go
 * (orphan), as the garbage collector of kube-controller-manager does.
 */
export class GarbageCollector {
  readonly #context: ServerContext;
  readonly #index: OwnerIndex;
  readonly #tasks: KeyedTasks;
  readonly #unsubscribe: (() => void)[];

  constructor({ context, logger }: { context: ServerContext; logger: Logger }) {
    this.#context = context;
    const reconcile = (id: string) => context.store.inOneState(() => this.#reconcile(parse(id)));
    this.#tasks = new KeyedTasks(reconcile, {
      logger,
      clock: context.clock,
      what: "owned object",
    });
    const storages = new Set([...context.registry.stored()].map(({ storage }) => storage));
    this.#index = new OwnerIndex(context.store, storages);
    this.#unsubscribe = [
      context.store.subscribe(undefined, (change) => this.#follow(change)),
      // Owners of a kind that was not served yet can be found now.
      context.registry.onChange(() => this.#lookAtAll()),
    ];
    this.#lookAtAll();
  }

  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#tasks.close();
  }

  #lookAtAll(): void {
    for (const storage of new Set([...this.#context.registry.stored()].map((resource) => resource.storage))) {
      for (const stored of this.#context.store.list(storage)) {
        if (ownersOf(stored).length > 0 || isWaiting(stored.json)) this.#tasks.add(format(stored));
      }
    }
  }

  #follow(change: Change): void {
    const { current, previous } = change;
    this.#index.follow(change);
    if (current) {
      if (isWaiting(current.json) || ownersOf(current).length > 0) this.#tasks.add(format(current));
      // A dependent that no longer blocks, or no longer belongs to it, may be what an owner waited for.
      if (previous && JSON.stringify(ownersOf(previous)) !== JSON.stringify(ownersOf(current))) {
        for (const owner of ownersOf(previous)) this.#lookAtOwner(owner, previous);
      }
    } else if (previous) {
      const { uid } = (JSON.parse(previous.json) as ApiObject).metadata;
      for (const dependent of this.#index.dependentsOf(uid)) this.#tasks.add(format(dependent));
      // An owner in foreground deletion may have waited for this one.
      for (const owner of ownersOf(previous)) this.#lookAtOwner(owner, previous);
    }
  }

  #lookAtOwner(owner: OwnerReference, dependent: StoredKey): void {
    const found = this.#find(owner, namespaceOf(dependent.key));
    if (found) this.#tasks.add(format({ resource: found.resource.storage, key: found.key }));
  }

  async #reconcile({ resource: storage, key }: StoredKey): Promise<void> {
    const resource = this.#context.registry.ofStorage(storage);
    const stored = this.#context.store.get(storage, key);
    if (!resource || !stored) return;
    const object = resource.parse(stored);
    const { deletionTimestamp, finalizers = [], uid } = object.metadata;
    if (deletionTimestamp !== undefined) {
      if (finalizers.includes(ORPHAN)) return this.#orphanDependents(resource, object);
      if (finalizers.includes(FOREGROUND)) return this.#deleteDependents(resource, object);
      return;
    }
    const owners = object.metadata.ownerReferences ?? [];
    if (owners.length === 0) return;
    const { solid, dangling, waiting } = this.#judge(owners, namespaceOf(key));
    if (solid.length > 0) {
      const gone = new Set([...dangling, ...waiting].map((owner) => owner.uid));
      if (gone.size > 0) await this.#dropOwners(resource, object, gone);
    } else if (waiting.length > 0) {
      const dependents = this.#index.dependentsOf(uid);
      // Its owner may wait for this one, and this one for its owner: kube-controller-manager breaks the circle here, too.
      if (dependents.some((dependent) => this.#isDeletingDependents(dependent))) await this.#unblock(resource, object);
      await this.#delete(resource, object, dependents.length > 0 ? "Foreground" : "Background");
    } else if (dangling.length === owners.length) {
      await this.#delete(
        resource,
        object,
        finalizers.includes(ORPHAN) ? "Orphan" : finalizers.includes(FOREGROUND) ? "Foreground" : "Background",
      );
    }
  }

  /** Owners of a kind that is not served count as neither there nor gone. */
  #judge(owners: readonly OwnerReference[], namespace: string) {
    const solid: OwnerReference[] = [];
    const dangling: OwnerReference[] = [];
    const waiting: OwnerReference[] = [];
    for (const owner of owners) {
      const found = this.#find(owner, namespace);
      if (found === undefined) solid.push(owner);
      else if (found.object?.metadata.uid !== owner.uid) dangling.push(owner);
      else if (
        found.object.metadata.deletionTimestamp !== undefined &&
        found.object.metadata.finalizers?.includes(FOREGROUND)
      ) {
        waiting.push(owner);
      } else solid.push(owner);
    }
    return { solid, dangling, waiting };
  }

  /** Undefined when the owner's kind is not served. An owner lives in the same namespace or in none. */
  #find(
    owner: OwnerReference,
    namespace: string,
  ): { resource: ServedResource; key: string; object?: ApiObject } | undefined {
    const resource = this.#context.registry.ofKind(owner.apiVersion, owner.kind);
    if (!resource) return undefined;
    const key = storeKey(resource, namespace, owner.name);
    const stored = this.#context.store.get(resource.storage, key);
    return stored ? { resource, key, object: resource.parse(stored) } : { resource, key };
  }

  /** Foreground: dependents that block go first, then the owner's finalizer. */
  async #deleteDependents(resource: ServedResource, owner: ApiObject): Promise<void> {
    const dependents = this.#index.dependentsOf(owner.metadata.uid);
    const blocking = dependents.filter((dependent) => this.#blocks(dependent, owner.metadata.uid));
    if (blocking.length === 0) return this.#removeFinalizer(resource, owner, FOREGROUND);
    for (const dependent of dependents) this.#tasks.add(format(dependent));
  }

  #blocks({ resource, key }: StoredKey, ownerUid: string): boolean {
    const stored = this.#context.store.get(resource, key);
    return (
      stored !== undefined &&
      ownersOf(stored).some(({ uid, blockOwnerDeletion }) => uid === ownerUid && blockOwnerDeletion === true)
    );
  }

  async #orphanDependents(resource: ServedResource, owner: ApiObject): Promise<void> {
    for (const { resource: storage, key } of this.#index.dependentsOf(owner.metadata.uid)) {
      const dependentResource = this.#context.registry.ofStorage(storage);
      const stored = this.#context.store.get(storage, key);
      if (!dependentResource || !stored) continue;
      await this.#dropOwners(dependentResource, dependentResource.parse(stored), new Set([owner.metadata.uid]));
    }
    await this.#removeFinalizer(resource, owner, ORPHAN);
  }

  async #dropOwners(resource: ServedResource, object: ApiObject, uids: ReadonlySet<string>): Promise<void> {
    await this.#update(resource, object, (current) => {
      const owners = current.metadata.ownerReferences?.filter(({ uid }) => !uids.has(uid)) ?? [];
      if (owners.length > 0) current.metadata.ownerReferences = owners;
      else delete current.metadata.ownerReferences;
    });
  }

  #isDeletingDependents({ resource, key }: StoredKey): boolean {
    const stored = this.#context.store.get(resource, key);
    if (!stored || !isWaiting(stored.json)) return false;
    const { metadata } = JSON.parse(stored.json) as ApiObject;
    return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(FOREGROUND) === true;
  }

  /** No owner waits for this object any more. */
  async #unblock(resource: ServedResource, object: ApiObject): Promise<void> {
    await this.#update(resource, object, (current) => {
      const { metadata } = current;
      metadata.ownerReferences = (metadata.ownerReferences ?? []).map((owner) => ({
        ...owner,
        blockOwnerDeletion: false,
      }));
    });
  }

  async #removeFinalizer(resource: ServedResource, object: ApiObject, finalizer: string): Promise<void> {
    await this.#update(resource, object, (current) => {
      const finalizers = current.metadata.finalizers?.filter((name) => name !== finalizer) ?? [];
      if (finalizers.length > 0) current.metadata.finalizers = finalizers;
      else delete current.metadata.finalizers;
    });
  }

  async #update(
    resource: ServedResource,
    { metadata }: ApiObject,
    change: (current: ApiObject) => void,
  ): Promise<void> {
    const options = {
      resource,
      namespace: metadata.namespace ?? "",
      name: metadata.name,
      subresource: "",
      user: SERVER_USER,
      dryRun: false,
      fieldManager: "kube-controller-manager",
      warn: () => undefined,
      isPatch: true,
      change: (current: ApiObject) => {
        if (current.metadata.uid === metadata.uid) change(current);
        return current;
      },
    };
    await updateObject(this.#context, options).catch(ignoreGone);
  }

  async #delete(resource: ServedResource, { metadata }: ApiObject, propagation: Propagation): Promise<void> {
    const options = { propagation, preconditions: { uid: metadata.uid }, dryRun: false };
    const { name, namespace = "" } = metadata;
    const deletion = { resource, namespace, name, user: SERVER_USER, options, warn: () => undefined };
    await deleteObject(this.#context, deletion).catch(ignoreGone);
  }
}

/** Gone, or another object of the same name by now. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof StatusError) || (error.code !== 404 && error.code !== 409)) throw error;
}

/** Marked for deletion, with a finalizer that is the collector's to remove. */
function isWaiting(json: string): boolean {
  return json.includes('"deletionTimestamp":') && (json.includes(`"${FOREGROUND}"`) || json.includes(`"${ORPHAN}"`));
}

function namespaceOf(key: string): string {
  const slash = key.indexOf("/");
  return slash < 0 ? "" : key.slice(0, slash);
}

function format({ resource, key }: StoredKey): string {
  return `${resource} ${key}`;
}

function parse(id: string): StoredKey {
  const space = id.indexOf(" ");
  return { resource: id.slice(0, space), key: id.slice(space + 1) };
}
