import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpEndpoint, WorkloadEndpoint } from "../../backends/workload-endpoint.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { Directory, Endpoint } from "../directory.ts";
import type { Drains } from "../drains.ts";
import { hostCheck, unknownHost } from "../host-check.ts";
import { SAFE_HEADERS } from "../refusal.ts";
import { NOT_LEADING } from "../replicas/forwarding.ts";
import type { Replica } from "../replicas/replica.ts";
import { type Failure, invalid, sendFailure, unavailable } from "./answers.ts";
import { type BridgedHandler, ownerOf } from "./bridged/bridged-handler.ts";
import type { CallLimits } from "./call-limits.ts";
import type { DeploymentCounts } from "./deployment-counts.ts";
import { Exchange, type ExchangeOptions, type Onward, type Outcome } from "./exchange.ts";
import { ANYBODY, type Caller, type Gate } from "./gate.ts";
import { goesWithCalls } from "./goes-with-calls.ts";
import { type RequestId, RpcCode } from "./json-rpc.ts";
import { clientEndpoint, type LegacySessions } from "./legacy-sessions.ts";
import { LegacyStream } from "./legacy-stream.ts";
import { listServers } from "./listing.ts";
import { listingPage, PAGE_HEADERS } from "./listing-page.ts";
import { type McpRoute, mcpRouteOf } from "./mcp-route.ts";
import { adminHeaders, onwardHeaders, withoutHeader } from "./onward-headers.ts";
import { corsHeaders, originCheck, preflightHeaders } from "./origin-check.ts";
import { type RequestHeaders, readRequestHeaders } from "./request-headers.ts";
import type { UpstreamPool } from "./upstream-pool.ts";
import type { Upstreams } from "./upstreams.ts";

export interface McpHandlerOptions {
  readonly directory: Directory;
  readonly upstreams: Upstreams;
  readonly bridged: BridgedHandler;
  /** As one of several; undefined: it is alone. */
  readonly replica: Pick<Replica, "follows" | "isOwnHost" | "isLeaders" | "forward" | "hear" | "passes"> | undefined;
  /** Which servers take nothing new. */
  readonly drains: Pick<Drains, "isDraining" | "isThere" | "pass">;
  readonly deploymentCounts: Pick<DeploymentCounts, "watch">;
  readonly sessions: LegacySessions;
  /** Undefined: anybody may use everything. */
  readonly gate: Gate | undefined;
  readonly limits: CallLimits;
  /** What stands at `/-/`. */
  readonly admin: (() => Promise<UpstreamPool>) | undefined;
  /** The host listened on, and further names that clients may use for it. */
  readonly host: string;
  readonly names: readonly string[];
  /** Origins whose pages may use the servers, beside the gateway's own. */
  readonly origins: readonly string[];
  /** What clients reach the gateway by, without a slash at its end; undefined: by what their Host header says. */
  readonly publicUrl: string | undefined;
  readonly maxBodyBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onOutcome: (outcome: Outcome | "refused") => void;
}

/** A request as far as it is understood. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headers: RequestHeaders;
}

/** A request that may be served, and by what. */
interface Addressed {
  readonly route: McpRoute;
  readonly endpoint: Endpoint;
  readonly caller: Caller;
  /** The server is about to end, and calls under way there may wait for this. */
  readonly isOfDrained: boolean;
}

/** Where a request goes that is not passed through, and for whom. */
interface BridgedAs {
  readonly route: McpRoute;
  readonly upstream: WorkloadEndpoint;
  readonly caller: Caller;
  readonly authorization: string | undefined;
}

const NOT_SYNCED = unavailable(503, "NotSynced", "the gateway has just started", 1);
const METHODS: ReadonlySet<string> = new Set(["GET", "POST", "DELETE"]);

/** Answers what comes to the gateway's listener. Knows nothing of MCP but where its servers are. */
export class McpHandler {
  readonly #options: McpHandlerOptions;
  readonly #isOurHost: (host: string | undefined) => boolean;
  readonly #originOf: ReturnType<typeof originCheck>;
  readonly #via: string;
  readonly #pathPrefix: string;

  constructor(options: McpHandlerOptions) {
    this.#options = options;
    this.#via = `1.1 ${options.bridged.pseudonym}`;
    this.#isOurHost = hostCheck(options.host, options.names);
    this.#originOf = originCheck(options.origins);
    const prefix = options.publicUrl === undefined ? "" : new URL(options.publicUrl).pathname;
    this.#pathPrefix = prefix.replace(/\/$/, "");
  }

