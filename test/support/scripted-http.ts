import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { listen } from "./listen.ts";

/** What a scripted server does with a request. */
export type Step =
  | {
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** Sent as JSON unless it is text or bytes. */
      readonly body?: unknown;
    }
  /** Reads the request, then ends the connection without an answer. */
  | "reset"
  /** Never answers. */
  | "hang"
  /** For answers that depend on the request or come in pieces. */
  | ((request: RecordedRequest, response: ServerResponse) => void);

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Answers each request with the next step of its script; the last step stays. */
export class ScriptedHttp implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  readonly origin: string;
  readonly #server: Server;
  readonly #script: Step[];

  private constructor(origin: string, server: Server, script: Step[]) {
    this.origin = origin;
    this.#server = server;
    this.#script = script;
  }

  static async start(...script: Step[]): Promise<ScriptedHttp> {
    const server = createServer();
    const started = new ScriptedHttp(`http://${await listen(server)}`, server, script);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => started.#serve(request, { text: Buffer.concat(chunks).toString(), response }));
    });
    return started;
  }

  /** Replaces the script. */
  play(...script: Step[]): void {
    this.#script.splice(0, Infinity, ...script);
  }

  get last(): RecordedRequest {
    const last = this.requests.at(-1);
    if (!last) throw new Error("nothing was asked");
    return last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #serve(request: IncomingMessage, { text, response }: { text: string; response: ServerResponse }): void {
    const url = new URL(request.url ?? "/", this.origin);
    const { method = "", headers } = request;
    const recorded = { method, path: url.pathname, query: url.searchParams, headers, body: text };
    this.requests.push(recorded);
    const step = this.#script.length > 1 ? this.#script.shift() : this.#script[0];
    if (step === undefined) throw new Error(`no step for ${method} ${url.pathname}`);
    if (step === "hang") return;
    if (step === "reset") {
      request.socket.destroy();
      return;
    }
    if (typeof step === "function") {
      step(recorded, response);
      return;
    }
    const { status = 200, headers: own = {}, body } = step;
    const raw = typeof body === "string" || Buffer.isBuffer(body);
    response.writeHead(status, {
      ...(raw || body === undefined ? {} : { "Content-Type": "application/json" }),
      ...own,
    });
    response.end(raw || body === undefined ? body : JSON.stringify(body));
  }
}
