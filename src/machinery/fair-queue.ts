import type { ObjectKey } from "../api/meta.ts";
import { Fifo } from "./fifo.ts";

/** What waits, in order within each namespace; namespaces take turns, so the storm of one delays no other. */
export class FairQueue<T extends { readonly key: ObjectKey }> {
  /** Namespaces with something to do, in the order of their turns. */
  readonly #turns = new Fifo<string>();
  readonly #waiting = new Map<string, Fifo<T>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    const { namespace } = item.key;
    const waiting = this.#waiting.get(namespace);
    if (waiting) {
      waiting.push(item);
    } else {
      const first = new Fifo<T>();
      first.push(item);
      this.#waiting.set(namespace, first);
      this.#turns.push(namespace);
    }
    this.#size++;
  }

  shift(): T | undefined {
    const namespace = this.#turns.shift();
    const waiting = namespace === undefined ? undefined : this.#waiting.get(namespace);
    if (namespace === undefined || !waiting) return undefined;
    const item = waiting.shift();
    if (waiting.size > 0) this.#turns.push(namespace);
    else this.#waiting.delete(namespace);
    this.#size--;
    return item;
  }
}
