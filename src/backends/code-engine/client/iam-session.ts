import type { Agent as HttpAgent } from "node:http";
import type { Agent as HttpsAgent } from "node:https";
import { Authenticator } from "ibm-cloud-sdk-core";
import { refusalError } from "./answer.ts";
import { CheckedIamAuthenticator } from "./checked-iam-authenticator.ts";
import type { Clock } from "./clock.ts";
import { withDeadline } from "./deadline.ts";
import { isLoopback } from "./endpoints.ts";
import { CodeEngineError } from "./errors.ts";
import { noAnswer } from "./no-answer.ts";
import type { Redactor } from "./redactor.ts";
import { parseRetryAfter } from "./retry.ts";

const SUBJECT = { service: "IBM Cloud IAM", operation: "issue a token for the API key" } as const;

/** A token request is small; whoever waits longer meets an outage. */
const TOKEN_TIMEOUT_MS = 15_000;
const MAX_TOKEN_BYTES = 256 * 1024;

/** A key that was refused is not sent again for so long, however many ask: IAM sees one question, not forty. */
const REFUSED_MS = 30_000;

export interface IamOptions {
  readonly apiKey: string;
  readonly iam: string;
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly agents: { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent };
}

/** What IBM's library lends an authenticator to sign. */
interface Signable {
  headers?: NodeJS.Dict<unknown>;
}

/**
 * Signs requests with a token that all of them share: requested once, renewed in the background, kept until it ends.
 * IBM's library keeps a token also when the service refuses it, so `renew` starts afresh.
 */
export class IamSession extends Authenticator {
  readonly #options: IamOptions;
  #current: CheckedIamAuthenticator;
  readonly #signedBy = new WeakMap<object, CheckedIamAuthenticator>();
  #refusal: { readonly error: () => CodeEngineError; readonly untilMs: number } | undefined;

  constructor(options: IamOptions) {
    super();
    this.#options = options;
    this.#current = this.#start();
  }

  /** @throws {CodeEngineError} unauthorized when IAM refuses the key, throttled or transient when it cannot tell. */
  override async authenticate(request: Signable): Promise<void> {
    const { clock, redactor } = this.#options;
    if (this.#refusal && clock.monotonicMs() < this.#refusal.untilMs) throw this.#refusal.error();
    const authenticator = this.#current;
    try {
      await withDeadline(
        () => authenticator.authenticate(request as Parameters<typeof authenticator.authenticate>[0]),
        {
          clock,
          signal: NEVER,
          timeoutMs: TOKEN_TIMEOUT_MS,
          onTimeout: () => {
            // Whoever comes next does not wait for the same lost answer.
            this.#replace(authenticator);
            return Object.assign(new Error(`no answer within ${TOKEN_TIMEOUT_MS / 1000} s`), {
              statusText: "ETIMEDOUT",
            });
          },
        },
      );
    } catch (error) {
      throw this.#classify(error);
    }
    this.#signedBy.set(request, authenticator);
    const { Authorization: header } = request.headers ?? {};
    if (typeof header === "string") redactor.learn(header.replace(/^Bearer /, ""));
  }

  override authenticationType(): string {
    return Authenticator.AUTHTYPE_IAM;
  }

  /** The token that signed `request` was refused. The first of many who say so starts afresh, the others follow. */
  renew(request: object): void {
    const signedBy = this.#signedBy.get(request);
    if (signedBy) this.#replace(signedBy);
  }

  #replace(authenticator: CheckedIamAuthenticator): void {
    if (this.#current === authenticator) this.#current = this.#start();
  }

  #start(): CheckedIamAuthenticator {
    const { apiKey, iam, agents } = this.#options;
    return new CheckedIamAuthenticator({
      apikey: apiKey,
      url: iam,
      timeout: TOKEN_TIMEOUT_MS,
      maxContentLength: MAX_TOKEN_BYTES,
      maxRedirects: 0,
      ...agents,
      ...(isLoopback(iam) ? { proxy: false } : {}),
    });
  }

  #classify(thrown: unknown): CodeEngineError {
    const { clock, redactor } = this.#options;
    const { status, result, headers } = thrown as { status?: unknown; result?: unknown; headers?: unknown };
    if (typeof status !== "number") return noAnswer(SUBJECT, unquoted(thrown), redactor).error;
    const retryAfterMs = parseRetryAfter((headers as NodeJS.Dict<unknown> | undefined)?.["retry-after"], clock.now());
    const text = typeof result === "object" ? JSON.stringify(result) : "";
    const plain = refusalError(SUBJECT, { status, text, retryAfterMs }, { redactor, sensitive: [] });
    if (plain.kind === "throttled" || plain.kind === "transient") return plain;
    // Only IAM can tell that the key is wrong; it always gives a code.
    if (plain.code === undefined)
      return new CodeEngineError({ ...plain, kind: "transient", said: "what answered is not IAM; look for a proxy" });
    const said = `${plain.said.replace(/\.$/, "")}; provide an API key that exists and is not locked`;
    // Each caller gets an error of its own, so that no stack tells of another.
    const error = (): CodeEngineError => new CodeEngineError({ ...plain, kind: "unauthorized", said });
    this.#refusal = { error, untilMs: clock.monotonicMs() + REFUSED_MS };
    return error();
  }
}

/** A caller who stops waiting does not stop the request for a token that others wait for as well. */
const NEVER = new AbortController().signal;

/** What the library says of an answer that is no JSON quotes it, and it may hold half a token. */
function unquoted(thrown: unknown): unknown {
  const quotes = thrown instanceof Error && thrown.message.startsWith("Error processing HTTP response");
  return quotes ? new Error("its answer is no JSON") : thrown;
}
