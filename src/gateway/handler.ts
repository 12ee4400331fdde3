import { TerminalError, TransientError } from "../machinery/errors.ts";
import type { Logger } from "../machinery/logger.ts";
import type { GatewayAccess, GatewayUser, Wanted } from "./access.ts";
import { hostCheck, unknownHost } from "./host-check.ts";
import { lineStream } from "./line-stream.ts";
import type { LogProvider } from "./log-provider.ts";
import { logOptions } from "./log-request.ts";
import { quoted } from "./quoted.ts";
import { Refusal, SAFE_HEADERS } from "./refusal.ts";
import { forwardedAnswer } from "./replicas/forwarded-answer.ts";
import { ownHost, type Replicas } from "./replicas/leader.ts";
import { routeOf } from "./route.ts";
import { StreamLimit } from "./stream-limit.ts";
import type { UsageProvider } from "./usage-provider.ts";

export interface HandlerOptions {
  readonly logs: LogProvider;
  readonly usage: UsageProvider;
  readonly access: GatewayAccess;
  readonly logger: Logger;
  /** The host listened on, and further names that clients may use for it. */
  readonly host: string;
  readonly names: readonly string[];
  /** Undefined: there are no others. */
  readonly replicas?: Replicas | undefined;
  /** Raised when the gateway ends: streams end then. */
  readonly stopping: AbortSignal;
}

export type GatewayHandler = (request: Request) => Promise<Response>;

/** Requests at once. A log that is followed counts until it ends. */
const REQUESTS = { perUser: 16, inAll: 256 };
/** Callers whose token is being looked at: a flood of false ones must not become one of reviews. */
const STRANGERS = { perUser: 64, inAll: 64 };

/** Whoever asks what is used just now does not wait for long. */
const USAGE_TIMEOUT_MS = 10_000;

/** Bearer tokens are ASCII (RFC 6750) and fit into a header of Node's limit. */
const BEARER = /^Bearer +([\x21-\x7e]{1,8192})$/i;

