import { type Answer, type Fields, metaOf, type Notification, type RequestId } from "../message.ts";
import { MetaKey } from "../meta-keys.ts";

export interface ListeningOptions {
  readonly nextId: () => RequestId;
  /** Sends the request of that id for a subscription to what the filter names. */
  readonly open: (id: RequestId, filter: Fields) => void;
  readonly cancel: (id: RequestId) => void;
  /** The server has ended the subscription that it had agreed to, as when its connection broke. */
  readonly onEnded: () => void;
}

type OnSettled = (failure: Extract<Answer, { error: unknown }>["error"] | undefined) => void;

interface Subscription {
  readonly id: RequestId;
  readonly done: OnSettled;
}

/**
 * One client's wishes as one `subscriptions/listen`. A filter cannot be changed: another subscription is opened, and the one
 * before ends when that is acknowledged, so that nothing is missed between them.
 */
export class Listening {
  readonly #options: ListeningOptions;
  #current: RequestId | undefined;
  /** Opened and not acknowledged, in order. */
  #opening: Subscription[] = [];

  constructor(options: ListeningOptions) {
    this.#options = options;
  }

  /** `done` is called once, when the server has taken the filter or refused it. */
  listen(filter: Fields, done: OnSettled): void {
    const id = this.#options.nextId();
    this.#opening.push({ id, done });
    this.#options.open(id, filter);
  }

  /** The notification without what tells subscriptions apart; undefined where it is none for the client. */
  received(notification: Notification): Notification | undefined {
    const { [MetaKey.subscriptionId]: id, ...meta } = metaOf(notification);
    if (notification.method === "notifications/subscriptions/acknowledged") {
      this.#acknowledged(id);
      return undefined;
    }
    if (id === undefined || id !== this.#current) return undefined;
    const { _meta: _, ...params } = notification.params ?? {};
    const isBare = Object.keys(meta).length === 0;
    return { ...notification, params: isBare ? params : { ...params, _meta: meta } };
  }

  /** Whether the answer was to a subscription's request: refused, or ended by the server. */
  answered(answer: Answer): boolean {
    if (answer.id === undefined) return false;
    if (answer.id === this.#current) {
      this.#current = undefined;
      this.#options.onEnded();
      return true;
    }
    const opening = this.#opening.find(({ id }) => id === answer.id);
    this.#opening = this.#opening.filter((each) => each !== opening);
    opening?.done("error" in answer ? answer.error : undefined);
    return opening !== undefined;
  }

  /** All that came before the acknowledged one is replaced by it. */
  #acknowledged(id: unknown): void {
    const at = this.#opening.findIndex((each) => each.id === id);
    if (at === -1) return;
    const settled = this.#opening.splice(0, at + 1);
    const replaced = settled.slice(0, -1).map((each) => each.id);
    for (const old of [...(this.#current === undefined ? [] : [this.#current]), ...replaced]) this.#options.cancel(old);
    this.#current = settled.at(-1)?.id;
    for (const { done } of settled) done(undefined);
  }
}
