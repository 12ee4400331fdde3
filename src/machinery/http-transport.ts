import { createHash } from "node:crypto";
import * as http from "node:http";
import * as https from "node:https";
import { ApiUnreachable } from "./client.ts";
import type { CredentialSource, Credentials, TlsMaterial } from "./credentials.ts";
import type { Fence } from "./fence.ts";
import { fenceConnections, fenceProxiedConnections } from "./fenced-connections.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query, beginning with a slash. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer {
  readonly code: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

export interface HttpTransportOptions {
  readonly server: string;
  readonly credentials: CredentialSource;
  readonly userAgent: string;
  /** From the call to the last byte of its answer; for a stream, to the head of its answer. */
  readonly requestTimeoutMs: number;
  readonly maxBodyBytes: number;
  /** Without it nothing leaves. */
  readonly fence?: Fence | undefined;
}

/**
 * Connections for ordinary requests. More than this many at once only wait in the server's own queues; each call's
 * timeout bounds the wait here.
 */
const MAX_CONNECTIONS = 32;

/** As client-go: notices a dead peer, and stays below the idle timeouts of load balancers (60 s on AWS). */
const TCP_KEEP_ALIVE_MS = 30_000;

/** Connections live with the TLS material they were made with: `tls` as it was last read, and its digest. */
interface Pools {
  tls: TlsMaterial;
  readonly digest: string;
  readonly requests: http.Agent;
  readonly streams: http.Agent;
}

/**
 * Speaks HTTP/1.1 to one API server. Ordinary requests and streams have pools of their own, so that any number of
 * watches leaves the requests their connections. Redirects are not followed: they would carry the credentials away.
 */