  /** Never throws: refusals and failures are answers too. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Whoever writes next hears of it by the response's end.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    try {
      const failure = await this.#serve(request, response);
      if (failure) this.#refuse(request, response, failure);
    } catch (error) {
      const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.logger.error("the gateway failed to answer", { error: told });
      const failure = {
        status: 500,
        code: RpcCode.Internal,
        reason: "Internal",
        message: "the gateway failed; see its log",
      };
      this.#refuse(request, response, failure);
    }
  }

  #refuse(request: IncomingMessage, response: ServerResponse, failure: Failure): void {
    this.#options.onOutcome("refused");
    sendFailure(request, response, failure);
  }

  /** Undefined where it was taken on. */
  async #serve(request: IncomingMessage, response: ServerResponse): Promise<Failure | undefined> {
    const target = request.url ?? "";
    const headers = readRequestHeaders(request.rawHeaders);
    if ("ambiguous" in headers) {
      return invalid(400, "BadRequest", `there is more than one ${headers.ambiguous} header`, { connection: "close" });
    }
    // Requests to a proxy, and those about the server as a whole, have other targets.
    if (!target.startsWith("/"))
      return invalid(400, "BadRequest", "the request's target is no path", { connection: "close" });
    if (!this.#isOurs(headers.host)) {
      return invalid(421, "MisdirectedRequest", unknownHost(headers.host, this.#options.host));
    }
    if (headers.via?.includes(this.#options.bridged.pseudonym)) {
      return invalid(
        508,
        "LoopDetected",
        "the request has been here before: a server's URL leads back to this gateway",
      );
    }
    if (target.startsWith("/-/")) return this.#admin({ request, response, headers });
    const path = target.split("?", 1)[0];
    const route = path === "/" ? undefined : mcpRouteOf(target);
    if (path !== "/" && route === undefined) return notFound(target);
    const verdict = this.#originOf(headers.origin, headers.host);
    if (verdict === "foreign") {
      return invalid(
        403,
        "ForbiddenOrigin",
        "pages of this origin may not use this gateway; it can be listed with --gateway-origin",
      );
    }
    const origin = verdict === "listed" ? headers.origin : undefined;
    if (request.method === "OPTIONS" && origin !== undefined) return preflight(request, response, origin);
    if (origin !== undefined) response.setHeaders(corsHeaders(origin) as Map<string, string>);
    const asked = { request, response, headers };
    return route === undefined ? this.#list(asked) : this.#toServer(asked, route);
  }

  async #toServer(asked: Asked, route: McpRoute): Promise<Failure | undefined> {
    const { request } = asked;
    const method = request.method ?? "";
    if (!METHODS.has(method)) return notAllowed(method, "GET, POST, DELETE");
    const caller = await this.#admitted(asked);
    if ("status" in caller) return caller;
    const { directory, gate, drains } = this.#options;
    // Asked also about what does not exist, so that the time it takes tells nothing.
    const allowed = gate ? await gate.mayUse(caller, { namespace: route.namespace, name: route.name }) : true;
    if (typeof allowed !== "boolean") return allowed;
    if (!allowed) return notFound(route.path);
    const { replica } = this.#options;
    if (asked.headers.tellsOfCalls) return replica ? replica.hear(route, asked.response) : NOT_LEADING;
    const isOfDrained = drains.isThere(route) && (await this.#isOfDrained(asked, route));
    const held = !isOfDrained && drains.isDraining(route) ? await this.#held(asked, route) : undefined;
    if (held) return held;
    const endpoint = directory.get(route.namespace, route.name);
    if (endpoint === undefined) return directory.hasSynced() ? notFound(route.path) : NOT_SYNCED;
    if (replica?.isLeaders(endpoint)) return replica.forward(asked, endpoint, isCall(request));
    return this.#toEndpoint(asked, { route, endpoint, caller, isOfDrained });
  }

  async #toEndpoint(asked: Asked, { route, endpoint, caller, isOfDrained }: Addressed): Promise<Failure | undefined> {
    const { bridged, deploymentCounts, replica } = this.#options;
    const { request } = asked;
    const { state, upstream } = endpoint;
    const forwards = upstream?.kind === "http" && upstream.forwardAuthorization === true;
    const authorization = forwards ? asked.headers.authorization : undefined;
    const isServable = upstream !== undefined && (state.ready || isOfDrained);
    const isForeign =
      isServable &&
      (upstream.kind === "stdio" ||
        (await bridged.isNeeded({
          ...{ request, endpoint: upstream, listedAs: route, query: route.query, authorization },
        })));
    if (isForeign && replica?.follows) return replica.forward(asked, { state: { ready: true } }, isCall(request));
    // What is passed on is counted where it is served.
    deploymentCounts.watch(endpoint, asked.response);
    if (!state.ready && !isOfDrained) return unavailable(503, state.reason, state.message, state.retryAfterSeconds);
    if (upstream === undefined) return unavailable(503, "NoAddress", "it has no address", 2);
    if (isForeign || upstream.kind === "stdio") {
      return this.#toBridged(asked, { route, upstream, caller, authorization });
    }
    return upstream.transport === "sse"
      ? this.#toLegacy(asked, { route, upstream, caller })
      : this.#toStreamable(asked, route, upstream);
  }

  #isOurs(host: string | undefined): boolean {
    return this.#isOurHost(host) || this.#options.replica?.isOwnHost(host) === true;
  }

