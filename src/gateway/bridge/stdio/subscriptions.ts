/** How a change of what the server is subscribed to ended. */
export type Settled<Failure> = { readonly failure: Failure } | undefined;
export type OnSettled<Failure> = (settled: Settled<Failure>) => void;

/** Asks the server. `done` is called once. */
export type AskServer<Failure> = (change: "subscribe" | "unsubscribe", uri: string, done: OnSettled<Failure>) => void;

interface Entry<Holder, Failure> {
  readonly holders: Set<Holder>;
  /** Who waits while the server is asked; undefined once it has agreed. */
  waiting: OnSettled<Failure>[] | undefined;
}

/**
 * Who of many is subscribed to which resource of a server that knows only one client: it is asked for the first, and told
 * to stop with the last.
 */
export class Subscriptions<Holder, Failure> {
  readonly #ask: AskServer<Failure>;
  readonly #entries = new Map<string, Entry<Holder, Failure>>();
  readonly #urisOf = new Map<Holder, Set<string>>();

  constructor(ask: AskServer<Failure>) {
    this.#ask = ask;
  }

  /** Resources that `holder` has, or has asked for. */
  countOf(holder: Holder): number {
    return this.#urisOf.get(holder)?.size ?? 0;
  }

  holdersOf(uri: string): Iterable<Holder> {
    return this.#entries.get(uri)?.holders ?? [];
  }

  subscribe(holder: Holder, uri: string, done: OnSettled<Failure>): void {
    const uris = this.#urisOf.get(holder) ?? new Set();
    this.#urisOf.set(holder, uris.add(uri));
    const known = this.#entries.get(uri);
    known?.holders.add(holder);
    if (known?.waiting) {
      known.waiting.push(done);
    } else if (known) {
      done(undefined);
    } else {
      const entry: Entry<Holder, Failure> = { holders: new Set([holder]), waiting: [done] };
      this.#entries.set(uri, entry);
      this.#ask("subscribe", uri, (settled) => this.#asked(uri, entry, settled));
    }
  }

  unsubscribe(holder: Holder, uri: string, done: OnSettled<Failure>): void {
    this.#forget(holder, uri);
    const entry = this.#entries.get(uri);
    const hadIt = entry?.holders.delete(holder) === true;
    // While the server is asked, nothing is taken back: that follows when it has agreed.
    if (!hadIt || entry.holders.size > 0 || entry.waiting) {
      done(undefined);
      return;
    }
    this.#entries.delete(uri);
    this.#ask("unsubscribe", uri, done);
  }

  /** Everything that `holder` has. */
  leave(holder: Holder): void {
    for (const uri of this.#urisOf.get(holder) ?? []) this.unsubscribe(holder, uri, () => undefined);
  }

  #asked(uri: string, entry: Entry<Holder, Failure>, settled: Settled<Failure>): void {
    const waiting = entry.waiting ?? [];
    entry.waiting = undefined;
    if (settled || entry.holders.size === 0) this.#entries.delete(uri);
    if (settled) for (const holder of entry.holders) this.#forget(holder, uri);
    else if (entry.holders.size === 0) this.#ask("unsubscribe", uri, () => undefined);
    for (const done of waiting) done(settled);
  }

  #forget(holder: Holder, uri: string): void {
    const uris = this.#urisOf.get(holder);
    uris?.delete(uri);
    if (uris?.size === 0) this.#urisOf.delete(holder);
  }
}
