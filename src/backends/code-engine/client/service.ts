import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { inspect } from "node:util";
import { BaseService } from "ibm-cloud-sdk-core";
import type { Clock } from "./clock.ts";
import { type Endpoints, isLoopback } from "./endpoints.ts";
import type { Answer, Exchange } from "./exchange.ts";
import { IamSession } from "./iam-session.ts";
import type { Redactor } from "./redactor.ts";

/** Calls of one client at the same time, of all projects; each project's budget is far below. */
const MAX_SOCKETS = 32;

export interface ServiceOptions {
  readonly apiKey: string;
  readonly endpoints: Endpoints;
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly userAgent: string | undefined;
  /** Told of each agent before its first connection. */
  readonly onAgent: ((agent: HttpAgent) => void) | undefined;
}

/**
 * One signed exchange by IBM's library, whatever comes of it. The library's retries stay off, because they do not end
 * with the caller's signal, count against no budget, and leave PATCH out; its reading of answers is passed by, because
 * it hides what a 401 or 403 said and loses the status of an answer that is no JSON.
 */
export class Service extends BaseService implements Disposable {
  readonly #session: IamSession;
  readonly #agents: { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };

  constructor({ apiKey, endpoints, clock, redactor, userAgent, onAgent }: ServiceOptions) {
    const agents = {
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
      httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    };
    for (const agent of Object.values(agents)) onAgent?.(agent);
    const session = new IamSession({ apiKey, iam: endpoints.iam, clock, redactor, agents });
    super({
      authenticator: session,
      serviceUrl: endpoints.api,
      ...agents,
      ...(userAgent === undefined ? {} : { headers: { "User-Agent": userAgent } }),
    });
    this.#session = session;
    this.#agents = agents;
    // With DEBUG=* the library writes out every body, those of secrets included.
    const { request, response } = this.getHttpClient().interceptors;
    request.clear();
    response.clear();
  }

  /** @throws the error of IAM, or what the library threw when there was no answer. */
  async exchange(exchange: Exchange): Promise<Answer> {
    const defaultOptions = {
      ...this.baseOptions,
      serviceUrl: exchange.base,
      headers: { ...this.baseOptions.headers, ...exchange.headers },
      axiosOptions: {
        signal: exchange.signal,
        maxContentLength: exchange.answer === "stream" ? -1 : exchange.maxBytes,
        maxRedirects: 0,
        validateStatus: () => true,
        ...(isLoopback(exchange.base) ? { proxy: false } : {}),
      },
    };
    const options = {
      method: exchange.method,
      url: exchange.path,
      qs: exchange.query,
      body: exchange.body,
      responseType: exchange.answer === "stream" ? "stream" : "arraybuffer",
    };
    const answer = await this.createRequest({ defaultOptions, options });
    if (answer.status === 401) this.#session.renew(defaultOptions);
    return { status: answer.status, headers: answer.headers, body: answer.result };
  }

  /** What the library keeps in plain sight stays out of logs. */
  [inspect.custom](): string {
    return "Service";
  }

  [Symbol.dispose](): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }
}
