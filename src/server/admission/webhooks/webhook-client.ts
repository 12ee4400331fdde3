import { Agent, buildConnector, type Dispatcher } from "undici";
import { describeNetworkError } from "./network-error.ts";
import { statusProblem } from "./status-problem.ts";
import type { WebhookTarget } from "./webhook-target.ts";

/** Connections to one webhook; more calls wait, and their waiting counts. */
const MAX_CONNECTIONS = 32;
/** As much as a request to this server may have: a patch can hold a whole object. */
const MAX_RESPONSE_BYTES = 3 * 1024 * 1024;
/** Less than the five seconds after which many servers hang up: a request must not cross with that. */
const KEEP_ALIVE_MS = 4_000;
/** The longest that a call may take. */
const CONNECT_TIMEOUT_MS = 30_000;
/** Different authorities and addresses that connections are kept for. */
const MAX_AGENTS = 64;

export interface WebhookCall {
  readonly target: WebhookTarget;
  /** An AdmissionReview as JSON. */
  readonly body: string;
  /** A whole number. */
  readonly timeoutMs: number;
}

/** A call without an answer that can be read. The message is that of Go's HTTP client. */
export class CallFailure extends Error {
  override readonly name = "CallFailure";
  /** The status of an answer that was none of success; 503 where there was no answer. */
  readonly code: number;

  constructor(message: string, { code = 503, cause }: { code?: number; cause?: unknown } = {}) {
    super(message, { cause });
    this.code = code;
  }
}

/** Calls webhooks over HTTPS and keeps the connections. TLS 1.2 or later; no redirects, which would lead elsewhere. */
export class WebhookClient implements AsyncDisposable {
  readonly #agents = new Map<string, Agent>();

  /** Resolves to the JSON of the answer. @throws {CallFailure} */
  async call({ target, body, timeoutMs }: WebhookCall): Promise<unknown> {
    const url = new URL(target.url);
    url.searchParams.set("timeout", `${Math.ceil(timeoutMs / 1000)}s`);
    const answer = await this.#post(target, { url, body, timeoutMs }).catch((error: unknown) => {
      throw new CallFailure(`Post ${JSON.stringify(url.href)}: ${describeNetworkError(error, url)}`, { cause: error });
    });
    if (answer.status < 200 || answer.status > 206) {
      throw new CallFailure(statusProblem(answer.status, answer.text), { code: answer.status });
    }
    try {
      return JSON.parse(answer.text) as unknown;
    } catch (error) {
      const because = error instanceof Error ? error.message : String(error);
      throw new CallFailure(`couldn't get version/kind; json parse error: ${because}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const agents = [...this.#agents.values()];
    this.#agents.clear();
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  async #post(
    target: WebhookTarget,
    { url, body, timeoutMs }: { url: URL; body: string; timeoutMs: number },
  ): Promise<{ status: number; text: string }> {
    const { statusCode, body: response } = await this.#agentFor(target).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json", "user-agent": "slipway" },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: statusCode, text: await readBounded(response) };
  }

  #agentFor({ url, address, authorities }: WebhookTarget): Agent {
    const key = JSON.stringify([authorities ?? "", address ? [url.hostname, address] : []]);
    let agent = this.#agents.get(key);
    if (agent !== undefined) {
      this.#agents.delete(key);
    } else {
      agent = new Agent({
        connections: MAX_CONNECTIONS,
        pipelining: 1,
        allowH2: false,
        keepAliveTimeout: KEEP_ALIVE_MS,
        // The signal of each call bounds it as a whole.
        headersTimeout: 0,
        bodyTimeout: 0,
        connect: connector(url.hostname, address, authorities),
      });
    }
    // The last one in is the last one out.
    this.#agents.set(key, agent);
    if (this.#agents.size > MAX_AGENTS) this.#forgetOldest();
    return agent;
  }

  #forgetOldest(): void {
    for (const [key, agent] of this.#agents) {
      this.#agents.delete(key);
      // Ends once the calls under way have, each of which has its timeout.
      void agent.close();
      return;
    }
  }
}

/** TLS verified against the authorities, for the URL's host also where the connection goes elsewhere. */
function connector(
  serverName: string,
  address: WebhookTarget["address"],
  authorities: string | undefined,
): buildConnector.connector {
  const connect = buildConnector({
    allowH2: false,
    minVersion: "TLSv1.2",
    timeout: CONNECT_TIMEOUT_MS,
    ...(authorities === undefined ? {} : { ca: authorities }),
  });
  if (address === undefined) return connect;
  return (options, callback) =>
    connect(
      {
        ...options,
        hostname: address.host,
        host: address.host,
        port: String(address.port),
        servername: serverName,
      },
      callback,
    );
}

async function readBounded(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    // Leaving the loop ends the connection.
    if (bytes > MAX_RESPONSE_BYTES) throw new Error(`response body is larger than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
