/** First come, first served locks by key. A free key costs one map entry for as long as it is held. */
export class KeyLocks {
  readonly #tails = new Map<string, Promise<void>>();

  run<T>(key: string, work: () => T | Promise<T>): T | Promise<T> {
    const before = this.#tails.get(key);
    if (before !== undefined) return this.#hold(key, before.then(work));
    const result = work();
    return result instanceof Promise ? this.#hold(key, result) : result;
  }

  #hold<T>(key: string, result: Promise<T>): Promise<T> {
    const free = (): void => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail: Promise<void> = result.then(free, free);
    this.#tails.set(key, tail);
    return result;
  }
}
