/** Longest that one deployment keeps the others waiting: longer than a server usually needs for its first answer. */
export const TURN_MS = 300_000;

interface Group {
  holder: { readonly key: string; readonly since: number } | undefined;
  /** In the order in which they asked. */
  readonly waiting: Set<string>;
}

/**
 * Lets the members of a group (the deployments of one profile) go one at a time. Whoever has the turn keeps it until it gives
 * it back, or until it has had it for `TURN_MS` and another asks. Lost with the process: who is first then is a matter of chance.
 */
export class Turns {
  readonly #groups = new Map<string, Group>();
  /** The group that a key waits in or has the turn of. */
  readonly #groupOf = new Map<string, string>();
  readonly #onTurn: (key: string) => void;

  /** `onTurn` is called with the key that has just got the turn because another gave it back. */
  constructor(onTurn: (key: string) => void) {
    this.#onTurn = onTurn;
  }

  /** Whether `key` may go; else it waits in line. `now` is in monotonic milliseconds. */
  take(key: string, group: string, now: number): boolean {
    if (this.#groupOf.get(key) !== group) this.giveBack(key, now);
    this.#groupOf.set(key, group);
    const found = this.#groups.get(group) ?? { holder: undefined, waiting: new Set() };
    this.#groups.set(group, found);
    const { holder, waiting } = found;
    if (holder?.key === key) return true;
    if (holder && now - holder.since < TURN_MS) {
      waiting.add(key);
      return false;
    }
    if (holder) this.#groupOf.delete(holder.key);
    waiting.delete(key);
    found.holder = { key, since: now };
    return true;
  }

  has(key: string): boolean {
    const group = this.#groupOf.get(key);
    return group !== undefined && this.#groups.get(group)?.holder?.key === key;
  }

  /** Milliseconds until somebody else may go, whatever the holder does; 0 where nobody holds it. */
  remainingMs(group: string, now: number): number {
    const holder = this.#groups.get(group)?.holder;
    return holder ? Math.max(0, holder.since + TURN_MS - now) : 0;
  }

  /** `key` needs no turn any more, whether it had it, waited for it or neither. The next in line gets it. */
  giveBack(key: string, now: number): void {
    const name = this.#groupOf.get(key);
    const group = name === undefined ? undefined : this.#groups.get(name);
    if (name === undefined || !group) return;
    this.#groupOf.delete(key);
    group.waiting.delete(key);
    if (group.holder?.key !== key) return;
    const [next] = group.waiting;
    if (next === undefined) {
      this.#groups.delete(name);
      return;
    }
    group.waiting.delete(next);
    group.holder = { key: next, since: now };
    this.#onTurn(next);
  }
}
