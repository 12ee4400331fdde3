import type { LogLine } from "./log-line.ts";

type Lines = AsyncIterable<LogLine> | Iterable<LogLine>;

/**
 * Lines of several sources, each in its own order, by their time; of two of the same time that of the earlier source comes
 * first. Holds one line of each. A source that waits holds up all, so none may follow.
 */
export async function* byTime(sources: readonly Lines[]): AsyncGenerator<LogLine, void, undefined> {
  const iterators = sources.map((source) =>
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator](),
  );
  try {
    const heads = await Promise.all(iterators.map((iterator) => iterator.next()));
    for (;;) {
      let first: number | undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const [index, head] of heads.entries()) {
        if (head.done || (first !== undefined && head.value.at >= least)) continue;
        first = index;
        least = head.value.at;
      }
      const head = first === undefined ? undefined : heads[first];
      const iterator = first === undefined ? undefined : iterators[first];
      if (first === undefined || head === undefined || iterator === undefined || head.done) return;
      yield head.value;
      heads[first] = await iterator.next();
    }
  } finally {
    await Promise.allSettled(iterators.map((iterator) => iterator.return?.()));
  }
}

/**
 * What any of several sources has, as it comes; sources may join while others are read. Ends when the last has ended. Holds
 * one item of each.
 */
export async function* asItComes<T>(sources: AsyncIterable<AsyncIterable<T>>): AsyncGenerator<T, void, undefined> {
  const open = new Set<AsyncIterator<unknown>>();
  const ready: (() => { readonly item: T } | undefined)[] = [];
  let wake: () => void = () => undefined;
  const pull = <U>(iterator: AsyncIterator<U>, take: (value: U) => { readonly item: T } | undefined): void => {
    open.add(iterator);
    const done = (): undefined => void open.delete(iterator);
    const settle = (outcome: () => { readonly item: T } | undefined): void => {
      ready.push(outcome);
      wake();
    };
    iterator.next().then(
      (result) =>
        settle(() => {
          if (result.done) return done();
          const taken = take(result.value);
          pull(iterator, take);
          return taken;
        }),
      (error: unknown) =>
        settle(() => {
          done();
          throw error;
        }),
    );
  };
  pull(sources[Symbol.asyncIterator](), (source) => {
    pull(source[Symbol.asyncIterator](), (item) => ({ item }));
    return undefined;
  });
  try {
    while (open.size > 0) {
      const outcome = ready.shift();
      const taken = outcome?.();
      if (taken) yield taken.item;
      if (outcome) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      if (ready.length === 0) await promise;
    }
  } finally {
    // Not awaited: one that waits for its next line would answer only after it. Its signal ends it.
    for (const iterator of open) void iterator.return?.().catch(() => undefined);
  }
}
