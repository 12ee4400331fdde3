/** How a change of what the server is subscribed to ended. */
export type Settled<Failure> = { readonly failure: Failure } | undefined;

export interface SubscriptionsOptions<Failure> {
  /** Asks the server; `done` is called once, unless the server goes. */
  readonly ask: (change: "subscribe" | "unsubscribe", uri: string, done: (settled: Settled<Failure>) => void) => void;
}

interface Waiting<Holder, Failure> {
  readonly holder: Holder;
  readonly done: (settled: Settled<Failure>) => void;
  /** It has let go since it asked. */
  hasLeft: boolean;
}

interface Entry<Holder, Failure> {
  readonly holders: Set<Holder>;
  /** Those who wait while the server is asked; undefined once it has agreed. */
  waiting: Waiting<Holder, Failure>[] | undefined;
}

/** Who of many is subscribed to which resource of a server that knows only one client: it is asked for the first, and again for the last. */
export class Subscriptions<Holder, Failure> {
  readonly #ask: SubscriptionsOptions<Failure>["ask"];
  readonly #entries = new Map<string, Entry<Holder, Failure>>();

  constructor({ ask }: SubscriptionsOptions<Failure>) {
    this.#ask = ask;
  }

  /** Resources that `holder` has, or has asked for. */
  countOf(holder: Holder): number {
    let count = 0;
    for (const entry of this.#entries.values()) if (isIn(entry, holder)) count += 1;
    return count;
  }

  holdersOf(uri: string): Iterable<Holder> {
    return this.#entries.get(uri)?.holders ?? [];
  }

  subscribe(holder: Holder, uri: string, done: (settled: Settled<Failure>) => void): void {
    const known = this.#entries.get(uri);
    if (known?.waiting) {
      known.waiting.push({ holder, done, hasLeft: false });
      return;
    }
    if (known) {
      known.holders.add(holder);
      done(undefined);
      return;
    }
    const entry: Entry<Holder, Failure> = { holders: new Set(), waiting: [{ holder, done, hasLeft: false }] };
    this.#entries.set(uri, entry);
    this.#ask("subscribe", uri, (settled) => this.#answered(uri, entry, settled));
  }

  unsubscribe(holder: Holder, uri: string, done: (settled: Settled<Failure>) => void): void {
    const entry = this.#entries.get(uri);
    for (const waiting of entry?.waiting ?? []) if (waiting.holder === holder) waiting.hasLeft = true;
    const wasLast = entry?.holders.delete(holder) === true && entry.holders.size === 0;
    if (!wasLast) {
      done(undefined);
      return;
    }
    this.#entries.delete(uri);
    this.#ask("unsubscribe", uri, done);
  }

  /** Everything that `holder` has. */
  leave(holder: Holder): void {
    for (const [uri, entry] of this.#entries) {
      if (isIn(entry, holder)) this.unsubscribe(holder, uri, () => undefined);
    }
  }

  #answered(uri: string, entry: Entry<Holder, Failure>, settled: Settled<Failure>): void {
    const waiting = entry.waiting ?? [];
    entry.waiting = undefined;
    if (settled) this.#entries.delete(uri);
    for (const { holder, done, hasLeft } of waiting) {
      if (!settled && !hasLeft) entry.holders.add(holder);
      done(settled);
    }
    if (settled || entry.holders.size > 0) return;
    this.#entries.delete(uri);
    this.#ask("unsubscribe", uri, () => undefined);
  }
}

function isIn<Holder, Failure>({ holders, waiting }: Entry<Holder, Failure>, holder: Holder): boolean {
  return holders.has(holder) || waiting?.some((each) => each.holder === holder && !each.hasLeft) === true;
}