export class HttpTransport implements Disposable {
  readonly #server: URL;
  readonly #options: HttpTransportOptions;
  #pools: Pools | undefined;
  /** The one that stands behind the fence. */
  #proxy: http.Agent | undefined;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.#server = new URL(options.server);
  }

  /** Reads the credentials anew before the next request. */
  renewCredentials(): void {
    this.#options.credentials.renew();
  }

  /**
   * One exchange, whatever its status. @throws {ApiUnreachable} when there was no complete answer, and the reason of
   * `signal` when that ended it.
   */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    return this.#withDeadline(request, async (signal) => {
      const response = await this.#open("requests", { ...request, signal });
      const text = await this.#readBody(response);
      return { code: response.statusCode ?? 0, headers: response.headers, text };
    });
  }

  /**
   * The head of an answer whose body may last. The caller reads it to its end or destroys it; `signal` destroys it too.
   * A refusal comes as an answer with its text.
   */
  async stream(request: HttpRequest): Promise<http.IncomingMessage | HttpAnswer> {
    return this.#withDeadline(request, async (signal) => {
      const response = await this.#open("streams", { ...request, signal });
      if (response.statusCode === 200) {
        const end = () => response.destroy();
        request.signal?.addEventListener("abort", end, { once: true });
        response.once("close", () => request.signal?.removeEventListener("abort", end));
        return response;
      }
      return { code: response.statusCode ?? 0, headers: response.headers, text: await this.#readBody(response) };
    });
  }

  [Symbol.dispose](): void {
    this.#pools?.requests.destroy();
    this.#pools?.streams.destroy();
  }

  async #withDeadline<R>(request: HttpRequest, run: (signal: AbortSignal) => Promise<R>): Promise<R> {
    const { signal } = request;
    const { fence } = this.#options;
    signal?.throwIfAborted();
    fence?.check();
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), this.#options.requestTimeoutMs);
    const stop = () => controller.abort();
    signal?.addEventListener("abort", stop, { once: true });
    fence?.closed.addEventListener("abort", stop, { once: true });
    try {
      return await run(controller.signal);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      fence?.closed.throwIfAborted();
      if (controller.signal.aborted) {
        throw this.#unreachable(request, `no answer within ${this.#options.requestTimeoutMs} ms`, error);
      }
      if (error instanceof ApiUnreachable) throw error;
      throw this.#unreachable(request, causeOf(error), error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
      fence?.closed.removeEventListener("abort", stop);
    }
  }

  #unreachable({ method, path }: HttpRequest, why: string, cause: unknown): ApiUnreachable {
    return new ApiUnreachable(`${method} ${this.#server.origin}${path.split("?", 1)[0]}: ${why}`, { cause });
  }

  async #open(pool: "requests" | "streams", request: HttpRequest & { signal: AbortSignal }) {
    const credentials = await abortable(this.#options.credentials.current(), request.signal);
    try {
      return await this.#exchange(pool, request, credentials);
    } catch (error) {
      // The server closed an idle connection as it was picked up. What only reads may simply be asked again.
      if (!(error instanceof StaleConnection)) throw error;
      if (request.method !== "GET") throw error.cause;
      return this.#exchange(pool, request, credentials);
    }
  }

  #exchange(pool: "requests" | "streams", request: HttpRequest & { signal: AbortSignal }, credentials: Credentials) {
    const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const module = this.#server.protocol === "https:" ? https : http;
    const outgoing = module.request(
      {
        hostname: this.#server.hostname.replace(/^\[|\]$/g, ""),
        ...(this.#server.port === "" ? {} : { port: this.#server.port }),
        method: request.method,
        path: this.#server.pathname.replace(/\/$/, "") + request.path,
        agent: this.#agentFor(pool, credentials),
        headers: {
          Accept: "application/json",
          "User-Agent": this.#options.userAgent,
          ...(body ? { "Content-Type": request.contentType ?? "application/json", "Content-Length": body.length } : {}),
          ...credentials.headers,
        },
      },
      resolve,
    );
    const abort = () => outgoing.destroy(new Error("aborted"));
    request.signal.addEventListener("abort", abort, { once: true });
    outgoing.once("close", () => request.signal.removeEventListener("abort", abort));
    outgoing.on("error", (error) => {
      const stale = outgoing.reusedSocket && !request.signal.aborted;
      reject(stale ? new StaleConnection("stale connection", { cause: error }) : error);
    });
    outgoing.end(body);
    return promise;
  }

  #agentFor(pool: "requests" | "streams", { tls, proxyAgent }: Credentials): http.Agent {
    if (proxyAgent) return this.#fencedProxy(proxyAgent);
    if (this.#pools?.tls === tls) return this.#pools[pool];
    const digest = digestOf(tls);
    if (this.#pools?.digest === digest) {
      this.#pools.tls = tls;
      return this.#pools[pool];
    }
    retire(this.#pools?.requests);
    retire(this.#pools?.streams);
    const Agent = this.#server.protocol === "https:" ? https.Agent : http.Agent;
    const base = { ...tls, keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS };
    this.#pools = {
      tls,
      digest,
      requests: this.#fenced(new Agent({ ...base, maxSockets: MAX_CONNECTIONS, maxFreeSockets: MAX_CONNECTIONS })),
      streams: this.#fenced(new Agent({ ...base, maxFreeSockets: 2 })),
    };
    return this.#pools[pool];
  }

  #fenced(agent: http.Agent): http.Agent {
    return fenceConnections(agent, this.#options.fence);
  }

  #fencedProxy(agent: http.Agent): http.Agent {
    const { fence } = this.#options;
    if (fence && this.#proxy !== agent) this.#proxy = fenceProxiedConnections(agent, fence);
    return agent;
  }

  async #readBody(response: http.IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > this.#options.maxBodyBytes) {
        throw new ApiUnreachable(`the answer is longer than ${this.#options.maxBodyBytes} bytes`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, size).toString("utf8");
  }
}

class StaleConnection extends Error {}

/** Lets what runs finish and its idle connections go. */
function retire(agent: http.Agent | undefined): void {
  if (!agent) return;
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}

function digestOf({ ca, cert, key, servername, rejectUnauthorized }: TlsMaterial): string {
  const hash = createHash("sha256");
  for (const part of [ca, cert, key]) hash.update(part ?? "").update("\0");
  return `${hash.digest("base64")} ${servername} ${rejectUnauthorized}`;
}

/** The promise, or a rejection as soon as `signal` is aborted. */
async function abortable<R>(promise: Promise<R>, signal: AbortSignal): Promise<R> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(new Error("aborted"));
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * `connect ECONNREFUSED 127.0.0.1:6443` and the like; an AggregateError (several addresses) has no message of its own.
 * One line of it: an exec plugin that fails puts all that it printed into its error.
 */
function causeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return causeOf(error.errors[0]);
  const message = error instanceof Error && error.message !== "" ? error.message : String(error);
  return message.split("\n", 1)[0]?.slice(0, 300) ?? "";
}
