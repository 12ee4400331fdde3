import type { KubeObject, ObjectKey } from "../api/meta.ts";
import { Informer, type InformerOptions } from "./informer.ts";
import type { ChangeHandler, ChangeSource, Lister } from "./lister.ts";
import type { Runnable } from "./runnable.ts";

/** A cache that runs, whichever way it is filled. */
export type Cache<T extends KubeObject> = Lister<T> &
  ChangeSource<T> &
  Runnable & { readonly size: number; whenReady(signal: AbortSignal): Promise<void> };

/**
 * One kind in a few namespaces and in no other, for a controller that has no rights beyond them: a list and a watch in each,
 * read as one cache. What is elsewhere does not exist here.
 */
export class NamespacedInformers<T extends KubeObject> implements Lister<T>, ChangeSource<T>, Runnable {
  readonly name: string;
  readonly #informers: ReadonlyMap<string, Informer<T>>;

  constructor(namespaces: Iterable<string>, { metrics, ...options }: Omit<InformerOptions<T>, "scope">) {
    this.name = `informer ${options.type.plural}`;
    // To its metrics this is one cache: only the whole of it is attached.
    const { attached: _attached, ...parts } = metrics ?? {};
    this.#informers = new Map(
      [...new Set(namespaces)].map((namespace) => [
        namespace,
        new Informer<T>({ ...options, metrics: parts, scope: { namespace } }),
      ]),
    );
    metrics?.attached?.(this);
  }

  get size(): number {
    return this.#all().reduce((sum, { size }) => sum + size, 0);
  }

  get(key: ObjectKey): T | undefined {
    return this.#informers.get(key.namespace)?.get(key);
  }

  list(namespace?: string): readonly T[] {
    if (namespace !== undefined) return this.#informers.get(namespace)?.list(namespace) ?? [];
    return this.#all().flatMap((informer) => informer.list());
  }

  byIndex(index: string, value: string): readonly T[] {
    return this.#all().flatMap((informer) => informer.byIndex(index, value));
  }

  onChange(handler: ChangeHandler<T>): () => void {
    const ends = this.#all().map((informer) => informer.onChange(handler));
    return () => {
      for (const end of ends) end();
    };
  }

  hasSynced(): boolean {
    return this.#all().every((informer) => informer.hasSynced());
  }

  isReady(): boolean {
    return this.hasSynced();
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map((informer) => informer.whenReady(signal)));
  }

  /** As each of them does: the first that cannot go on ends this. */
  async run(stop: AbortSignal): Promise<void> {
    await Promise.all(this.#all().map((informer) => informer.run(stop)));
  }

  #all(): Informer<T>[] {
    return [...this.#informers.values()];
  }
}

/** A cache of one kind, in these namespaces or, where none are named, in all. */
export function cacheOf<T extends KubeObject>(
  namespaces: readonly string[] | undefined,
  options: Omit<InformerOptions<T>, "scope">,
): Cache<T> {
  return namespaces ? new NamespacedInformers(namespaces, options) : new Informer(options);
}
