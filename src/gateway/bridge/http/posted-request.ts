import { type Answer, errorOf, isAnswer, type Message, type RequestId, RpcCode } from "../message.ts";
import { type HttpAnswer, RequestFailed } from "./http-request.ts";

/**
 * What a message that is being posted counts for in a backlog, beside its bytes: a connection, of which there are fewer than
 * bytes. Some 4,000 make a backlog that is full; as many calls may be under way.
 */
export const REQUEST_BYTES = 16 * 1024;

/** One that is posted later, and what it counts for until then: as much as when it is posted. */
export interface WaitingMessage {
  readonly message: Message;
  readonly bytes: number;
}

export function waitingMessage(message: Message): WaitingMessage {
  return { message, bytes: JSON.stringify(message).length + REQUEST_BYTES };
}

/** The answer to a request that has failed, in the gateway's words. */
export function failureAnswer(id: RequestId, error: unknown): Answer {
  const { reason, message } =
    error instanceof RequestFailed ? error : new RequestFailed("UpstreamFailed", "the server did not answer");
  return errorOf(id, { code: RpcCode.Unavailable, reason, message });
}

/** That the server gave no answer that could be passed on. */
export function noAnswer({ status }: Pick<HttpAnswer, "status">): RequestFailed {
  const ok = status >= 200 && status < 300;
  const message = ok
    ? "the server's answer ended before it had answered"
    : `the server answered with HTTP status ${status}`;
  return new RequestFailed(ok ? "UpstreamFailed" : "UpstreamRefused", message);
}

/** Servers that did not read the request far enough do not name it in their error; the connection does. */
export function underId(message: Message, id: RequestId): Message {
  const isNameless = isAnswer(message) && "error" in message && (message.id === undefined || message.id === null);
  return isNameless ? { ...message, id } : message;
}
