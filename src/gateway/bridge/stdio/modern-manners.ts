import { type Fields, isFields, metaOf, type Notification, type Request } from "../message.ts";
import { MetaKey } from "../meta-keys.ts";
import type { Client, Manners, Multiplexer } from "./multiplexer.ts";

/**
 * Revision 2026-07-28: each request says all there is to know, so that nothing about the connection has to be shared. What a
 * server sends of its own accord names the subscription it is for; a log message names nothing, and reaches nobody.
 */
export class ModernManners implements Manners {
  readonly #server: Multiplexer;

  constructor(server: Multiplexer) {
    this.#server = server;
  }

  request(client: Client, request: Request): boolean {
    if (request.method !== "server/discover") return false;
    this.#server.forward(client, request, (answer) =>
      "result" in answer ? { ...answer, result: withoutLogging(answer.result) } : answer,
    );
    return true;
  }

  /** Nothing but cancellation is left for clients to tell. */
  passes(): boolean {
    return false;
  }

  *route(notification: Notification): Iterable<readonly [Client, Notification]> {
    const meta = metaOf(notification);
    const call = this.#server.callOf(meta[MetaKey.subscriptionId]);
    if (call?.owner === undefined) return;
    const params = { ...notification.params, _meta: { ...meta, [MetaKey.subscriptionId]: call.id } };
    yield [call.owner, { ...notification, params }];
  }

  answer(): Fields | undefined {
    return undefined;
  }

  left(): void {
    // Its subscriptions were requests, and went with those.
  }
}

/** What the server says of itself (`server/discover`), without what clients that share it cannot have. */
export function withoutLogging(discover: Fields): Fields {
  if (!isFields(discover.capabilities)) return discover;
  const { logging: _, ...capabilities } = discover.capabilities;
  return { ...discover, capabilities };
}
