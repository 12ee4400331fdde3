import {
  type Answer,
  errorOf,
  type Fields,
  isRequest,
  type Message,
  type Notification,
  RpcCode,
} from "../../message.ts";
import type { PortEvents, ServerPort } from "../../server-port.ts";
import { type OnSettled, Subscriptions } from "../../stdio/subscriptions.ts";

type Failure = Extract<Answer, { error: unknown }>["error"];

const LIST_CHANGES: ReadonlySet<string> = new Set([
  "notifications/tools/list_changed",
  "notifications/prompts/list_changed",
  "notifications/resources/list_changed",
]);

/** Asks the server; called once with its answer. */
export type AskServer = (method: string, params: Fields, onAnswer: (answer: Answer) => void) => void;

/** Who listens on one personal server: requests of one client, each with resources of its own. */
export class PersonalListeners {
  readonly #listeners = new Set<PortEvents>();
  readonly #subscriptions: Subscriptions<PortEvents, Failure>;

  constructor(ask: AskServer) {
    this.#subscriptions = new Subscriptions((change, uri, done) => {
      ask(`resources/${change}`, { uri }, (answer) => done("error" in answer ? { failure: answer.error } : undefined));
    });
  }

  /** A port that takes subscriptions to resources, and brings what was subscribed to and that lists have changed. */
  connect(events: PortEvents): ServerPort {
    this.#listeners.add(events);
    return {
      send: (message) => this.#send(events, message),
      close: () => {
        if (this.#listeners.delete(events)) this.#subscriptions.leave(events);
      },
    };
  }

  route(notification: Notification, bytes: number): void {
    for (const listener of this.#readersOf(notification)) listener.onMessage(notification, bytes);
  }

  /** The server is gone. */
  end(reason: string): void {
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener.onClose(reason);
  }

  #readersOf({ method, params }: Notification): readonly PortEvents[] {
    if (LIST_CHANGES.has(method)) return [...this.#listeners];
    const isUpdate = method === "notifications/resources/updated" && typeof params?.uri === "string";
    return isUpdate ? [...this.#subscriptions.holdersOf(String(params?.uri))] : [];
  }

  #send(events: PortEvents, message: Message): void {
    if (!isRequest(message)) return;
    const { id, method, params } = message;
    const uri = params?.uri;
    const done: OnSettled<Failure> = (settled) => {
      if (!this.#listeners.has(events)) return;
      events.onMessage(
        settled ? { jsonrpc: "2.0", id, error: settled.failure } : { jsonrpc: "2.0", id, result: {} },
        0,
      );
    };
    if (method === "resources/subscribe" && typeof uri === "string") {
      this.#subscriptions.subscribe(events, uri, done);
    } else {
      const message = "nothing but resources is subscribed to here";
      events.onMessage(errorOf(id, { code: RpcCode.MethodNotFound, reason: "NotOffered", message }), 0);
    }
  }
}
