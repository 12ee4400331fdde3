/** Who has not taken what there is for them. */
export interface SlowReader {
  /** Their answer ends so that it does not look whole. It leaves nothing unread then. */
  breakOff(): void;
}

/** What clients leave unread of their answers, of all of them together, so that memory is bounded however many read slowly. */
export class UnreadAnswers {
  readonly #limit: number;
  /** In the order in which they fell behind. */
  readonly #bytesOf = new Map<SlowReader, number>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /**
   * What a reader leaves unread now. Where that is too much together, who has left something for longest is broken off, not who
   * came last: those who read are behind for a moment only. One alone may leave as much as it likes.
   */
  set(reader: SlowReader, bytes: number): void {
    this.#bytes += bytes - (this.#bytesOf.get(reader) ?? 0);
    if (bytes === 0) this.#bytesOf.delete(reader);
    else this.#bytesOf.set(reader, bytes);
    while (this.#bytes > this.#limit && this.#bytesOf.size > 1) {
      const [slowest] = this.#bytesOf.keys();
      if (slowest === undefined) return;
      this.set(slowest, 0);
      slowest.breakOff();
    }
  }
}
