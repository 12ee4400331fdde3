import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { inspect } from "node:util";
import type Docker from "dockerode";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../../machinery/errors.ts";
import type { Fence } from "../../../machinery/fence.ts";
import { fenceConnections } from "../../../machinery/fenced-connections.ts";
import { withDeadline } from "./deadline.ts";
import { type EngineAddress, type EngineTls, parseEngineAddress } from "./engine-address.ts";
import { classifyEngineError, EngineTimeout, hasStatus } from "./engine-error.ts";
import { hijack } from "./hijack.ts";

/** Versions of the Engine's API that this code was written for: Engine 20.10 speaks up to 1.41, Engine 29 from 1.44. */
export const API_VERSIONS = { oldest: "1.41", newest: "1.51" } as const;

/**
 * What a call is for, and how many of its kind may be open at once. Long ones have sockets of their own, so that
 * neither pulls nor followed logs hold up a call.
 */
const SOCKETS = { calls: 64, pulls: 8, logs: 256, events: 4 } as const;
type Pool = keyof typeof SOCKETS;

const CALL_TIMEOUT_MS = 30_000;
const NEGOTIATION_TIMEOUT_MS = 10_000;
const TCP_KEEPALIVE_MS = 30_000;

export interface CallOptions {
  readonly signal: AbortSignal;
  /** How long the Engine may take; for a stream, until it begins. */
  readonly timeoutMs?: number;
}

/** What an Engine says about itself. */
export interface EngineVersion {
  readonly engine: string;
  /** The version of its API that is spoken with it. */
  readonly api: string;
}

/**
 * The Docker Engine's API: a bounded number of kept connections, a timeout on every call, errors classified, and the
 * newest version of the API that both sides know.
 */
export class EngineClient implements Disposable {
  readonly #host: string;
  readonly #tls: EngineTls | undefined;
  readonly #fence: Fence | undefined;
  readonly #agents = new Map<Pool, HttpAgent>();
  #connection: Promise<Connection> | undefined;

  constructor(host: string, tls: EngineTls | undefined, fence?: Fence) {
    this.#host = host;
    this.#tls = tls;
    this.#fence = fence;
  }

  /** @throws {TerminalError} when `spec.docker.host` is none. */
  get address(): EngineAddress {
    return parseEngineAddress(this.#host, this.#tls);
  }

  /** Runs one call; `operation` completes "could not …". */
  async call<T>(
    operation: string,
    work: (docker: Docker, abortSignal: AbortSignal) => Promise<T>,
    { signal, timeoutMs = CALL_TIMEOUT_MS }: CallOptions,
  ): Promise<T> {
    const { calls } = await this.#connect(signal);
    return await this.#guard(operation, (abortSignal) => work(calls, abortSignal), { signal, timeoutMs });
  }

  /** Opens a stream, which ends with an error when `signal` aborts. */
  async open(
    pool: Exclude<Pool, "calls">,
    work: (docker: Docker, abortSignal: AbortSignal) => Promise<NodeJS.ReadableStream>,
    { signal, timeoutMs = CALL_TIMEOUT_MS }: CallOptions,
  ): Promise<Readable> {
    const connection = await this.#connect(signal);
    const lifetime = new AbortController();
    const end = (): void => lifetime.abort(signal.reason);
    signal.addEventListener("abort", end, { once: true });
    try {
      const open = (deadline: AbortSignal): Promise<NodeJS.ReadableStream> => {
        deadline.addEventListener("abort", () => lifetime.abort(deadline.reason), { once: true });
        return work(connection[pool], lifetime.signal);
      };
      const stream = (await this.#guard(`open ${pool}`, open, { signal, timeoutMs })) as Readable;
      stream.once("close", () => signal.removeEventListener("abort", end));
      return stream;
    } catch (error) {
      signal.removeEventListener("abort", end);
      throw error;
    }
  }

  /** A connection that the Engine hands over for `path`, which begins behind the version. It outlives `signal`. */
  async hijack(operation: string, path: string, { signal, timeoutMs = CALL_TIMEOUT_MS }: CallOptions): Promise<Socket> {
    const { version } = await this.#connect(signal);
    const open = (abortSignal: AbortSignal): Promise<Socket> =>
      hijack(this.address, this.#tls, { path: `/v${version.api}${path}`, signal: abortSignal, fence: this.#fence });
    return await this.#guard(operation, open, { signal, timeoutMs });
  }

  /** What it means that `operation` failed, for errors that come out of a stream long after it was opened. */
  explain(operation: string, error: unknown): unknown {
    return classifyEngineError(error, operation, this.#host);
  }

  /** Asks anew which versions the Engine speaks: it may have been replaced by another. */
  async version(options: CallOptions): Promise<EngineVersion> {
    const { calls, version } = await this.#connect(options.signal);
    const answer = await this.#guard("tell its version", () => calls.version(), {
      timeoutMs: CALL_TIMEOUT_MS,
      ...options,
    });
    const api = negotiate(answer);
    if (api !== version.api) this.#connection = undefined;
    return { engine: answer.Version, api };
  }

  [Symbol.dispose](): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }

  async #guard<T>(
    operation: string,
    work: (signal: AbortSignal) => Promise<T>,
    { signal, timeoutMs }: Required<CallOptions>,
  ): Promise<T> {
    const onTimeout = (): Error => new EngineTimeout(operation, this.#host, timeoutMs);
    try {
      return await withDeadline(work, { signal, timeoutMs, onTimeout });
    } catch (error) {
      const classified = classifyEngineError(error, operation, this.#host);
      if (hasStatus(classified, 400) && /client version .* too (new|old)/.test(classified.said)) {
        this.#connection = undefined;
      }
      throw classified;
    }
  }

  /** Connects once for all callers; each waits no longer than its own signal allows. */
  async #connect(signal: AbortSignal): Promise<Connection> {
    this.#connection ??= this.#negotiate().catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    const connection = this.#connection;
    return await withDeadline(() => connection, {
      signal,
      timeoutMs: 2 * NEGOTIATION_TIMEOUT_MS,
      onTimeout: () => new EngineTimeout("tell its version", this.#host, NEGOTIATION_TIMEOUT_MS),
    });
  }

  async #negotiate(): Promise<Connection> {
    // The library takes a tenth of a second to load; a process that never meets an Engine does not pay for it.
    const { default: Engine } = await import("dockerode");
    const address = this.address;
    const client = (pool: Pool, version?: string): Docker => new Engine(this.#options(address, pool, version));
    const unversioned = client("calls");
    const answer = await this.#guard("tell its version", () => unversioned.version(), {
      signal: new AbortController().signal,
      timeoutMs: NEGOTIATION_TIMEOUT_MS,
    });
    const api = negotiate(answer);
    const path = `v${api}`;
    return {
      calls: client("calls", path),
      pulls: client("pulls", path),
      logs: client("logs", path),
      events: client("events", path),
      version: { engine: answer.Version, api },
    };
  }

