import type { Readable } from "node:stream";
import { kindOf, refusalError } from "./answer.ts";
import type { CallBudget } from "./call-budget.ts";
import { type Clock, delay } from "./clock.ts";
import { withDeadline } from "./deadline.ts";
import { CodeEngineError } from "./errors.ts";
import { type Answer, type Exchange, isSuccess } from "./exchange.ts";
import { noAnswer } from "./no-answer.ts";
import { openStream } from "./open-stream.ts";
import type { Redactor } from "./redactor.ts";
import { parseRetryAfter, type RetryPolicy, retryDelayMs } from "./retry.ts";
import type { Service } from "./service.ts";
import { type Decoder, ShapeError } from "./shape.ts";

/** From the call to its end, waits and repetitions included. */
const CALL_TIMEOUT_MS = 60_000;
const ATTEMPT_TIMEOUT_MS = 20_000;

/** A page of 100 config maps may hold more than a megabyte; a hundred of them at their limit is not believed. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

export interface CallOptions {
  readonly signal: AbortSignal;
  /** For all attempts together; for a stream, until it begins. */
  readonly timeoutMs?: number;
  /** Somebody looks whether something changed: refused, as throttled, when others need the budget. */
  readonly poll?: boolean;
}

export interface Call {
  readonly service: string;
  /** Completes "could not …". */
  readonly operation: string;
  readonly budget: CallBudget;
  readonly method: Exchange["method"];
  readonly base: string;
  /** Not yet encoded. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** Values of `body` that no error may quote. */
  readonly sensitive?: readonly string[];
  /** More of an answer is not read. */
  readonly maxBytes?: number;
}

export interface TransportOptions {
  /** Made when it is first needed. */
  readonly service: () => Promise<Service>;
  readonly clock: Clock;
  readonly redactor: Redactor;
  readonly retry: RetryPolicy;
  readonly random: () => number;
}

