import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpEndpoint, WorkloadEndpoint } from "../../../backends/workload-endpoint.ts";
import type { Clock } from "../../../machinery/clock.ts";
import type { Eras } from "../../bridge/bridged-server.ts";
import { asMessage, isRequest, type Message } from "../../bridge/message.ts";
import { NoServer } from "../../bridge/no-server.ts";
import type { Sessions } from "../../bridge/session/sessions.ts";
import type { EndpointKey } from "../../directory.ts";
import { invalid } from "../answers.ts";
import type { Outcome } from "../exchange.ts";
import { acceptedForms } from "./accepted-forms.ts";
import { type BridgedCall, failureOfServer } from "./bridged-call.ts";
import type { BridgedUpstreams } from "./bridged-upstreams.ts";
import { eraOf, namesStateless } from "./client-era.ts";
import { type BodyBudget, readJsonBody } from "./json-body.ts";
import { needsBridge } from "./needs-bridge.ts";
import { Reply } from "./reply.ts";
import { type Posted, type SessionHeaders, SessionWire } from "./session-wire.ts";
import { serveStateless } from "./stateless-wire.ts";
import type { UnreadAnswers } from "./unread-answers.ts";

export interface BridgedHandlerOptions {
  readonly upstreams: BridgedUpstreams;
  readonly sessions: Sessions;
  readonly bodies: BodyBudget;
  readonly unread: UnreadAnswers;
  readonly maxBodyBytes: number;
  readonly clock: Clock;
  /** What this gateway calls itself in Via. */
  readonly pseudonym: string;
  readonly onOutcome: (outcome: Outcome | "refused") => void;
}

/** A request for a bridged server, whose caller may use it. */
export interface BridgedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of the body, as the client says it. */
  readonly contentLength: number | undefined;
  readonly endpoint: WorkloadEndpoint;
  /** Undefined: it stands in no directory. */
  readonly listedAs: EndpointKey | undefined;
  /** Who asks, and for which deployment: sessions belong to it. */
  readonly owner: string;
  /** Where the endpoint forwards it. */
  readonly authorization: string | undefined;
  readonly isProbe: boolean;
}

/** One for a server that listens, which may be passed through. */
export interface ListeningRequest extends Pick<BridgedRequest, "request" | "listedAs" | "authorization"> {
  readonly endpoint: HttpEndpoint;
  /** With its question mark; empty where there is none. */
  readonly query: string;
}

/** Of a server that did not say: its clients hear from itself what is wrong with it. */
const ANY: Eras = { stateless: true, sessions: true };

/** Requests of one batch are looked at; more are refused later. */
const LARGEST_BODY_LIST = 1_024;

/** Serves clients of both eras at servers that are not spoken to as clients speak. */
export class BridgedHandler {
  readonly #options: BridgedHandlerOptions;
  readonly #wire: SessionWire;

  constructor(options: BridgedHandlerOptions) {
    this.#options = options;
    this.#wire = new SessionWire(options.sessions, options.clock);
  }

  get pseudonym(): string {
    return this.#options.pseudonym;
  }

  /** Whether the client does not speak as the server does. */
  isNeeded({ request, endpoint, listedAs, authorization, query }: ListeningRequest): Promise<boolean> {
    const { protocolVersion, sessionId } = sessionHeadersOf(request);
    const spoken = { method: request.method ?? "", query, protocolVersion, sessionId };
    return needsBridge(spoken, endpoint.transport, async () => {
      try {
        const { server } = await this.#options.upstreams.of(endpoint, listedAs);
        return (await server.eras?.({ ...(authorization !== undefined && { authorization }) })) ?? ANY;
      } catch (error) {
        if (error instanceof NoServer) return ANY;
        throw error;
      }
    });
  }

