import type { Namespace } from "../../api/core.ts";
import type { KubeObject } from "../../api/meta.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { ObjectReader, ObjectWriter } from "../object-reader.ts";
import type { ServedResource } from "../registry/served-resource.ts";
import type { StoredObject } from "../storage/store.ts";
import type { ServerContext } from "../verbs/server-context.ts";
import { deleteAll } from "./delete-all.ts";
import { KeyedTasks } from "./keyed-tasks.ts";
import { type RemainingContent, type RemainingKind, remainingConditions } from "./remaining-content.ts";

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
    // What is deleted because the namespace ends must not go on in a state in which it does not.
    const reconcile = (name: string) => context.store.inOneState(() => this.#reconcile(name));
    this.#tasks = new KeyedTasks(reconcile, { logger, clock: context.clock, what: "namespace" });
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
    const failures = await this.#deleteContents(name, kinds);
    await store.settled();
    const remaining = kinds.map((kind) => remainingOf(kind, store.list(kind.storage, name))).filter(isRemaining);
    if (remaining.length > 0) {
      await this.#report(namespace, { kinds: remaining, failures: failures.map(({ message }) => message) });
      // Tried again later and later, while what finalizers hold is looked at again soon.
      if (failures.length > 0) throw failures[0];
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

  /** What a webhook or the disk refuses of one kind holds up no other. Resolves to the first failure of each. */
  async #deleteContents(namespace: string, kinds: readonly ServedResource[]): Promise<Error[]> {
    const failures: Error[] = [];
    for (const resource of kinds) {
      await deleteAll(this.#context, resource, { namespace }).catch((error: Error) => failures.push(error));
    }
    return failures;
  }

  /** Says in the status what the namespace waits for; written only when that changes. */
  async #report({ metadata: { name } }: Namespace, remaining: RemainingContent): Promise<void> {
    const change = (current: Namespace) => {
      const before = current.status?.conditions ?? [];
      const conditions = remainingConditions(remaining, before, this.#context.clock.now());
      const isNew = conditions.some((condition) => !before.includes(condition));
      return isNew ? { ...current, status: { ...current.status, conditions } } : undefined;
    };
    const key = { namespace: "", name };
    await this.#writer.update(namespaces, key, (current) => change(current as Namespace), { subresource: "status" });
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

function remainingOf({ definition }: ServedResource, objects: readonly StoredObject[]): RemainingKind {
  const { group, plural } = definition;
  const finalizers = objects
    .filter(({ json }) => json.includes('"finalizers"'))
    .flatMap(({ json }) => (JSON.parse(json) as KubeObject).metadata.finalizers ?? []);
  return { group, plural, count: objects.length, finalizers };
}

const isRemaining = ({ count }: RemainingKind): boolean => count > 0;
