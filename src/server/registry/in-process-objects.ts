import type { KubeObject, ObjectKey } from "../../api/meta.ts";
import { formatKey } from "../../api/meta.ts";
import type { UserInfo } from "../access/access.ts";
import { StatusError } from "../http/status-error.ts";
import type { GroupResource, ObjectChange, ObjectReader, ObjectWriter, WriterOptions } from "../object-reader.ts";
import type { Store, StoredObject } from "../storage/store.ts";
import { createObject } from "../verbs/create-object.ts";
import { deleteObject } from "../verbs/delete-object.ts";
import type { Propagation } from "../verbs/delete-options.ts";
import type { ServerContext } from "../verbs/server-context.ts";
import { updateObject } from "../verbs/update-object.ts";
import { type ServedResource, storageName } from "./served-resource.ts";
import type { ApiObject } from "./strategy.ts";

/** The user that the server's own writes are made as: the same that kube-apiserver uses for itself. */
export const SERVER_USER: UserInfo = {
  username: "system:apiserver",
  groups: ["system:masters", "system:authenticated"],
};

/** Reads for code inside the server, parsed once for each stored object. */
export class StoreReader implements ObjectReader {
  readonly #store: Store;
  readonly #parsed = new WeakMap<StoredObject, KubeObject>();

  constructor(store: Store) {
    this.#store = store;
  }

  get<T extends KubeObject>({ group, plural }: GroupResource, key: ObjectKey): T | undefined {
    const stored = this.#store.get(storageName(group, plural), formatKey(key));
    return stored && this.#parse<T>(stored);
  }

  list<T extends KubeObject>({ group, plural }: GroupResource, namespace?: string): readonly T[] {
    return this.#store.list(storageName(group, plural), namespace).map((stored) => this.#parse<T>(stored));
  }

  subscribe({ group, plural }: GroupResource, listener: (change: ObjectChange) => void): () => void {
    return this.#store.subscribe(storageName(group, plural), ({ current, previous }) => {
      const stored = current ?? previous;
      if (!stored) return;
      const type = current === undefined ? "DELETED" : previous === undefined ? "ADDED" : "MODIFIED";
      listener({ type, object: this.#parse(stored) });
    });
  }

  #parse<T extends KubeObject>(stored: StoredObject): T {
    let object = this.#parsed.get(stored);
    if (!object) {
      object = JSON.parse(stored.json) as KubeObject;
      this.#parsed.set(stored, object);
    }
    return object as T;
  }
}

/** Writes of the server itself, through the same steps as anybody's. */
export class ServerWriter implements ObjectWriter {
  readonly #context: ServerContext;

  constructor(context: ServerContext) {
    this.#context = context;
  }

  async create(resource: GroupResource, object: object, options: WriterOptions = {}): Promise<KubeObject> {
    const served = this.#served(resource);
    const copy = structuredClone(object) as ApiObject;
    copy.apiVersion ??= served.apiVersion;
    copy.kind ??= served.definition.kind;
    copy.metadata ??= { name: "" } as ApiObject["metadata"];
    withDefaults(served, copy);
    const creation = { ...this.#common(served, options), namespace: copy.metadata.namespace ?? "", object: copy };
    const { json } = await this.#step(() => createObject(this.#context, creation));
    return JSON.parse(json);
  }

  async update(
    resource: GroupResource,
    { namespace, name }: ObjectKey,
    change: (current: KubeObject) => object | undefined,
    options: WriterOptions = {},
  ): Promise<KubeObject> {
    const served = this.#served(resource);
    const update = {
      ...this.#common(served, options),
      namespace,
      name,
      subresource: options.subresource ?? "",
      isPatch: true,
      change: (current: ApiObject) => {
        const unchanged = structuredClone(current);
        const next = change(current) as ApiObject | undefined;
        return next ? withDefaults(served, next) : unchanged;
      },
    };
    const { json } = await this.#step(() => updateObject(this.#context, update));
    return JSON.parse(json);
  }

  async delete(
    resource: GroupResource,
    { namespace, name }: ObjectKey,
    { uid, propagationPolicy }: { uid?: string; propagationPolicy?: string } = {},
  ): Promise<void> {
    const options = {
      propagation: propagationPolicy as Propagation | undefined,
      preconditions: uid === undefined ? {} : { uid },
      dryRun: false,
    };
    const deletion = {
      resource: this.#served(resource),
      namespace,
      name,
      user: SERVER_USER,
      options,
      warn: ignore,
    };
    try {
      await this.#step(() => deleteObject(this.#context, deletion));
    } catch (error) {
      if (!(error instanceof StatusError) || error.code !== 404) throw error;
    }
  }

  #step<T>(work: () => T): T {
    return this.#context.store.inOneState(work, "step");
  }

  #common(resource: ServedResource, { fieldManager, user }: WriterOptions) {
    return {
      resource,
      user: user ?? SERVER_USER,
      dryRun: false,
      fieldManager: fieldManager ?? "slipway",
      warn: ignore,
    };
  }

  #served({ group, plural }: GroupResource): ServedResource {
    const resource = this.#context.registry.ofStorage(storageName(group, plural));
    if (!resource) throw new RangeError(`${storageName(group, plural)} is not served`);
    return resource;
  }
}

/** In place, as decoding does it for everybody else. */
function withDefaults({ schema, strategy }: ServedResource, object: ApiObject): ApiObject {
  schema?.applyDefaults(object);
  strategy.applyDefaults?.(object);
  return object;
}

/** Nobody reads the server's own warnings. */
function ignore(): void {
  return;
}
