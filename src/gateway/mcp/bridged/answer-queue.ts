import { isAnswer, type Message, type RequestId } from "../../bridge/message.ts";
import type { PortEvents } from "../../bridge/server-port.ts";
import type { SlowReader, UnreadAnswers } from "./unread-answers.ts";

/** What a client may leave unread of one answer, the message that it is being given beside it. */
const UNREAD_BYTES = 16 * 1024 * 1024;

/** What a message takes beside its bytes. */
const MESSAGE_BYTES = 256;

interface Held {
  readonly message: Message;
  readonly bytes: number;
}

/** What comes of one request until its answer, for one reader. Its end has to be told by `leave`. */
export class AnswerQueue implements PortEvents, SlowReader {
  readonly #id: RequestId;
  readonly #unread: UnreadAnswers;
  readonly #onLost: () => void;
  #held: Held[] = [];
  #bytes = 0;
  #hasEnded = false;
  #isLost = false;
  #wake: () => void = () => undefined;

  /** `onLost`: the reader was too slow, and waits for nothing here. */
  constructor(id: RequestId, unread: UnreadAnswers, onLost: () => void) {
    this.#id = id;
    this.#unread = unread;
    this.#onLost = onLost;
  }

  onMessage(message: Message, messageBytes: number): void {
    if (this.#hasEnded || this.#isLost) return;
    const bytes = messageBytes + MESSAGE_BYTES;
    this.#held.push({ message, bytes });
    this.#bytes += bytes;
    if (isAnswer(message) && message.id === this.#id) this.#hasEnded = true;
    // One message may be as large as it likes.
    if (this.#bytes > UNREAD_BYTES && this.#held.length > 1 && !this.#hasEnded) this.breakOff();
    else this.#unread.set(this, this.#bytes);
    this.#wake();
  }

  breakOff(): void {
    this.leave();
    this.#onLost();
    this.#wake();
  }

  /** Nothing is kept any more. */
  leave(): void {
    this.#isLost = true;
    this.#held = [];
    this.#bytes = 0;
    this.#unread.set(this, 0);
  }

  onClose(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** The next; undefined after the answer, when the server is gone or the reader was too slow, and at the signal. */
  async next(signal: AbortSignal): Promise<Message | undefined> {
    while (this.#held.length === 0 && !this.#hasEnded && !this.#isLost && !signal.aborted) await this.#wait(signal);
    const held = signal.aborted ? undefined : this.#held.shift();
    this.#bytes -= held?.bytes ?? 0;
    this.#unread.set(this, this.#bytes);
    return held?.message;
  }

  #wait(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = () => resolve();
    this.#wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", wake));
  }
}
