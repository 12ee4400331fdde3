import type { IncomingMessage, ServerResponse } from "node:http";
import type { HttpEndpoint, WorkloadEndpoint } from "../../backends/workload-endpoint.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import { type Failure, invalid, sendFailure } from "./answers.ts";
import type { BridgedHandler } from "./bridged/bridged-handler.ts";
import { Exchange, type ExchangeOptions, type Onward } from "./exchange.ts";
import { clientEndpoint, LegacySessions } from "./legacy-sessions.ts";
import { LegacyStream } from "./legacy-stream.ts";
import { onwardHeaders, withoutHeader } from "./onward-headers.ts";
import { readRequestHeaders } from "./request-headers.ts";
import { loadPools } from "./upstreams.ts";

/** Carries the WorkloadEndpoint as base64url of JSON. Credentials may be in it: the socket is for this process alone. */
export const ENDPOINT_HEADER = "slipway-endpoint";

export interface ProbeHandlerOptions {
  readonly bridged: BridgedHandler;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A probe reads no more than this of any answer, and asks short questions. */
const MAX_BODY_BYTES = 1024 * 1024;
/** Whose sessions a probe's are: those of no caller. */
const OWNER = "probe";
/** Where the streams of legacy servers say that messages go. */
const PROBED = { namespace: "-", name: "probe" };

/**
 * Serves probes: a request names the endpoint that it is for, whether that is in the directory or on trial, and passes neither
 * access nor readiness. What it finds is what clients will find, since it takes their way.
 */
export class ProbeHandler {
  readonly #options: ProbeHandlerOptions;
  readonly #sessions = new LegacySessions();

  constructor(options: ProbeHandlerOptions) {
    this.#options = options;
  }

  /** Never throws. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    try {
      const failure = await this.#serve(request, response);
      if (failure) sendFailure(request, response, failure);
    } catch (error) {
      const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#options.logger.error("a probe failed within the gateway", { error: told });
      response.destroy();
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<Failure | undefined> {
    const endpoint = endpointIn(request.headers[ENDPOINT_HEADER]);
    const headers = readRequestHeaders(request.rawHeaders);
    if (endpoint === undefined || "ambiguous" in headers)
      return invalid(400, "BadRequest", "the probe names no endpoint");
    if (endpoint.kind === "stdio") {
      const { contentLength } = headers;
      const asked = { request, response, contentLength, endpoint, listedAs: undefined, owner: OWNER };
      await this.#options.bridged.serve({ ...asked, authorization: undefined, isProbe: true });
      return undefined;
    }
    const { origin, host, pathname, search } = new URL(endpoint.url);
    const { UpstreamPool } = await loadPools();
    const { allowedCidrs } = endpoint;
    const pool = new UpstreamPool({ origin, ...(allowedCidrs && { allowedCidrs }) }, this.#options.clock);
    const method = request.method ?? "";
    const hasBody = method === "POST";
    const passed = onwardHeaders(headers, { host, via: "1.1 slipway-probe", upstream: endpoint, hasBody });
    const onward = { method, path: `${pathname}${search}`, hasBody, headers: withoutHeader(passed, ENDPOINT_HEADER) };
    const legacy = endpoint.transport === "sse" ? this.#legacy({ request, response, endpoint }, onward) : { onward };
    if ("status" in legacy) {
      await pool.destroy();
      return legacy;
    }
    const onEnd = () => void pool.destroy();
    const how = {
      request,
      response,
      pool,
      maxBodyBytes: MAX_BODY_BYTES,
      clock: this.#options.clock,
      isCall: true,
      onEnd,
    };
    if (response.destroyed) onEnd();
    else new Exchange({ ...how, ...legacy.how }).send(legacy.onward, headers.contentLength);
    return undefined;
  }

  #legacy(
    { request, response, endpoint }: { request: IncomingMessage; response: ServerResponse; endpoint: HttpEndpoint },
    onward: Onward,
  ): { onward: Onward; how?: Pick<ExchangeOptions, "rewrite"> } | Failure {
    const owner = { caller: OWNER, owner: `${endpoint.url}\n${endpoint.instance}` };
    if (request.method === "GET") {
      const stream = new LegacyStream({ ...owner, streamUrl: endpoint.url, sessions: this.#sessions }, (id) =>
        clientEndpoint("", PROBED, id),
      );
      response.once("close", () => stream.close());
      return {
        onward: { ...onward, headers: withoutHeader(onward.headers, "accept-encoding") },
        how: { rewrite: stream },
      };
    }
    const query = request.url?.split("?", 2)[1] ?? "";
    const session = request.method === "POST" ? this.#sessions.find(query, owner) : undefined;
    return session
      ? { onward: { ...onward, path: session.path } }
      : invalid(404, "SessionNotFound", "there is no such session");
  }
}

/** Written by this process itself, so that only its frame is looked at. */
function endpointIn(header: string | string[] | undefined): WorkloadEndpoint | undefined {
  if (typeof header !== "string") return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(header, "base64url").toString());
    const kind = typeof value === "object" && value !== null && "kind" in value ? value.kind : undefined;
    return kind === "http" || kind === "stdio" ? (value as WorkloadEndpoint) : undefined;
  } catch {
    return undefined;
  }
}
