import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { fromConnectionError, fromGateway, invalidAnswer, REASON_HEADER } from "./probe-error.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "DELETE";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The gateway, where only it can speak to what is probed. */
export interface ProbeWay {
  /** Its Unix socket for probes. */
  readonly socketPath: string;
  /** Goes with each request, and says what is probed. May hold credentials. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ConnectionOptions {
  /** Bounds the bodies of all answers together. */
  readonly limitBytes: number;
  readonly signal: AbortSignal;
  /** Whether the process waits for an answer that is due, rather than exit. A probe is not worth it, a farewell is. */
  readonly holdsProcess?: boolean;
  /** Undefined: the address of the URL is dialled. */
  readonly way?: ProbeWay | undefined;
}

/**
 * The HTTP connections of one probe. A probe dials anew, as a client would, and leaves nothing open: `close` ends what is
 * left, half-read answers included. Node's client follows no redirect, unpacks no compression, bounds headers at 16 KiB.
 */
export class Connection {
  readonly #agents = new Map<string, HttpAgent>();
  readonly #signal: AbortSignal;
  readonly #holdsProcess: boolean;
  readonly #way: ProbeWay | undefined;
  #bytesLeft: number;

  constructor({ limitBytes, signal, holdsProcess = false, way }: ConnectionOptions) {
    this.#way = way;
    this.#bytesLeft = limitBytes;
    this.#signal = signal;
    this.#holdsProcess = holdsProcess;
  }

  /** Whether answers come by way of the gateway, which adds headers of its own and takes such of servers away. */
  get isByGateway(): boolean {
    return this.#way !== undefined;
  }

  /** Resolves with the headers. @throws {ProbeError} */
  async send({ method, url, headers, body }: HttpRequest): Promise<IncomingMessage> {
    const secure = url.protocol === "https:";
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const options = {
      method,
      headers: { ...headers, ...length, ...this.#way?.headers },
      ...(this.#way && { socketPath: this.#way.socketPath }),
      agent: this.#agent(secure),
      signal: this.#signal,
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const request = secure ? httpsRequest(url, options) : httpRequest(url, options);
    if (!this.#holdsProcess) request.on("socket", (socket) => socket.unref());
    request.on("response", resolve);
    // Stays: an error after the answer's headers reaches the answer's reader, and must not be unhandled here.
    request.on("error", (error) => reject(fromConnectionError(error)));
    request.end(body);
    const message = await promise;
    const refusal = this.#way && message.headers[REASON_HEADER];
    // What it says of the request itself is an answer like another.
    const isFailure = (message.statusCode ?? 0) >= 500;
    if (isFailure && typeof refusal === "string") throw fromGateway(refusal, await this.text(message));
    return message;
  }

  /** The body in pieces, within what is left of the bytes. Ends the exchange when the loop is left. @throws {ProbeError} */
  async *body(message: IncomingMessage): AsyncGenerator<Buffer> {
    try {
      for await (const chunk of message as AsyncIterable<Buffer>) {
        this.#bytesLeft -= chunk.length;
        if (this.#bytesLeft < 0) throw invalidAnswer("answered with more bytes than a probe reads");
        yield chunk;
      }
    } catch (error) {
      throw fromConnectionError(error);
    } finally {
      message.destroy();
    }
  }

  /** The whole body as text. @throws {ProbeError} */
  async text(message: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.body(message)) chunks.push(chunk);
    return Buffer.concat(chunks).toString("utf8");
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #agent(secure: boolean): HttpAgent {
    const scheme = secure ? "https" : "http";
    const known = this.#agents.get(scheme);
    if (known) return known;
    const agent = secure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true });
    this.#agents.set(scheme, agent);
    return agent;
  }
}
