import type { Message } from "../message.ts";

/** One message as it goes out, under the id by which a client that lost its connection asks for the next. */
export interface StreamEvent {
  readonly id: string;
  readonly message: Message;
}

interface Kept extends StreamEvent {
  readonly bytes: number;
}

/** What a client had not read is no longer there: it was too slow, or came back too late. */
export class EventsLost extends Error {
  override readonly name = "EventsLost";

  constructor() {
    super("events are lost: the client read too slowly, or came back too late");
  }
}

/**
 * The messages of one request, or of what belongs to none, in order. They are kept after they were read, so that reading can
 * be resumed; how many, whoever owns the stream decides, and drops the oldest.
 */
export class EventStream {
  readonly key: string;
  /** By number. */
  readonly #kept = new Map<number, Kept>();
  #first = 1;
  #last = 0;
  /** The last that was handed to a reader. */
  #read = 0;
  #hasEnded = false;
  /** The reader of now; whoever comes after it takes its place. */
  #reader = 0;
  #wake: () => void;
  #readers = 0;

  /** `key`: unique within the session, without a hyphen. `onFirst`: before anybody reads, something came or it ended. */
  constructor(key: string, onFirst: () => void = () => undefined) {
    this.key = key;
    this.#wake = onFirst;
  }

  get hasReader(): boolean {
    return this.#readers > 0;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** The number of the latest event; 0 while there is none. */
  get last(): number {
    return this.#last;
  }

  push(message: Message, bytes: number): void {
    if (this.#hasEnded) return;
    this.#last += 1;
    this.#kept.set(this.#last, { id: `${this.key}-${this.#last}`, message, bytes });
    this.#wake();
  }

  /** Nothing more comes. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** @returns its bytes. */
  dropOldest(): number {
    const bytes = this.#kept.get(this.#first)?.bytes ?? 0;
    if (this.#kept.delete(this.#first)) this.#first += 1;
    return bytes;
  }

  /**
   * What comes after the event of that number, or after the last that was read. Ends with the stream, with the signal, and
   * when somebody else reads. @throws {EventsLost}
   */
  async *read(signal: AbortSignal, after = this.#read): AsyncGenerator<StreamEvent, void, undefined> {
    this.#reader += 1;
    this.#readers += 1;
    const reader = this.#reader;
    this.#wake();
    const wake = () => this.#wake();
    signal.addEventListener("abort", wake, { once: true });
    try {
      for (let next = after + 1; !signal.aborted && this.#reader === reader; ) {
        if (next <= this.#last) {
          const event = this.#at(next);
          this.#read = Math.max(this.#read, next);
          next += 1;
          yield event;
        } else if (this.#hasEnded) {
          return;
        } else {
          await this.#wait();
        }
      }
    } finally {
      this.#readers -= 1;
      signal.removeEventListener("abort", wake);
    }
  }

  #at(sequence: number): StreamEvent {
    const event = this.#kept.get(sequence);
    if (event === undefined) throw new EventsLost();
    return { id: event.id, message: event.message };
  }

  #wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