  /** Whether it is for a server that is about to end, since calls under way there may wait for it. */
  async #isOfDrained({ request, headers }: Asked, route: McpRoute): Promise<boolean> {
    const { drains } = this.#options;
    return (await goesWithCalls(request, headers.contentLength)) && drains.isThere(route);
  }

  /** Lets no request through to a server that is about to end. */
  async #held({ response }: Asked, route: McpRoute): Promise<Failure | undefined> {
    const { drains, directory } = this.#options;
    const gone = new AbortController();
    const leave = () => gone.abort();
    response.once("close", leave);
    const outcome = await drains.pass(route, gone.signal);
    response.off("close", leave);
    const { namespace, name } = route;
    // Why it is not ready is told by what follows.
    if (outcome === "passed" || directory.get(namespace, name)?.state.ready !== true) return undefined;
    const message =
      outcome === "refused" ? "it is being stopped or removed" : "what takes its place is not ready yet; try again";
    return unavailable(503, "Draining", message, 1);
  }

  async #toBridged(
    { request, response, headers }: Asked,
    { route, upstream, caller, authorization }: BridgedAs,
  ): Promise<undefined> {
    await this.#options.bridged.serve({
      ...{ request, response, contentLength: headers.contentLength },
      ...{ endpoint: upstream, listedAs: route, owner: ownerOf(caller.id, route) },
      authorization,
      isProbe: false,
    });
  }

  async #toStreamable(asked: Asked, route: McpRoute, upstream: HttpEndpoint): Promise<undefined> {
    const { pool, path, host } = await this.#options.upstreams.of(route, upstream);
    const { request } = asked;
    const method = request.method ?? "";
    const hasBody = method === "POST";
    const headers = onwardHeaders(asked.headers, { host, via: this.#via, upstream, hasBody });
    const onward = { method, path: withQuery(path, route.query), headers, hasBody };
    const how = { pool, isCall: isCall(request) };
    if (how.isCall) this.#options.replica?.passes(route, asked.headers.authorization, asked.response);
    this.#exchange(asked, how, onward);
  }

  async #toLegacy(
    asked: Asked,
    { route, upstream, caller }: { route: McpRoute; upstream: HttpEndpoint; caller: Caller },
  ): Promise<Failure | undefined> {
    const { upstreams, sessions } = this.#options;
    const { pool, path, host } = await upstreams.of(route, upstream);
    const method = asked.request.method ?? "";
    const headers = onwardHeaders(asked.headers, { host, via: this.#via, upstream, hasBody: method === "POST" });
    const owner = { caller: caller.id, owner: `${route.namespace}/${route.name}/${upstream.instance}` };
    if (method === "GET") {
      const tell = asked.headers.isForwarded ? (text: string) => written(asked.response, text) : undefined;
      const stream = new LegacyStream({ ...owner, streamUrl: upstream.url, sessions, tell }, (id) =>
        clientEndpoint(this.#pathPrefix, route, id),
      );
      asked.response.once("close", () => stream.close());
      // What is packed could not be rewritten.
      const plain = withoutHeader(headers, "accept-encoding");
      const onward = { method, path: withQuery(path, route.query), headers: plain, hasBody: false };
      const unanswered = () => stream.calls.unanswered();
      this.#exchange(asked, { pool, rewrite: stream, unanswered, isCall: true }, onward);
      return undefined;
    }
    // What a client of streamable HTTP sends first: this tells it to use the earlier transport.
    if (method !== "POST" || route.query === "") return notAllowed(method, "GET");
    const session = sessions.find(route.query, owner);
    if (session === undefined) {
      return invalid(404, "SessionNotFound", "there is no such session; open the stream of events anew");
    }
    const onRequests = (ids: readonly RequestId[]) => session.sent(ids);
    this.#exchange(asked, { pool, onRequests, isCall: true }, { method, path: session.path, headers, hasBody: true });
    return undefined;
  }

  async #admin(asked: Asked): Promise<Failure | undefined> {
    const { admin, limits } = this.#options;
    const { request, response, headers } = asked;
    if (admin === undefined) return notFound(request.url ?? "");
    const leave = limits.enter(ADMIN);
    if (typeof leave !== "function") return leave;
    response.once("close", leave);
    const { method = "GET", url: path = "/" } = request;
    this.#exchange(
      asked,
      { pool: await admin(), isCall: true },
      { method, path, headers: adminHeaders(headers), hasBody: false },
    );
    return undefined;
  }

  async #list(asked: Asked): Promise<Failure | undefined> {
    const { request, response, headers } = asked;
    if (request.method !== "GET") return notAllowed(request.method ?? "", "GET");
    const caller = await this.#admitted(asked);
    if ("status" in caller) return caller;
    const { directory, gate, publicUrl } = this.#options;
    const baseUrl = publicUrl ?? `http://${headers.host}`;
    const listing = await listServers(directory, {
      gate,
      caller,
      baseUrl,
      follows: this.#options.replica?.follows === true,
    });
    if ("status" in listing) return listing;
    const isPage = headers.accept?.includes("text/html") === true;
    response.writeHead(200, {
      ...SAFE_HEADERS,
      vary: "accept, authorization",
      ...(isPage ? PAGE_HEADERS : { "content-type": "application/json" }),
    });
    response.end(isPage ? listingPage(listing) : JSON.stringify(listing));
    return undefined;
  }

  /** Who asks, with a place that is given back when the answer has ended. */
  async #admitted({ headers, response }: Asked): Promise<Caller | Failure> {
    const { gate, limits } = this.#options;
    const caller = gate ? await gate.whoIs(headers.authorization) : ANYBODY;
    if ("status" in caller) return caller;
    const leave = limits.enter(caller.id);
    if (typeof leave !== "function") return leave;
    if (response.closed) leave();
    else response.on("close", leave);
    return caller;
  }

  #exchange(
    { request, response, headers }: Asked,
    how: Pick<ExchangeOptions, "pool" | "isCall" | "rewrite" | "unanswered" | "onRequests">,
    onward: Onward,
  ): void {
    const { maxBodyBytes, clock, onOutcome } = this.#options;
    if (response.destroyed) {
      onOutcome("gone");
      return;
    }
    const exchange = new Exchange({ request, response, maxBodyBytes, clock, onEnd: onOutcome, ...how });
    exchange.send(onward, headers.contentLength);
  }
}

