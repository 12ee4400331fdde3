import { type Fields, metaOf, type Notification } from "../message.ts";
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

  request(): boolean {
    return false;
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
