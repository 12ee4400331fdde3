import { isAnswer, type Message, type Request, RpcCode } from "../../bridge/message.ts";
import type { ServerPort } from "../../bridge/server-port.ts";
import { REVISION_HEADER, unavailable } from "../answers.ts";
import type { Ongoing } from "../upstream-pool.ts";
import type { AcceptedForms } from "./accepted-forms.ts";
import { AnswerQueue } from "./answer-queue.ts";
import { type BridgedCall, failureOfServer, replaced } from "./bridged-call.ts";

/** Errors that the revision gives a status of their own: the client's capabilities do not suffice, its revision is not known. */
const STATUS_OF: Readonly<Record<number, number>> = { [-32021]: 400, [-32022]: 400 };

/** A server may call its revision anything; this may stand in a header. */
const REVISION = /^[\x21-\x7e]{1,64}$/;

const LISTEN = "subscriptions/listen";

/**
 * A request of revision 2026-07-28: its own port to the server, and an answer that is JSON where nothing comes before it, events
 * otherwise. A client that ends the response before has cancelled.
 */
export async function serveStateless(call: BridgedCall, request: Request, forms: AcceptedForms): Promise<void> {
  const { upstream, client, reply } = call;
  const queue = new AnswerQueue(request.id, reply.unread, () => reply.breakOff());
  const ongoing: Ongoing = {
    isCall: request.method !== LISTEN,
    cut: (reason) => reply.fail("failed", replaced(reason), [request.id]),
  };
  upstream.enter(ongoing);
  try {
    const port = await upstream.server.connectStateless(queue, client);
    try {
      if (reply.isGone) return;
      port.send(request);
      await pass(queue, request, { reply, forms, headers: client.isProbe ? revisionOf(port) : {} });
    } finally {
      port.close();
    }
  } catch (error) {
    reply.fail("failed", failureOfServer(error, client), [request.id]);
  } finally {
    queue.leave();
    upstream.leave(ongoing);
  }
}

async function pass(
  queue: AnswerQueue,
  { id }: Request,
  { reply, forms, headers }: Pick<BridgedCall, "reply"> & { forms: AcceptedForms; headers: Record<string, string> },
): Promise<void> {
  for (;;) {
    const message = await queue.next(reply.signal);
    if (reply.isGone) return;
    if (message === undefined) {
      // Nothing comes under an id that was answered already, so a server that is gone is told of once.
      return reply.fail("failed", unavailable(502, "UpstreamFailed", "the server is gone", 1), [id]);
    }
    const isLast = isAnswer(message) && message.id === id;
    if (isLast && !reply.hasBegun && forms.json) return reply.json(statusOf(message), message, headers);
    if (!forms.events) continue;
    if (!reply.hasBegun) reply.openEvents(headers);
    await reply.event(message);
    if (isLast) return reply.endEvents();
  }
}

function revisionOf({ protocolVersion }: ServerPort): Record<string, string> {
  return protocolVersion !== undefined && REVISION.test(protocolVersion) ? { [REVISION_HEADER]: protocolVersion } : {};
}

function statusOf(message: Message): number {
  if (!("error" in message)) return 200;
  const { code, data } = message.error;
  // The gateway's own, of a server that it could not ask to the end.
  if (code === RpcCode.Unavailable && (data as { reason?: unknown } | undefined)?.reason === "UpstreamFailed")
    return 200;
  return STATUS_OF[code] ?? 200;
}
