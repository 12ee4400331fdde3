import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { PassThrough, type Readable } from "node:stream";
import type { Dispatcher } from "undici";
import type { Clock } from "../../machinery/clock.ts";
import { AddressRefused } from "../../machinery/judged-lookup.ts";
import { type Failure, InvalidAnswer, invalid, sendFailure, unavailable } from "./answers.ts";
import { BodyHead, LARGEST_KEPT } from "./body-head.ts";
import { errorEvents, type RequestId } from "./json-rpc.ts";
import { redirectProblem } from "./redirects.ts";
import { responseHeaders } from "./response-headers.ts";
import type { Ongoing, UpstreamPool } from "./upstream-pool.ts";

export interface ExchangeOptions {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly pool: UpstreamPool;
  readonly maxBodyBytes: number;
  readonly clock: Clock;
  /** Sees the answer before the client does, and may change it. */
  readonly rewrite?: AnswerRewrite;
  /** Told which requests a gathered body holds, before it goes on. */
  readonly onRequests?: (ids: readonly RequestId[]) => void;
  /** Of a stream that carries the answers to other requests: those that wait for theirs. */
  readonly unanswered?: () => readonly RequestId[];
  /** Whether somebody waits for its end, rather than for what may come. */
  readonly isCall: boolean;
  /** Called once, however it ends. */
  readonly onEnd: (outcome: Outcome) => void;
  /** Which headers of the answer are the client's; default: those of a server that shares this origin with others. */
  readonly passedHeaders?: (headers: IncomingHttpHeaders) => string[];
  /** What the client is told of an error; default: as of a server. */
  readonly failureOf?: (error: Error) => Failure;
}

export interface AnswerRewrite {
  /** What of the answer is passed now. @throws {InvalidAnswer} */
  chunk(chunk: Uint8Array): Uint8Array;
  /** Whether this answer is to be rewritten. */
  applies(status: number, headers: IncomingHttpHeaders): boolean;
}

/** `gone`: the client left before its answer had ended. `failed`: the server did not give one. */
export type Outcome = "answered" | "gone" | "failed";

/** Where the request goes, and what goes with it. */
export interface Onward {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  /** Whether the request's body goes with it. */
  readonly hasBody: boolean;
}

/** A client that takes nothing for this long is taken for gone. */
const STALLED_MS = 60_000;
/**
 * A request of this length is gathered before it goes on: servers work on whole messages, a slow client holds no connection
 * of theirs, and a failure can be told under the request's id.
 */
const GATHERED_BYTES = LARGEST_KEPT;

/**
 * One request on its way through: bytes in both directions, each side as fast as the other takes them. Whoever of client and
 * server goes first takes the other with it.
 */
export class Exchange implements Dispatcher.DispatchHandler, Ongoing {
  readonly #options: ExchangeOptions;
  readonly #head = new BodyHead();
  readonly #onDrain = () => this.#drained();
  #controller: Dispatcher.DispatchController | undefined;
  #rewrites = false;
  #isEventStream = false;
  #hasWritten = false;
  #heldHead: (() => void) | undefined;
  #cutFor: Failure | undefined;
  /** Set when the server has nothing more to do with it. */
  #outcome: Outcome | undefined;
  #cancelStall: (() => void) | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    options.pool.enter(this);
    options.response.on("drain", this.#onDrain).on("close", () => this.#closed());
  }

  get isCall(): boolean {
    const { isCall, unanswered } = this.#options;
    // A stream of answers is waited for while one is missing.
    return unanswered ? unanswered().length > 0 : isCall;
  }