/** Sends calls: within the budget, before a deadline, as often as it makes sense, and with errors that say what failed. */
export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /**
   * One call and its answer, read by `decode`.
   * @throws {CodeEngineError}; the reason of `signal`.
   */
  async send<T>(call: Call, decode: Decoder<T>, options: CallOptions): Promise<T> {
    const answer = await this.#answer(call, "bytes", options);
    const text = (answer.body as Buffer).toString("utf8");
    try {
      return decode(text === "" ? undefined : JSON.parse(text), "");
    } catch (error) {
      if (!(error instanceof ShapeError || error instanceof SyntaxError)) throw error;
      // What a parser says quotes the text, which may hold secrets.
      const trouble = error instanceof ShapeError ? error.message : "it is no JSON";
      const said = `its answer makes no sense: ${trouble}`;
      throw new CodeEngineError({ ...subjectOf(call), kind: "transient", said, uncertain: call.method !== "GET" });
    }
  }

  /** One call whose answer says nothing but that it succeeded. @throws as `send`. */
  async run(call: Call, options: CallOptions): Promise<void> {
    await this.#answer(call, "bytes", options);
  }

  /**
   * The body of an answer as it comes. The caller reads it to its end or destroys it; `signal` destroys it too.
   * @throws {CodeEngineError}; the reason of `signal`.
   */
  async open(call: Call, options: CallOptions): Promise<Readable> {
    const answer = await this.#answer(call, "stream", options);
    return answer.body as Readable;
  }

  /** What it means that a stream broke off, for errors that come long after it was opened. */
  explain(call: Pick<Call, "service" | "operation">, thrown: unknown): unknown {
    return thrown instanceof CodeEngineError ? thrown : noAnswer(subjectOf(call), thrown, this.#options.redactor).error;
  }

  async #answer(call: Call, kind: Exchange["answer"], options: CallOptions): Promise<Answer> {
    const path = call.path.map((segment) => encodeSegment(call, segment)).join("/");
    const { signal, timeoutMs = CALL_TIMEOUT_MS, poll = false } = options;
    const { clock } = this.#options;
    const state = { uncertain: false };
    const endsAtMs = clock.monotonicMs() + timeoutMs;
    try {
      return await withDeadline(
        (deadline) => this.#repeat({ call, path: `/${path}`, kind, poll, deadline, lifetime: signal, endsAtMs, state }),
        { clock, signal, timeoutMs, onTimeout: () => tookTooLong(call, timeoutMs) },
      );
    } catch (error) {
      throw state.uncertain && error instanceof CodeEngineError
        ? new CodeEngineError({ ...error, uncertain: true })
        : error;
    }
  }

  async #repeat(run: Run): Promise<Answer> {
    const { clock, retry, random } = this.#options;
    let renewed = false;
    for (let failures = 0; ; ) {
      const outcome = await this.#attempt(run);
      if (outcome.kind === "answered") return outcome.answer;
      const { error } = outcome;
      if (error.status === 401 && !renewed) {
        // The session has let go of the token; a new one is worth one more attempt, at once.
        renewed = true;
        continue;
      }
      failures += 1;
      const waitMs = retryDelayMs(retry, failures, { retryAfterMs: error.retryAfterMs, random });
      const inTime = waitMs <= retry.capMs && clock.monotonicMs() + waitMs < run.endsAtMs;
      if (!outcome.retry || failures >= retry.attempts || !inTime) throw error;
      await delay(clock, waitMs, run.deadline);
    }
  }

  async #attempt(run: Run): Promise<Outcome> {
    const { call, deadline, poll, state } = run;
    const release = await call.budget.admit({ operation: call.operation, signal: deadline, poll });
    const before = state.uncertain;
    state.uncertain ||= call.method !== "GET";
    const outcome = await this.#outcome(run).finally(release);
    // Only a definite outcome takes the doubt back; what ends the call meanwhile leaves it.
    state.uncertain = before || (outcome.kind === "failed" && outcome.mayHaveArrived && call.method !== "GET");
    return outcome;
  }

  async #outcome(run: Run): Promise<Outcome> {
    const { call, deadline } = run;
    const { clock, redactor, retry } = this.#options;
    const subject = subjectOf(call);
    try {
      const answer = await withDeadline((signal) => this.#exchange(run, signal), {
        clock,
        signal: deadline,
        timeoutMs: ATTEMPT_TIMEOUT_MS,
        onTimeout: () => timedOut(ATTEMPT_TIMEOUT_MS),
      });
      if (isSuccess(answer)) return { kind: "answered", answer };
      const retryAfterMs = parseRetryAfter(answer.headers["retry-after"], clock.now());
      const kind = kindOf(answer.status);
      if (kind === "throttled") call.budget.pause(retryAfterMs ?? retry.baseMs);
      const text = (answer.body as Buffer).toString("utf8");
      const refusal = { status: answer.status, text, retryAfterMs };
      const error = refusalError(subject, refusal, { redactor, sensitive: call.sensitive ?? [] });
      return { kind: "failed", error, retry: isPassing(error), mayHaveArrived: kind === "transient" };
    } catch (thrown) {
      deadline.throwIfAborted();
      // IAM's own failures are told already; nothing was sent.
      if (thrown instanceof CodeEngineError)
        return { kind: "failed", error: thrown, retry: isPassing(thrown), mayHaveArrived: false };
      return { kind: "failed", ...noAnswer(subject, thrown, redactor) };
    }
  }

  async #exchange({ call, path, kind, lifetime }: Run, signal: AbortSignal): Promise<Answer> {
    const query = Object.entries(call.query ?? {}).filter(([, value]) => value !== undefined);
    const exchange = {
      method: call.method,
      base: call.base,
      path,
      query: Object.fromEntries(query.map(([name, value]) => [name, String(value)])),
      headers: { Accept: "application/json", ...call.headers },
      body: call.body,
      answer: kind,
      maxBytes: call.maxBytes ?? MAX_ANSWER_BYTES,
    };
    const service = await this.#options.service();
    if (kind === "bytes") return await service.exchange({ ...exchange, signal });
    return await openStream((life) => service.exchange({ ...exchange, signal: life }), { opening: signal, lifetime });
  }
}

interface Run {
  readonly call: Call;
  readonly path: string;
  readonly kind: Exchange["answer"];
  readonly poll: boolean;
  /** Aborts with the caller's signal and when the call's time is over. */
  readonly deadline: AbortSignal;
  /** The caller's own, which a stream lives with. */
  readonly lifetime: AbortSignal;
  readonly endsAtMs: number;
  readonly state: { uncertain: boolean };
}

type Outcome =
  | { readonly kind: "answered"; readonly answer: Answer }
  | {
      readonly kind: "failed";
      readonly error: CodeEngineError;
      readonly retry: boolean;
      readonly mayHaveArrived: boolean;
    };

/**
 * A name becomes one segment of a path.
 * @throws {CodeEngineError} for an empty one and for dots: `DELETE /projects/x/apps/..` would delete the project.
 */
function encodeSegment(call: Call, segment: string): string {
  if (segment !== "" && segment !== "." && segment !== "..") return encodeURIComponent(segment);
  const said = `${JSON.stringify(segment)} cannot be a name`;
  throw new CodeEngineError({ ...subjectOf(call), service: "The client", kind: "terminal", said });
}

function subjectOf({ service, operation }: Pick<Call, "service" | "operation">): {
  service: string;
  operation: string;
} {
  return { service, operation };
}

function isPassing({ kind }: CodeEngineError): boolean {
  return kind === "throttled" || kind === "transient";
}

function timedOut(timeoutMs: number): Error {
  return Object.assign(new Error(`no answer within ${timeoutMs / 1000} s`), { statusText: "ETIMEDOUT" });
}

function tookTooLong(call: Call, timeoutMs: number): CodeEngineError {
  const said = `no answer within ${timeoutMs / 1000} s`;
  return new CodeEngineError({ ...subjectOf(call), kind: "transient", said, code: "ETIMEDOUT" });
}
