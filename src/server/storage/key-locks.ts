/** First come, first served locks by key. A free key costs one map entry for as long as it is held. */
export class KeyLocks {
  readonly #tails = new Map<string, Promise<void>>();

  run<T>(key: string, work: () => T | Promise<T>): T | Promise<T> {
    const before = this.#tails.get(key);
    if (before) return this.#hold(key, before.then(work));
    const result = work();
    return result instanceof Promise ? this.#hold(key, result) : result;
  }

  #hold<T>(key: string, result: Promise<T>): Promise<T> {
    const tail = result.then(
      () => this.#free(key, tail),
      () => this.#free(key, tail),
    );
    this.#tails.set(key, tail);
    return result;
  }

  #free(key: string, tail: Promise<void>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