  /** Never throws but for defects: refusals and failures are answers too. */
  async serve(asked: BridgedRequest): Promise<void> {
    const { request, response } = asked;
    const { clock, unread, onOutcome } = this.#options;
    const reply = new Reply({ request, response, clock, unread, onEnd: onOutcome });
    const sessionHeaders = sessionHeadersOf(request);
    if (request.method === "POST") return this.#post(asked, reply, sessionHeaders);
    if (namesStateless(sessionHeaders.protocolVersion)) {
      return reply.fail("refused", invalid(405, "MethodNotAllowed", "this revision has only POST", { allow: "POST" }));
    }
    if (request.method === "GET" && !acceptedForms(request.headers.accept).events) {
      return reply.fail("refused", invalid(406, "NotAcceptable", "the stream is text/event-stream"));
    }
    const call = await this.#callOf(asked, reply);
    if (call === undefined) return;
    if (request.method === "GET") await this.#wire.listen(call, sessionHeaders);
    else this.#wire.end(call, sessionHeaders);
  }

  async #post(asked: BridgedRequest, reply: Reply, sessionHeaders: SessionHeaders): Promise<void> {
    const { request, response, contentLength } = asked;
    const { bodies, maxBodyBytes } = this.#options;
    const forms = acceptedForms(request.headers.accept);
    if (!forms.json && !forms.events) {
      const message = "the answer is application/json or text/event-stream";
      return reply.fail("refused", invalid(406, "NotAcceptable", message));
    }
    const body = await readJsonBody(request, response, {
      maxBytes: maxBodyBytes,
      budget: bodies,
      length: contentLength,
    });
    if (body === "gone") return void response.destroy();
    if ("failure" in body) return reply.fail("refused", body.failure);
    const posted = postedIn(body.value);
    if (posted === undefined) {
      return reply.fail("refused", invalid(400, "InvalidRequest", "the body is no JSON-RPC message"));
    }
    const [first] = posted.messages;
    const era = first === undefined || posted.isBatch ? "sessions" : eraOf(first, eraHeadersOf(request));
    const ids = posted.messages.filter(isRequest).map(({ id }) => id);
    if (typeof era === "object") return reply.fail("refused", { status: 400, ...era }, ids);
    if (era === "stateless" && first !== undefined && !isRequest(first)) return reply.empty(202);
    const call = await this.#callOf(asked, reply, ids);
    if (call === undefined) return;
    if (era === "sessions" || first === undefined || !isRequest(first)) {
      return this.#wire.post(call, posted, sessionHeaders, forms);
    }
    if (first.method === "subscriptions/listen" && !forms.events) {
      return reply.fail("refused", invalid(406, "NotAcceptable", "a subscription is text/event-stream"), ids);
    }
    return serveStateless(call, first, forms);
  }

  async #callOf(
    { endpoint, listedAs, owner, authorization, isProbe }: BridgedRequest,
    reply: Reply,
    ids: Parameters<Reply["fail"]>[2] = [],
  ): Promise<BridgedCall | undefined> {
    try {
      const upstream = await this.#options.upstreams.of(endpoint, listedAs);
      const client = {
        owner: `${owner}\n${upstream.id}`,
        isProbe,
        ...(authorization !== undefined && { authorization }),
      };
      return { upstream, client, reply };
    } catch (error) {
      reply.fail("failed", failureOfServer(error, { isProbe }), ids);
      return undefined;
    }
  }
}

function sessionHeadersOf({ headers }: IncomingMessage): SessionHeaders {
  return {
    sessionId: oneOf(headers["mcp-session-id"]),
    protocolVersion: oneOf(headers["mcp-protocol-version"]),
    lastEventId: oneOf(headers["last-event-id"]),
  };
}

function eraHeadersOf({ headers }: IncomingMessage) {
  return {
    protocolVersion: oneOf(headers["mcp-protocol-version"]),
    method: oneOf(headers["mcp-method"]),
    name: oneOf(headers["mcp-name"]),
  };
}

/** Node joins what comes more than once, which is then no value that is known. */
function oneOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(", ") : header;
}

/** Undefined where some of it is no message. */
function postedIn(value: unknown): Posted | undefined {
  if (!Array.isArray(value)) {
    const message = asMessage(value);
    return message && { messages: [message], isBatch: false };
  }
  if (value.length === 0 || value.length > LARGEST_BODY_LIST) return undefined;
  const messages: Message[] = [];
  for (const each of value) {
    const message = asMessage(each);
    if (message === undefined) return undefined;
    messages.push(message);
  }
  return { messages, isBatch: true };
}

/** For a caller of a deployment. */
export function ownerOf(caller: string, { namespace, name }: EndpointKey): string {
  return JSON.stringify([caller, namespace, name]);
}