  /** Every option is given, also as undefined: what is missing the library would take from DOCKER_HOST and its like. */
  #options(address: EngineAddress, pool: Pool, version: string | undefined): Docker.DockerOptions {
    const agent = this.#agents.get(pool) ?? fenceConnections(newAgent(pool, address), this.#fence);
    this.#agents.set(pool, agent);
    const place =
      address.kind === "unix"
        ? { socketPath: address.path, host: undefined, port: undefined, protocol: "http" }
        : { host: address.host, port: address.port, protocol: address.tls ? "https" : "http" };
    const { ca, cert, key } = this.#tls ?? {};
    const options = { ...place, version, agent, ca, cert, key, timeout: undefined, pathPrefix: "/" };
    return options as Docker.DockerOptions;
  }
}

type Connection = Readonly<Record<Pool, Docker>> & { readonly version: EngineVersion };

function newAgent(pool: Pool, address: EngineAddress): HttpAgent {
  const options = { maxSockets: SOCKETS[pool], keepAlive: true, keepAliveMsecs: TCP_KEEPALIVE_MS };
  const agent = address.kind === "tcp" && address.tls ? new HttpsAgent(options) : new HttpAgent(options);
  // For its debug log, wanted or not, the library writes out each request down to every socket of its agent: at forty
  // connections that costs more than the call.
  return Object.assign(agent, { [inspect.custom]: () => "Agent" });
}

/** The newest version of the API that both sides speak. @throws {TransientError} when there is none. */
function negotiate(answer: Docker.DockerVersion): string {
  const { ApiVersion: newest, MinAPIVersion: oldest = "1.12" } = answer;
  if (typeof newest !== "string" || !/^\d+\.\d+$/.test(newest))
    throw new TerminalError(Reason.BackendUnavailable, "what listens at spec.docker.host is no Docker Engine");
  if (older(newest, API_VERSIONS.oldest))
    throw unsupported(answer, `it needs to be Docker 20.10 or newer (API ${API_VERSIONS.oldest})`);
  if (older(API_VERSIONS.newest, oldest))
    throw unsupported(answer, `it dropped API ${API_VERSIONS.newest}; a newer Slipway is needed`);
  return older(newest, API_VERSIONS.newest) ? newest : API_VERSIONS.newest;
}

function unsupported({ Version, ApiVersion }: Docker.DockerVersion, remedy: string): TransientError {
  return new TransientError(
    Reason.BackendUnavailable,
    `Docker Engine ${Version} (API ${ApiVersion}) cannot be used: ${remedy}`,
  );
}

function older(a: string, b: string): boolean {
  const [aMajor = 0, aMinor = 0] = a.split(".").map(Number);
  const [bMajor = 0, bMinor = 0] = b.split(".").map(Number);
  return aMajor < bMajor || (aMajor === bMajor && aMinor < bMinor);
}