/** Answers every request of the gateway's listener. Never throws: refusals and failures are answers too. */
export function createHandler(options: HandlerOptions): GatewayHandler {
  const { logs, usage, access, logger, stopping, replicas } = options;
  const isOurHost = hostCheck(options.host, options.names);
  const requests = new StreamLimit(REQUESTS);
  const strangers = new StreamLimit(STRANGERS);

  return async (request) => {
    try {
      return await answer(request);
    } catch (error) {
      if (error instanceof Refusal) return error.toResponse();
      logger.error("the gateway failed to answer", { path: new URL(request.url).pathname, error: stackOf(error) });
      return new Refusal(500, "InternalError", "the gateway failed; see its log").toResponse();
    }
  };

  async function answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const host = request.headers.get("host") ?? undefined;
    if (!isOurHost(host) && (replicas === undefined || host !== ownHost(replicas.leader()))) {
      throw new Refusal(421, "MisdirectedRequest", unknownHost(host, options.host));
    }
    const wanted = routeOf(pathname);
    if (wanted === undefined) throw new Refusal(404, "NotFound", `${quoted(pathname)} is not served here`);
    if (request.method !== "GET") {
      throw new Refusal(405, "MethodNotAllowed", `${request.method} is not allowed; use GET`, { allow: "GET" });
    }
    const user = await authenticated(request);
    const leave = requests.enter(user.username);
    try {
      await authorized(user, wanted, request.signal);
      const leader = replicas?.leader();
      if (leader?.isSelf === false) {
        const signal = AbortSignal.any([request.signal, stopping]);
        return await forwardedAnswer(request, { leader, signal, onEnd: leave });
      }
      if (wanted.subresource === "usage") return await usageAnswer(request, wanted).finally(leave);
      return await logAnswer(request, { ...wanted, options: logOptions(searchParams), leave });
    } catch (error) {
      leave();
      throw error;
    }
  }

  async function authenticated(request: Request): Promise<GatewayUser> {
    const [, token] = BEARER.exec(request.headers.get("authorization") ?? "") ?? [];
    if (token === undefined) throw unauthorized("a bearer token is needed; the one of a kubeconfig is");
    const leave = strangers.enter("that is not known yet");
    try {
      const user = await access.authenticate(token, request.signal).catch((error: unknown) => throwUnavailable(error));
      return user ?? throwUnauthorized();
    } finally {
      leave();
    }
  }

  async function authorized(user: GatewayUser, wanted: Wanted, signal: AbortSignal): Promise<void> {
    const allowed = await access.authorize(user, wanted, signal).catch((error: unknown) => throwUnavailable(error));
    if (allowed) return;
    const { namespace, name, subresource } = wanted;
    throw new Refusal(
      403,
      "Forbidden",
      `user ${quoted(user.username)} cannot get runtimedeployments/${subresource} ${quoted(name)} in namespace ` +
        `${quoted(namespace)}; ask for a role with that right, such as slipway-developer`,
    );
  }

  function throwUnavailable(error: unknown): never {
    logger.warn("the gateway could not ask who may do what", { error: messageOf(error) });
    throw new Refusal(
      503,
      "ServiceUnavailable",
      "the gateway could not ask the API server who may do what; try again, or see the gateway's log",
      { "retry-after": "2" },
    );
  }

  async function usageAnswer(request: Request, { namespace, name }: Wanted): Promise<Response> {
    const signal = AbortSignal.any([request.signal, stopping, AbortSignal.timeout(USAGE_TIMEOUT_MS)]);
    try {
      const found = await usage.usage(namespace, name, signal);
      if (found === undefined) throw noWorkload({ namespace, name });
      return Response.json(found, { headers: SAFE_HEADERS });
    } catch (error) {
      if (error instanceof Refusal) throw error;
      const why = signal.aborted ? "its place did not answer in time" : messageOf(error);
      const told = error instanceof TransientError || error instanceof TerminalError || signal.aborted;
      if (!told) throw error;
      throw new Refusal(503, "ServiceUnavailable", `what ${quoted(name)} uses is not known: ${why}`);
    }
  }

  async function logAnswer(
    request: Request,
    { namespace, name, options, leave }: Wanted & { options: ReturnType<typeof logOptions>; leave: () => void },
  ): Promise<Response> {
    // Ends the source when the client goes, the gateway stops or the body was read.
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, request.signal, stopping]);
    const lines = await logs.logs(namespace, name, options, signal);
    if (lines === undefined) {
      over.abort();
      throw options.build ? noBuild({ namespace, name }) : noWorkload({ namespace, name });
    }
    const body = lineStream(untilAborted(lines, signal), (error) => {
      over.abort();
      leave();
      if (error !== undefined) logger.warn("a log ended early", { namespace, name, error: messageOf(error) });
    });
    return new Response(body, { headers: { ...SAFE_HEADERS, "content-type": "text/plain; charset=utf-8" } });
  }
}

function noWorkload({ namespace, name }: Pick<Wanted, "namespace" | "name">): Refusal {
  const message = `no workload of runtimedeployment ${quoted(name)} in namespace ${quoted(namespace)}`;
  return new Refusal(404, "NotFound", message);
}

function noBuild({ namespace, name }: Pick<Wanted, "namespace" | "name">): Refusal {
  const message = `no build of runtimedeployment ${quoted(name)} in namespace ${quoted(namespace)}; only what has spec.source.git is built`;
  return new Refusal(404, "NotFound", message);
}

/** The lines up to the abort, which is an ordinary end however the source takes it. */
async function* untilAborted(lines: AsyncIterable<string>, signal: AbortSignal): AsyncGenerator<string> {
  const iterator = lines[Symbol.asyncIterator]();
  const { promise: aborted, resolve } = Promise.withResolvers<IteratorResult<string>>();
  const end = () => resolve({ done: true, value: undefined });
  signal.addEventListener("abort", end, { once: true });
  if (signal.aborted) end();
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), aborted]);
      if (done) return;
      yield value;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", end);
    // Not awaited: a generator that waits for its next line would answer only after it. How it takes its end is its own affair.
    void iterator.return?.().catch(() => undefined);
  }
}

function unauthorized(message: string): Refusal {
  return new Refusal(401, "Unauthorized", message, { "www-authenticate": 'Bearer realm="slipway"' });
}

function throwUnauthorized(): never {
  throw unauthorized("the bearer token is not known to the API server; it may have been revoked or have expired");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
