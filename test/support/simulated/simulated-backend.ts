import { connect, type Socket } from "node:net";
import { Reason } from "../../../src/api/v1alpha1/conditions.ts";
import type {
  AdmissionRequest,
  Backend,
  BackendHealth,
  CreateOptions,
  ImageRequest,
  ImageState,
  Owner,
  ResolvedImage,
  Workload,
  WorkloadSpec,
} from "../../../src/backends/backend.ts";
import { NEVER_WITH_RESTRICTED_NETWORK } from "../../../src/guardrails/confinement.ts";
import { TerminalError, TransientError } from "../../../src/machinery/errors.ts";
import type { Answers } from "./answers.ts";
import { type Change, decodeError, type Reply, readLines, writeLine } from "./wire.ts";

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

const RECONNECT_MS = 100;

/** A Backend at a SimulatedPlace, which may be in another process. */
export class SimulatedBackend implements Backend {
  readonly #name: string;
  readonly #socketPath: string;
  readonly #answers: Answers;
  readonly #pending = new Map<number, Pending>();
  readonly #watchers = new Set<(owner: Owner) => void>();
  #socket: Socket | undefined;
  #calls = 0;
  #reconnect: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(name: string, socketPath: string, answers: Answers) {
    this.#name = name;
    this.#socketPath = socketPath;
    this.#answers = answers;
    this.#connect();
  }

  async health(signal: AbortSignal): Promise<BackendHealth> {
    try {
      return await this.#call("health", [], signal);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const reason = Reason.BackendUnavailable;
      return { available: false, reason, message, version: undefined, capabilities: undefined };
    }
  }

  admit({ confinement: { network, capabilities } }: AdmissionRequest): void {
    const beyond = capabilities.add.find((name) => NEVER_WITH_RESTRICTED_NETWORK.some((never) => never === name));
    if (network && beyond !== undefined) {
      throw new TerminalError(Reason.InvalidSpec, `${beyond} leads past the rules of a restricted network`);
    }
  }

  resolveImage(request: ImageRequest, signal: AbortSignal): Promise<ResolvedImage> {
    return this.#call("resolveImage", [request], signal);
  }

  ensureImage(owner: Owner, image: ResolvedImage, request: ImageRequest, signal: AbortSignal): Promise<ImageState> {
    return this.#call("ensureImage", [owner, image, request], signal);
  }

  async observe(owner: Owner, signal: AbortSignal): Promise<readonly Workload[]> {
    return (await this.#call<Workload[]>("observe", [owner], signal)).map(workloadOf);
  }

  async create(spec: WorkloadSpec, options: CreateOptions, signal: AbortSignal): Promise<Workload> {
    // What a simulated process would read is left out: ten thousand of them are kept in memory.
    const mounts = spec.mounts.filter(({ kind }) => kind === "volume");
    return workloadOf(await this.#call("create", [{ ...spec, env: {}, mounts }, options], signal));
  }

  async start(id: string, signal: AbortSignal): Promise<Workload> {
    return workloadOf(await this.#call("start", [id], signal));
  }

  stop(id: string, graceSeconds: number, signal: AbortSignal): Promise<void> {
    return this.#call("stop", [id, graceSeconds], signal);
  }

  repair(workload: Workload, signal: AbortSignal): Promise<void> {
    return this.#call("repair", [workload], signal);
  }

  delete(id: string, signal: AbortSignal): Promise<void> {
    return this.#call("delete", [id], signal);
  }

  purge(owner: Owner, signal: AbortSignal): Promise<boolean> {
    return this.#call("purge", [owner], signal);
  }

  watch(onChange: (owner: Owner) => void, signal: AbortSignal): void {
    this.#watchers.add(onChange);
    signal.addEventListener("abort", () => this.#watchers.delete(onChange), { once: true });
  }

  async collectOrphans(isAlive: (owner: Owner) => boolean, signal: AbortSignal): Promise<readonly Owner[]> {
    const owners: Owner[] = await this.#call("owners", [], signal);
    const dead = owners.filter((owner) => !isAlive(owner)).map(({ uid }) => uid);
    return await this.#call("collectOrphans", [dead], signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#reconnect);
    this.#socket?.destroy();
  }

  #connect(): void {
    const socket = connect(this.#socketPath);
    this.#socket = socket;
    writeLine(socket, { call: 0, backend: this.#name, method: "watch", args: [] });
    readLines(socket, (value) => this.#take(value as Reply | Change))
      // The end of the connection is what counts, below.
      .catch(() => undefined)
      .finally(() => {
        const gone = new TransientError(Reason.BackendUnavailable, "the simulated place does not answer");
        for (const { reject } of this.#pending.values()) reject(gone);
        this.#pending.clear();
        if (!this.#closed) this.#reconnect = setTimeout(() => this.#connect(), RECONNECT_MS).unref();
      });
  }

  #take(value: Reply | Change): void {
    if ("owner" in value) {
      this.#answers.take(value);
      for (const tell of this.#watchers) tell(value.owner);
      return;
    }
    const pending = this.#pending.get(value.call);
    if (!pending) return;
    this.#pending.delete(value.call);
    if ("error" in value) pending.reject(decodeError(value.error));
    else pending.resolve(value.result);
  }

  async #call<T>(method: string, args: readonly unknown[], signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    if (!this.#socket?.writable)
      throw new TransientError(Reason.BackendUnavailable, "the simulated place does not answer");
    const call = ++this.#calls;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(call, { resolve, reject });
    const abort = () => {
      this.#pending.delete(call);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    writeLine(this.#socket, { call, backend: this.#name, method, args });
    try {
      return (await promise) as T;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}

/** JSON leaves out what is undefined. */
function workloadOf(received: Workload): Workload {
  return { ...received, startedAt: received.startedAt, hostPort: received.hostPort, address: received.address };
}
