import type { IncomingMessage } from "node:http";
import type { FetchLike } from "@modelcontextprotocol/client";
import type { Connection } from "./connection.ts";
import { type JsonRpcId, readReply } from "./json-rpc-reply.ts";
import { printable } from "./mcp-facts.ts";
import { invalidAnswer, ProbeError, refusedWithStatus } from "./probe-error.ts";

/** A JSON-RPC request as the SDK put it on the wire, so that the same can be asked again without it. */
export interface SentRequest {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>> | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

interface Call {
  readonly id?: JsonRpcId;
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
}

/** By which the gateway tells the revision of a server that it speaks to otherwise than the probe does. */
const REVISION_HEADER = "slipway-revision";

/** A session's name goes into a header of every later request. The limit is ours, the characters are the specification's. */
const SESSION_ID = /^[\x21-\x7e]{1,1024}$/;

/**
 * What the SDK's transports get in place of fetch: the same exchanges within a probe's bounds. It hands them only whole,
 * matching JSON answers, so that no stream outlives its answer and garbage fails at once, and remembers what went wrong
 * in words of its own, since the SDK's messages quote the server.
 */
export class SdkWire {
  readonly #connection: Connection;
  #failure: ProbeError | undefined;
  #last: SentRequest | undefined;
  #bridgedRevision: string | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** What was wrong with the last exchange. */
  get failure(): ProbeError | undefined {
    return this.#failure;
  }

  /** The last request that was answered, or is being asked. */
  get last(): SentRequest | undefined {
    return this.#last;
  }

  /** Which revision the server itself speaks, where that is another than was agreed on with the gateway. */
  get bridgedRevision(): string | undefined {
    return this.#bridgedRevision;
  }

  /** For the streamable HTTP transport. The standalone stream of the server's messages is declined: a probe waits for none. */
  readonly streamable: FetchLike = (url, init) =>
    this.#recorded(async () => {
      if (init?.method !== "POST") return new Response(null, { status: 405 });
      const call = callIn(init);
      const { message, headers } = await this.#post(url, init, call);
      const status = message.statusCode ?? 0;
      // The SDK tells eras apart by what an error says.
      if (status >= 400) return new Response(await this.#connection.text(message), { status });
      if (call.id === undefined) return accepted(message);
      const reply = await readReply(this.#connection, message, { id: call.id, asked: call.method });
      this.#last = { method: call.method, params: call.params, headers };
      if (this.#connection.isByGateway) this.#bridgedRevision = revisionIn(message);
      return Response.json(reply, { headers: sessionHeader(message) });
    });

  /** For the older HTTP+SSE transport: one stream that carries all answers, and posts that carry none. */
  readonly sse: FetchLike = (url, init) =>
    this.#recorded(async () => {
      if (init?.method === "POST") {
        const { message } = await this.#post(url, init, callIn(init));
        return accepted(message);
      }
      const message = await this.#connection.send({ method: "GET", url: new URL(url), headers: headersIn(init) });
      const asked = "the request for its stream of events";
      this.#failure = failureOf(message, asked);
      if (this.#failure) throw this.#failure;
      if (!message.headers["content-type"]?.toLowerCase().startsWith("text/event-stream")) {
        throw invalidAnswer(`answered ${asked} with another content type; check transport.path and transport.type`);
      }
      const body = ReadableStream.from(this.#stream(message));
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    });

  /** Remembers how a stream ended that nobody waits for at its own place. */
  async *#stream(message: IncomingMessage): AsyncGenerator<Buffer> {
    try {
      yield* this.#connection.body(message);
      this.#failure ??= invalidAnswer("ended its stream of events before it had answered");
    } catch (error) {
      if (error instanceof ProbeError) this.#failure = error;
      throw error;
    }
  }

  async #post(url: string | URL, init: RequestInit, call: Call) {
    const headers = headersIn(init);
    this.#last = { method: call.method, params: call.params, headers };
    const message = await this.#connection.send({
      method: "POST",
      url: new URL(url),
      headers,
      body: String(init.body),
    });
    this.#failure = failureOf(message, call.method);
    if (this.#failure?.httpStatus !== undefined && this.#failure.httpStatus < 400) throw this.#failure;
    return { message, headers };
  }

  async #recorded(exchange: () => Promise<Response>): Promise<Response> {
    try {
      return await exchange();
    } catch (error) {
      if (error instanceof ProbeError) this.#failure = error;
      throw error;
    }
  }
}

/** Refused by status; a redirect is one, since following it would ask somebody else. */
export function failureOf(message: IncomingMessage, asked: string): ProbeError | undefined {
  const status = message.statusCode ?? 0;
  if (status >= 200 && status < 300) return undefined;
  if (status >= 400) return refusedWithStatus(asked, status);
  message.destroy();
  return new ProbeError(
    "ProbeInvalidAnswer",
    `answered ${asked} with HTTP ${status}; redirects are not followed: set transport.path to where the server answers itself`,
    { httpStatus: status },
  );
}

function accepted(message: IncomingMessage): Response {
  const status = message.statusCode ?? 0;
  message.once("error", () => message.destroy());
  message.resume();
  return new Response(null, { status: status >= 400 ? status : 202 });
}

function callIn(init: RequestInit): Call {
  return JSON.parse(String(init.body)) as Call;
}

function headersIn(init: RequestInit | undefined): Record<string, string> {
  return Object.fromEntries(new Headers(init?.headers));
}

function revisionIn({ headers }: IncomingMessage): string | undefined {
  const revision = headers[REVISION_HEADER];
  return typeof revision === "string" ? printable(revision) : undefined;
}

function sessionHeader(message: IncomingMessage): Record<string, string> {
  const id = message.headers["mcp-session-id"];
  if (id === undefined) return {};
  if (typeof id !== "string" || !SESSION_ID.test(id)) {
    throw invalidAnswer("gave its session a name that is not 1 to 1024 visible ASCII characters");
  }
  return { "mcp-session-id": id };
}