  /** `length`: of the body, where the client says it. */
  send({ hasBody, ...onward }: Onward, length: number | undefined): void {
    const { request, response, pool, maxBodyBytes } = this.#options;
    const dispatch = (body: Buffer | Readable | null) => {
      const method = onward.method as Dispatcher.HttpMethod;
      if (this.#outcome === undefined) pool.dispatcher.dispatch({ ...onward, method, body }, this);
    };
    if (length !== undefined && length > maxBodyBytes) {
      this.#fail(tooLarge(maxBodyBytes));
      return;
    }
    // Only now: of a request that is refused the body is not sent.
    if (hasBody && request.headers.expect !== undefined) response.writeContinue();
    if (!hasBody) {
      dispatch(null);
    } else if (length === undefined || length > GATHERED_BYTES) {
      // Not the request itself: undici destroys what it sends when it fails, and the answer would go with it.
      dispatch(request.pipe(new PassThrough()));
    } else {
      request.on("data", (chunk: Buffer) => this.#head.keep(chunk));
      request.once("end", () => {
        this.#options.onRequests?.(this.#head.requestIds());
        dispatch(this.#head.whole());
      });
    }
  }

  cut(reason: string): void {
    this.#abort(unavailable(502, "UpstreamReplaced", reason, 1));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#outcome !== undefined) controller.abort(new Error("the client is gone"));
  }

  onBodySent(chunk: Uint8Array): void {
    if (this.#head.isWhole) return;
    this.#head.keep(chunk);
    if (this.#head.bytes > this.#options.maxBodyBytes) this.#abort(tooLarge(this.#options.maxBodyBytes));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // Provisional answers are of the hop.
    if (status < 200) return;
    const { response, rewrite, pool } = this.#options;
    const problem = redirectProblem(pool, status);
    if (problem) throw problem;
    this.#rewrites = rewrite?.applies(status, headers) ?? false;
    if (this.#rewrites) delete headers["content-length"];
    const passed = (this.#options.passedHeaders ?? responseHeaders)(headers);
    this.#isEventStream =
      headers["content-type"]?.startsWith("text/event-stream") === true && headers["content-encoding"] === undefined;
    if (this.#rewrites) {
      // Its answer may turn out to be none.
      this.#heldHead = () => response.writeHead(status, passed);
      return;
    }
    response.writeHead(status, passed);
    // What came with the headers goes out with them; else a client gets them at once, since the rest may be long in coming.
    queueMicrotask(() => {
      if (!this.#hasWritten && this.#outcome === undefined) response.flushHeaders();
    });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const { response, rewrite } = this.#options;
    const passed = this.#rewrites && rewrite ? rewrite.chunk(chunk) : chunk;
    if (passed.byteLength === 0) return;
    this.#releaseHead();
    this.#hasWritten = true;
    if (response.write(passed)) return;
    controller.pause();
    this.#expectDrain();
  }

  onResponseEnd(_controller: Dispatcher.DispatchController, trailers: IncomingHttpHeaders): void {
    const { response } = this.#options;
    this.#releaseHead();
    if (Object.keys(trailers).length > 0 && response.chunkedEncoding) response.addTrailers(trailersOf(trailers));
    this.#settle("answered");
    response.end();
    if (response.writableLength > 0) this.#expectDrain();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#fail(this.#cutFor ?? (this.#options.failureOf ?? failureOf)(error));
  }

  #releaseHead(): void {
    this.#heldHead?.();
    this.#heldHead = undefined;
  }

  #abort(failure: Failure): void {
    this.#cutFor ??= failure;
    if (this.#controller) this.#controller.abort(new Error(failure.message));
    else this.#fail(failure);
  }

  #fail(failure: Failure): void {
    if (this.#outcome !== undefined) return;
    this.#settle("failed");
    const { request, response } = this.#options;
    if (!response.headersSent) {
      sendFailure(request, response, failure, this.#head.requestIds());
      return;
    }
    // A client of an event stream waits for its answer also when the stream has ended: it is told.
    const unanswered = this.#isEventStream ? (this.#options.unanswered?.() ?? this.#head.requestIds()) : [];
    if (unanswered.length > 0) response.end(errorEvents(unanswered, failure));
    else this.#cutOff();
  }

  /** Ends the answer so that it does not look whole, after what the server has sent of it. */
  #cutOff(): void {
    const { request, response } = this.#options;
    const { socket } = response;
    // Without a length and without chunks, only a reset says that something is missing.
    if (socket === null || request.httpVersion === "1.0") response.destroy();
    else socket.destroySoon();
    this.#expectDrain();
  }

  /** The server is done with it, in one way or another. */
  #settle(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#options.pool.leave(this);
  }

  /** The client has all of it, or has left. */
  #closed(): void {
    this.#options.response.off("drain", this.#onDrain);
    this.#cancelStall?.();
    if (this.#outcome === undefined) {
      this.#settle("gone");
      this.#controller?.abort(new Error("the client is gone"));
    }
    this.#options.onEnd(this.#outcome ?? "gone");
  }

  #expectDrain(): void {
    const { clock, response } = this.#options;
    this.#cancelStall ??= clock.schedule(STALLED_MS, () => response.destroy());
  }

  #drained(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
    this.#controller?.resume();
  }
}

function trailersOf(trailers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(trailers).map(([name, value]) => [name, [value].flat().join(", ")]));
}

function tooLarge(limit: number): Failure {
  return invalid(413, "RequestTooLarge", `the body is larger than ${limit} bytes`, { connection: "close" });
}

/** Never the server's own words: they could hold anything. */
export function failureOf(error: Error): Failure {
  if (error instanceof InvalidAnswer) return unavailable(502, "UpstreamInvalid", error.message);
  if (error instanceof AddressRefused) {
    const remedy = "spec.remote.allowedCidrs of its RuntimeBackend can allow the range that it is in";
    return unavailable(502, "AddressNotAllowed", `${error.message}; ${remedy}`);
  }
  // By its name, since undici is loaded when it is first needed.
  if (error.name === "HTTPParserError") {
    return unavailable(502, "UpstreamInvalid", "the server's answer is not HTTP");
  }
  const code = (error as NodeJS.ErrnoException).code ?? "";
  switch (code) {
    case "UND_ERR_CONNECT_TIMEOUT":
      return unavailable(504, "UpstreamTimeout", "the server took no connection in time", 2);
    case "UND_ERR_HEADERS_TIMEOUT":
    case "UND_ERR_BODY_TIMEOUT":
      return unavailable(504, "UpstreamTimeout", "the server did not answer in time");
    case "ECONNREFUSED":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ENOENT":
      return unavailable(502, "UpstreamUnreachable", "the server does not take connections now", 2);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return unavailable(502, "UpstreamUnreachable", "the name of the server's host is not known now", 10);
    case "UND_ERR_INVALID_ARG":
      return invalid(400, "InvalidRequest", "the request's headers cannot be passed on");
    case "UND_ERR_HEADERS_OVERFLOW":
      return unavailable(502, "UpstreamInvalid", "the server's answer has too many headers");
    default:
      // OpenSSL's codes are of many kinds, Node's own begin alike.
      if (/CERT|^UNABLE_TO_|^ERR_(TLS|SSL)_/.test(code)) {
        return unavailable(502, "UpstreamNotTrusted", `the server's TLS or its certificate is not accepted (${code})`);
      }
      return unavailable(502, "UpstreamFailed", "the server ended the connection before it had answered", 1);
  }
}
