/** Rarer than that nothing is looked at that is on its way. */
const RAREST_MS = 60_000;

/** The longer something is on its way, the rarer it is looked at: after a tenth of the time that has passed. */
export class BusyTurns {
  /** As many as are on their way. */
  readonly #turns = new Map<string, { readonly since: number; next: number }>();

  /** Which of `busy` to look at now, in monotonic milliseconds; what is not in there has arrived. */
  due(busy: ReadonlySet<string>, now: number): readonly string[] {
    for (const name of this.#turns.keys()) if (!busy.has(name)) this.#turns.delete(name);
    return [...busy].filter((name) => {
      const turn = this.#turns.get(name) ?? { since: now, next: now };
      this.#turns.set(name, turn);
      if (now < turn.next) return false;
      turn.next = now + Math.min((now - turn.since) / 10, RAREST_MS);
      return true;
    });
  }
}
