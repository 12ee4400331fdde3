import type { Clock } from "../../../machinery/clock.ts";
import { type Answer, isAnswer, isRequest, type Message, type Request } from "../../bridge/message.ts";
import { SESSION_VERSIONS } from "../../bridge/meta-keys.ts";
import type { PortEvents } from "../../bridge/server-port.ts";
import { EventsLost, type StreamEvent } from "../../bridge/session/event-stream.ts";
import type { Session } from "../../bridge/session/session.ts";
import type { Sessions } from "../../bridge/session/sessions.ts";
import { SoleAnswer } from "../../bridge/session/sole-answer.ts";
import { type Failure, invalid, unavailable } from "../answers.ts";
import type { Ongoing } from "../upstream-pool.ts";
import type { AcceptedForms } from "./accepted-forms.ts";
import { type BridgedCall, failureOfServer, replaced } from "./bridged-call.ts";
import type { Reply } from "./reply.ts";

/** What a request of the earlier wire says beside its body. */
export interface SessionHeaders {
  readonly sessionId: string | undefined;
  readonly protocolVersion: string | undefined;
  readonly lastEventId: string | undefined;
}

/** Messages that came in one body. */
export interface Posted {
  readonly messages: readonly Message[];
  readonly isBatch: boolean;
}

/** The only revision with batches, and what a request without the header is taken for. */
const BATCH_VERSION = "2025-03-26";
/** Clients of it and later take an event without data, which tells them where to resume before anything has come. */
const PRIMED_VERSION = "2025-11-25";
/**
 * How long an answer may take and be JSON: one write, where a stream of events is three. After it a client has an event to resume
 * from, since a connection that lasts longer may break.
 */
const SOLE_MS = 100;
/** Requests of one batch. */
const LARGEST_BATCH = 256;

/** What the SDKs of MCP answer for a session that is not there: clients begin another then. */
const SESSION_NOT_FOUND = -32001;

/** The earlier streamable HTTP: sessions, with a stream for each POST and one for what belongs to none. */
export class SessionWire {
  readonly #sessions: Sessions;
  readonly #clock: Clock;
  /** What each session's handshake agreed on. */
  readonly #agreed = new WeakMap<Session, string>();

  constructor(sessions: Sessions, clock: Clock) {
    this.#sessions = sessions;
    this.#clock = clock;
  }

  async post(call: BridgedCall, posted: Posted, headers: SessionHeaders, forms: AcceptedForms): Promise<void> {
    const ids = posted.messages.filter(isRequest).map(({ id }) => id);
    const refuse = (failure: Failure) => call.reply.fail("refused", failure, ids);
    const fault = versionFault(headers);
    if (fault) return refuse(fault);
    const greeting = posted.messages.find((each): each is Request => isRequest(each) && each.method === "initialize");
    if (greeting) {
      if (posted.messages.length > 1) return refuse(invalid(400, "BadRequest", "initialize comes by itself"));
      if (headers.sessionId !== undefined)
        return refuse(invalid(400, "BadRequest", "initialize begins a session, and names none"));
      return this.#greet(call, greeting, forms);
    }
    const session = this.#find(call, headers);
    if ("status" in session) return refuse(session);
    if (posted.isBatch && (headers.protocolVersion ?? this.#agreed.get(session) ?? BATCH_VERSION) !== BATCH_VERSION) {
      return refuse(invalid(400, "BadRequest", `only revision ${BATCH_VERSION} has batches`));
    }
    if (posted.messages.length > LARGEST_BATCH)
      return refuse(invalid(413, "RequestTooLarge", `a batch has at most ${LARGEST_BATCH} messages`));
    const isPrimed = (headers.protocolVersion ?? "") >= PRIMED_VERSION;
    return this.#post(call, { session, posted, forms, isPrimed });
  }

  /** The stream of what belongs to no request, or what was missed of any. */
  async listen(call: BridgedCall, headers: SessionHeaders): Promise<void> {
    const { upstream, reply } = call;
    const fault = versionFault(headers);
    if (fault) return reply.fail("refused", fault);
    const session = this.#find(call, headers);
    if ("status" in session) return reply.fail("refused", session);
    const { lastEventId } = headers;
    const events = lastEventId === undefined ? session.listen(reply) : session.resume(lastEventId, reply);
    if (events === undefined) {
      return reply.fail("refused", invalid(400, "EventNotFound", "there is nothing left to resume after that event"));
    }
    const ongoing: Ongoing = { isCall: false, cut: () => reply.endEvents() };
    upstream.enter(ongoing);
    try {
      reply.openEvents();
      await passEvents(reply, events);
    } finally {
      upstream.leave(ongoing);
    }
  }

  end(call: BridgedCall, headers: SessionHeaders): void {
    const { reply } = call;
    const session = this.#find(call, headers);
    if ("status" in session) {
      reply.fail("refused", session);
    } else {
      session.close();
      reply.empty(200);
    }
  }

  #find({ client }: BridgedCall, { sessionId }: SessionHeaders): Session | Failure {
    if (sessionId === undefined) {
      return invalid(400, "SessionRequired", "the header Mcp-Session-Id is missing; begin a session with initialize");
    }
    const session = this.#sessions.get(sessionId, client.owner);
    if (session && !session.hasEnded) return session;
    const gone = invalid(404, "SessionNotFound", "there is no such session; begin another with initialize");
    return { ...gone, code: SESSION_NOT_FOUND };
  }

