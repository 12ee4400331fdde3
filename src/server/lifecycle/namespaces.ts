import type { Namespace } from "../../api/core.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { ObjectReader, ObjectWriter } from "../object-reader.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { ServerContext } from "../verbs/server-context.ts";
import { deleteAll } from "./delete-all.ts";
import { KeyedTasks } from "./keyed-tasks.ts";

const namespaces = { group: "", plural: "namespaces" };
/** How often a namespace is looked at again while finalizers hold what is in it. */
const RECHECK_MS = 1_000;
const FINALIZER = "kubernetes";

/** Empties namespaces that are being deleted, then lets them go. */
export class NamespaceLifecycle {
  readonly #context: ServerContext;
  readonly #reader: ObjectReader;
  readonly #writer: ObjectWriter;
  readonly #tasks: KeyedTasks;
  readonly #unsubscribe: (() => void)[];

  constructor({
    context,
    reader,
    writer,
    logger,
  }: { context: ServerContext; reader: ObjectReader; writer: ObjectWriter; logger: Logger }) {
    this.#context = context;
    this.#reader = reader;
    this.#writer = writer;
    this.#tasks = new KeyedTasks((name) => this.#reconcile(name), { logger, clock: context.clock, what: "namespace" });
    this.#unsubscribe = [
      reader.subscribe(namespaces, ({ type, object }) => {
        if (type !== "DELETED" && object.metadata.deletionTimestamp !== undefined)
          this.#tasks.add(object.metadata.name);
      }),
      // The last object that goes is what an ending namespace waits for.
      context.store.subscribe(undefined, ({ current, key }) => {
        const slash = key.indexOf("/");
        if (!current && slash > 0 && this.#isEnding(key.slice(0, slash))) this.#tasks.add(key.slice(0, slash));
      }),
    ];
    for (const { metadata } of reader.list(namespaces))
      if (metadata.deletionTimestamp !== undefined) this.#tasks.add(metadata.name);
  }

  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#tasks.close();
  }

  #isEnding(name: string): boolean {
    return this.#reader.get(namespaces, { namespace: "", name })?.metadata.deletionTimestamp !== undefined;
  }

  async #reconcile(name: string): Promise<void> {
    const namespace = this.#reader.get<Namespace>(namespaces, { namespace: "", name });
    if (namespace?.metadata.deletionTimestamp === undefined || !namespace.spec?.finalizers?.includes(FINALIZER)) return;
    const { store } = this.#context;
    // Creates that were admitted before the namespace began to end are durable after this.
    await store.settled();
    const kinds = this.#namespacedKinds();
    for (const resource of kinds) await deleteAll(this.#context, resource, { namespace: name });
    await store.settled();
    if (kinds.some(({ storage }) => store.list(storage, name).length > 0)) {
      this.#tasks.addAfter(name, RECHECK_MS);
      return;
    }
    await this.#writer.update(
      namespaces,
      { namespace: "", name },
      (current) => ({
        ...current,
        spec: { finalizers: (current as Namespace).spec?.finalizers?.filter((it) => it !== FINALIZER) ?? [] },
      }),
      { subresource: "finalize" },
    );
  }

  /** One served version of each namespaced kind. */
  #namespacedKinds(): ServedResource[] {
    const byStorage = new Map<string, ServedResource>();
    for (const resource of this.#context.registry.stored()) {
      if (resource.definition.namespaced) byStorage.set(resource.storage, resource);
    }
    return [...byStorage.values()];
  }
}
