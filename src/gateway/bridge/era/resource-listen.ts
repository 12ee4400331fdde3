import {
  type Answer,
  type Fields,
  fieldsOf,
  isAnswer,
  type Message,
  metaOf,
  type Notification,
  type RequestId,
  resultOf,
} from "../message.ts";
import { MetaKey } from "../meta-keys.ts";
import type { PortEvents, ServerPort } from "../server-port.ts";

/** Resources of one subscription. */
const MOST_URIS = 1_024;

const WISH_FOR: Readonly<Record<string, string>> = {
  "notifications/tools/list_changed": "toolsListChanged",
  "notifications/prompts/list_changed": "promptsListChanged",
  "notifications/resources/list_changed": "resourcesListChanged",
};

export interface ListenOptions {
  /** Of the listen request, which names what it brings. */
  readonly id: RequestId;
  readonly filter: Fields;
  /** What the server can tell of. */
  readonly capabilities: Fields;
  /** What goes along with the last answer. */
  readonly meta: Fields;
  readonly connect: (events: PortEvents) => ServerPort;
  readonly send: (message: Message, bytes: number) => void;
}

/**
 * One `subscriptions/listen` on a server of an earlier revision: a client of its own there, which subscribes to each resource
 * and passes on what was wished for. What the server refuses is not in what is acknowledged.
 */
export class ResourceListen {
  readonly #options: ListenOptions;
  readonly #port: ServerPort;
  readonly #changes: Fields;
  readonly #uris = new Set<string>();
  #unanswered: number;
  #isAcknowledged = false;

  constructor(options: ListenOptions) {
    const { filter, capabilities, connect } = options;
    this.#options = options;
    this.#changes = changesOf(filter, capabilities);
    this.#port = connect({
      onMessage: (message, bytes) => this.#receive(message, bytes),
      onClose: () => this.#end(),
    });
    const wished = fieldsOf(capabilities, "resources").subscribe === true ? filter.resourceSubscriptions : undefined;
    const uris = Array.isArray(wished) ? [...new Set(wished)].filter((uri) => typeof uri === "string") : [];
    this.#unanswered = Math.min(uris.length, MOST_URIS);
    if (this.#unanswered === 0) this.#acknowledge();
    for (const uri of uris.slice(0, MOST_URIS)) {
      this.#port.send({ jsonrpc: "2.0", id: uri, method: "resources/subscribe", params: { uri } });
    }
  }

  /** The client wants no more. */
  close(): void {
    this.#port.close();
  }

  #receive(message: Message, bytes: number): void {
    if (isAnswer(message)) this.#answered(message);
    else if (this.#isAcknowledged && this.#isWished(message)) this.#pass(message, bytes);
  }

  #answered(answer: Answer): void {
    if ("result" in answer) this.#uris.add(String(answer.id));
    this.#unanswered -= 1;
    if (this.#unanswered === 0) this.#acknowledge();
  }

  /** Nothing to tell of is nothing to wait for. */
  #acknowledge(): void {
    const resources = this.#uris.size > 0 && { resourceSubscriptions: [...this.#uris] };
    const notifications = { ...this.#changes, ...resources };
    this.#isAcknowledged = true;
    this.#pass({ jsonrpc: "2.0", method: "notifications/subscriptions/acknowledged", params: { notifications } }, 0);
    if (Object.keys(notifications).length > 0) return;
    this.#end();
    this.#port.close();
  }

  #isWished({ method, params }: Notification): boolean {
    if (method === "notifications/resources/updated") return this.#uris.has(String(params?.uri));
    return this.#changes[WISH_FOR[method] ?? ""] === true;
  }

  #pass(notification: Notification, bytes: number): void {
    const _meta = { ...metaOf(notification), [MetaKey.subscriptionId]: this.#options.id };
    this.#options.send({ ...notification, params: { ...notification.params, _meta } }, bytes);
  }

  #end(): void {
    const { id, meta, send } = this.#options;
    send(resultOf(id, { resultType: "complete", _meta: { ...meta, [MetaKey.subscriptionId]: id } }), 0);
  }
}

function changesOf(filter: Fields, capabilities: Fields): Fields {
  const kinds = ["tools", "prompts", "resources"].filter(
    (kind) => filter[`${kind}ListChanged`] === true && fieldsOf(capabilities, kind).listChanged === true,
  );
  return Object.fromEntries(kinds.map((kind) => [`${kind}ListChanged`, true]));
}