  async #greet({ upstream, client, reply }: BridgedCall, greeting: Request, forms: AcceptedForms): Promise<void> {
    const { id, params } = greeting;
    let agreed: unknown;
    const connect = (events: PortEvents) =>
      upstream.server.connect(
        params,
        {
          onMessage(message, bytes) {
            if (isAnswer(message) && message.id === id && "result" in message) agreed = message.result.protocolVersion;
            events.onMessage(message, bytes);
          },
          onClose: (reason) => events.onClose(reason),
        },
        client,
      );
    const ongoing: Ongoing = { isCall: true, cut: (reason) => reply.fail("failed", replaced(reason), [id]) };
    upstream.enter(ongoing);
    try {
      const session = await this.#sessions.open(client.owner, connect);
      try {
        const events = session.post([greeting], reply);
        const answer = events && (await answersIn(events))[0];
        if (answer === undefined) reply.fail("failed", SERVER_GONE, [id]);
        else if (typeof agreed !== "string") await give(reply, answer, forms);
        else {
          this.#agreed.set(session, agreed);
          await give(reply, answer, forms, { "mcp-session-id": session.id });
        }
      } finally {
        // Who has not heard of it, or was refused, cannot end it.
        if (typeof agreed !== "string" || reply.isGone) session.close();
      }
    } catch (error) {
      reply.fail("failed", failureOfServer(error, client), [id]);
    } finally {
      upstream.leave(ongoing);
    }
  }

  async #post(
    { upstream, reply }: BridgedCall,
    { session, posted, forms, isPrimed }: { session: Session; posted: Posted; forms: AcceptedForms; isPrimed: boolean },
  ): Promise<void> {
    const ids = posted.messages.filter(isRequest).map(({ id }) => id);
    const ongoing: Ongoing = { isCall: true, cut: (reason) => reply.fail("failed", replaced(reason), ids) };
    const sole = forms.events && forms.json && !posted.isBatch ? new SoleAnswer() : undefined;
    const events = session.post(posted.messages, reply, sole);
    if (events === undefined) return reply.empty(202);
    upstream.enter(ongoing);
    try {
      const answer = sole && (await this.#soon(sole));
      if (reply.hasBegun) return;
      if (answer) return reply.json(200, answer);
      if (forms.events) {
        reply.openEvents();
        if (isPrimed) await reply.event(undefined, events.beforeFirst);
        await passEvents(reply, events);
      } else {
        const answers = await answersIn(events);
        const [only] = answers;
        if (reply.isGone) return;
        if (only === undefined) reply.fail("failed", SERVER_GONE, ids);
        else reply.json(200, posted.isBatch ? answers : only);
      }
    } catch (error) {
      if (!(error instanceof EventsLost)) throw error;
      reply.breakOff();
    } finally {
      upstream.leave(ongoing);
    }
  }

  async #soon(sole: SoleAnswer): Promise<Answer | undefined> {
    const cancel = this.#clock.schedule(SOLE_MS, () => sole.giveUp());
    const answer = await sole.settled;
    cancel();
    return answer;
  }
}

const SERVER_GONE = unavailable(502, "UpstreamFailed", "the server is gone", 1);

/** All of them, each when the client has room for it. */
async function passEvents(reply: Reply, events: AsyncIterable<StreamEvent>): Promise<void> {
  try {
    for await (const { id, message } of events) await reply.event(message, id);
    reply.endEvents();
  } catch (error) {
    if (!(error instanceof EventsLost)) throw error;
    reply.breakOff();
  }
}

/** What the client is told beside answers it does not take in this form. */
async function answersIn(events: AsyncIterable<StreamEvent>): Promise<Message[]> {
  const answers: Message[] = [];
  for await (const { message } of events) if (isAnswer(message)) answers.push(message);
  return answers;
}

async function give(
  reply: Reply,
  answer: Message,
  forms: AcceptedForms,
  headers: Record<string, string> = {},
): Promise<void> {
  if (forms.json) return reply.json(200, answer, headers);
  reply.openEvents(headers);
  await reply.event(answer);
  reply.endEvents();
}

function versionFault({ protocolVersion }: SessionHeaders): Failure | undefined {
  if (protocolVersion === undefined || SESSION_VERSIONS.includes(protocolVersion)) return undefined;
  return invalid(400, "UnsupportedVersion", `MCP-Protocol-Version is none of ${SESSION_VERSIONS.join(", ")}`);
}
