import type { Change } from "./store.ts";

interface Recorded extends Change {
  /** When it became durable, in milliseconds of the wall clock. */
  readonly at: number;
}

export interface ChangeLogLimits {
  /** Changes older than this are dropped. */
  readonly maxAgeMs: number;
  /** Bound on the bytes that superseded objects hold in memory. */
  readonly maxBytes: number;
  readonly maxChanges: number;
}

/** kube-apiserver has etcd compacted every 5 minutes, so that between 5 and 10 minutes can be resumed. */
export const DEFAULT_LIMITS: ChangeLogLimits = {
  maxAgeMs: 6 * 60_000,
  maxBytes: 32 * 1024 * 1024,
  maxChanges: 100_000,
};

/** Not 1: each compaction then drops a good part, instead of one change at each write. */
const BURST = 1.25;

/** The latest changes in memory: what watches resume from and what old snapshots are made from by undoing. */
export class ChangeLog {
  /** Emptied before `#start`; the array is cut now and then, not at every drop. */
  #changes: (Recorded | undefined)[] = [];
  #start = 0;
  #bytes = 0;
  #floor: number;
  readonly #limits: ChangeLogLimits;

  constructor(floor: number, limits: ChangeLogLimits) {
    this.#floor = floor;
    this.#limits = limits;
  }

  /** The revision before the oldest change that is kept: nothing earlier can be reconstructed. */
  get floor(): number {
    return this.#floor;
  }

  /** Whether a burst has filled it so far beyond its bounds that the next turn of compaction must not be waited for. */
  get isOverfull(): boolean {
    const { maxBytes, maxChanges } = this.#limits;
    return this.#bytes > maxBytes * BURST || this.#changes.length - this.#start > maxChanges * BURST;
  }

  append(change: Change, at: number): void {
    this.#changes.push({ ...change, at });
    this.#bytes += size(change);
  }

  /** Changes of `resource` after `revision`, oldest first. */
  since(revision: number, resource: string): Change[] {
    const found: Change[] = [];
    for (let at = this.#after(revision); at < this.#changes.length; at++) {
      const change = this.#changes[at] as Recorded;
      if (change.resource === resource) found.push(change);
    }
    return found;
  }

  /** Drops what the limits no longer allow. Returns the new floor, or undefined when nothing was dropped. */
  compact(now: number): number | undefined {
    const { maxAgeMs, maxBytes, maxChanges } = this.#limits;
    let dropped = false;
    // The latest change stays, so that its revision survives in the file as the high-water mark.
    while (this.#changes.length - this.#start > 1) {
      const oldest = this.#changes[this.#start] as Recorded;
      const tooMany = this.#changes.length - this.#start > maxChanges || this.#bytes > maxBytes;
      // A clock that jumped back makes changes seem young; the other two bounds still hold.
      if (!tooMany && now - oldest.at <= maxAgeMs) break;
      this.#bytes -= size(oldest);
      this.#floor = oldest.revision;
      this.#changes[this.#start] = undefined;
      this.#start++;
      dropped = true;
    }
    if (this.#start > 1024 && this.#start * 2 > this.#changes.length) {
      this.#changes = this.#changes.slice(this.#start);
      this.#start = 0;
    }
    return dropped ? this.#floor : undefined;
  }

  /** Index of the first change after `revision`. */
  #after(revision: number): number {
    let low = this.#start;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#changes[middle] as Recorded).revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What keeping this change costs: the object it superseded, and a bit of bookkeeping. */
function size({ previous }: Change): number {
  return (previous?.json.length ?? 0) + 200;
}