/** Streams wait for nothing, nor does a subscription of revision 2026-07-28. */
function isCall({ method, headers }: IncomingMessage): boolean {
  return method !== "GET" && headers["mcp-method"] !== "subscriptions/listen";
}

/** Whoever asks what is not a server shares the places of one caller; their own limits stand behind it. */
const ADMIN = "/-/";

/** Beside what passes; not where that has ended, or is not read. */
function written(response: ServerResponse, text: string): boolean {
  if (response.writableEnded || response.writableNeedDrain) return false;
  response.write(text);
  return true;
}

function withQuery(path: string, query: string): string {
  if (query === "" || query === "?") return path;
  return path.includes("?") ? `${path}&${query.slice(1)}` : `${path}${query}`;
}

function preflight(request: IncomingMessage, response: ServerResponse, origin: string): undefined {
  response.writeHead(204, preflightHeaders(origin, request.headers["access-control-request-headers"]));
  response.end();
}

/** The same for what does not exist and for what the caller may not use. */
function notFound(target: string): Failure {
  const path = target.split("?", 1)[0] ?? "";
  return invalid(404, "NotFound", `there is nothing at ${JSON.stringify(path.slice(0, 400))}`);
}

function notAllowed(method: string, allowed: string): Failure {
  return invalid(405, "MethodNotAllowed", `${method} is not allowed; use ${allowed}`, { allow: allowed });
}
