import { lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { Agent, buildConnector } from "undici";
import type { ExternalGatewaySettings } from "../../controllers/registration/external-gateway.ts";
import { addressDistance } from "../../guardrails/address-distance.ts";
import type { Fence } from "../../machinery/fence.ts";
import { fenceSocket } from "../../machinery/fenced-connections.ts";
import { noAnswer, unreadable } from "./failures.ts";

/** Of a question, and of a write, for which the gateway connects to the server, initializes it and asks for its tools. */
const READ_TIMEOUT_MS = 10_000;
const WRITE_TIMEOUT_MS = 60_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** A page of 500 entries has about 1 MiB. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 8;
const MAX_RETRY_AFTER_MS = 300_000;

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below the URL of the gateway, with its query. */
  readonly path: string;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  /** Undefined where the body is no JSON. */
  readonly json: unknown;
  readonly retryAfterMs: number | undefined;
}

/**
 * JSON over HTTP with a bearer token. Redirects are not followed, since they would take the token along; names that resolve
 * to link-local and other addresses that are nobody's are not dialled. Errors are made of our own words alone.
 */
export class Transport {
  readonly #base: URL;
  readonly #token: string;
  readonly #agent: Agent;
  readonly #timeouts: { readonly readMs: number; readonly writeMs: number };

  constructor(
    { url, token, ca, fence }: ExternalGatewaySettings,
    { readMs = READ_TIMEOUT_MS, writeMs = WRITE_TIMEOUT_MS }: { readMs?: number; writeMs?: number } = {},
  ) {
    this.#base = new URL(url);
    this.#token = token;
    this.#timeouts = { readMs, writeMs };
    const connect = { timeout: CONNECT_TIMEOUT_MS, lookup: guardedLookup, ...(ca !== undefined && { ca }) };
    this.#agent = new Agent({
      connect: fence ? fencedConnector(connect, fence) : connect,
      connections: MAX_CONNECTIONS,
      maxHeaderSize: MAX_HEADER_BYTES,
      maxResponseSize: MAX_BODY_BYTES,
      allowH2: false,
      pipelining: 1,
    });
  }

  /** @throws {TransientError} `GatewayUnavailable`; nothing of a caller who gave up. */
  async call({ method, path, body }: Call, signal: AbortSignal): Promise<Answer> {
    const timeoutMs = method === "GET" ? this.#timeouts.readMs : this.#timeouts.writeMs;
    try {
      assertDialled(this.#base.hostname);
      const answer = await this.#agent.request({
        origin: this.#base.origin,
        path: `${this.#base.pathname.replace(/\/+$/, "")}${path}`,
        method,
        headers: {
          accept: "application/json",
          "user-agent": "slipway",
          authorization: `Bearer ${this.#token}`,
          ...(body !== undefined && { "content-type": "application/json" }),
        },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
      const text = await answer.body.text();
      return { status: answer.statusCode, json: parsed(text), retryAfterMs: retryAfter(answer.headers["retry-after"]) };
    } catch (error) {
      signal.throwIfAborted();
      throw noAnswer(error);
    }
  }

  /** Takes our secrets out of what a stranger says. */
  redact(text: string | undefined, ...secrets: readonly (string | undefined)[]): string | undefined {
    return [this.#token, ...secrets].reduce(
      (clean, secret) => (secret === undefined || secret === "" ? clean : clean?.replaceAll(secret, "[redacted]")),
      text,
    );
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/** @throws {TransientError} where the answer is not JSON. */
export function jsonOf({ json, status }: Answer): unknown {
  if (json === undefined) throw unreadable(`its answer ${status} is no JSON`);
  return json;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Seconds alone: dates compare two clocks. */
function retryAfter(header: unknown): number | undefined {
  if (typeof header !== "string" || !/^\d{1,6}$/.test(header)) return undefined;
  return Math.min(Math.max(1, Number(header)) * 1000, MAX_RETRY_AFTER_MS);
}

/** A host that is written as an address is not looked up. */
function assertDialled(host: string): void {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  if (isIP(address) !== 0 && addressDistance(address) === "nowhere") throw unreachable();
}

function fencedConnector(options: buildConnector.BuildOptions, fence: Fence): buildConnector.connector {
  const connect = buildConnector(options);
  return (target, done) =>
    connect(target, (...[error, socket]) => {
      if (error) done(error, null);
      else done(null, fenceSocket(socket, fence, { isEstablished: true }));
    });
}

const guardedLookup: LookupFunction = (hostname, options, done) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    const [first, ...others] = (addresses ?? []).filter(({ address }) => addressDistance(address) !== "nowhere");
    if (error) done(error, "");
    else if (!first) done(unreachable(), "");
    else if (options.all) done(null, [first, ...others]);
    else done(null, first.address, first.family);
  });
};

function unreachable(): NodeJS.ErrnoException {
  return Object.assign(new Error("an address that is not dialled"), { code: "EHOSTUNREACH" });
}
