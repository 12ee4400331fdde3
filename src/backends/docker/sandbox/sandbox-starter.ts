import type { Readable } from "node:stream";
import type Docker from "dockerode";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { withDeadline } from "../engine/deadline.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { logFrames } from "../logs/log-frames.ts";
import { readStart, type StartReport } from "./ready-line.ts";

/** From the start of its process. It takes 20 ms on an idle machine. */
const READY_TIMEOUT_MS = 20_000;
/** Sandboxes of which something is remembered. More than run on one Engine. */
const REMEMBERED = 4096;

/** Starts sandboxes, and knows a start to be done when the sandbox itself says so. */
export class SandboxStarter {
  readonly #engine: EngineClient;
  readonly #timeoutMs: number;
  /** Containers that were just made: they start without being looked at before. */
  readonly #fresh = new Set<string>();
  /** By container, the start (RFC 3339) that is known to be ready. */
  readonly #ready = new Map<string, string>();

  constructor(engine: EngineClient, timeoutMs: number) {
    this.#engine = engine;
    this.#timeoutMs = timeoutMs;
  }

  expect(id: string): void {
    if (this.#fresh.size >= REMEMBERED) this.#fresh.clear();
    this.#fresh.add(id);
  }

  forget(id: string): void {
    this.#fresh.delete(id);
    this.#ready.delete(id);
  }

  /**
   * Answers what an inspection tells of one that runs, but for one that was just made, which was not looked at.
   * @throws the Engine's refusal as it came. @throws {TransientError} `SandboxUnavailable`, when it is stopped again.
   */
  async start(id: string, options: CallOptions): Promise<Docker.ContainerInspectInfo | undefined> {
    const fresh = this.#fresh.delete(id);
    let inspected = fresh ? undefined : await this.#inspect(id, options);
    if (!inspected?.State.Running) {
      if (await this.#startStopped(id, options)) return fresh ? undefined : await this.#inspect(id, options);
      // Somebody else was quicker, and what it said may have been missed.
      inspected = await this.#inspect(id, options);
    }
    await this.#confirm(inspected, options);
    return inspected;
  }

  /** Starts a container that does not run, and listens until it is ready or ends. @throws the Engine's refusal as it came. */
  async run(id: string, { signal }: CallOptions): Promise<StartReport> {
    const attached = await this.#attach(id, { signal });
    try {
      const start = (docker: Docker, abortSignal: AbortSignal) => docker.getContainer(id).start({ abortSignal });
      await this.#engine.call("start a sandbox", start, { signal, timeoutMs: this.#timeoutMs });
    } catch (error) {
      attached.destroy();
      throw error;
    }
    return await this.#read(attached, signal);
  }

  /** False when it runs already. */
  async #startStopped(id: string, options: CallOptions): Promise<boolean> {
    try {
      await this.#settle(id, this.run(id, options), options);
      return true;
    } catch (error) {
      if (hasStatus(error, 304)) return false;
      throw error;
    }
  }

  /** Sees that one that runs is ready. */
  async #confirm({ Id: id, State }: Docker.ContainerInspectInfo, options: CallOptions): Promise<void> {
    if (State.Paused) {
      await this.#engine.call("resume a sandbox", (docker) => docker.getContainer(id).unpause(), options);
    }
    if (this.#ready.get(id) === State.StartedAt) return;
    await this.#settle(id, this.#lookBack(id, State, options), options);
    if (this.#ready.size >= REMEMBERED) this.#ready.clear();
    this.#ready.set(id, State.StartedAt);
  }

  async #inspect(id: string, options: CallOptions): Promise<Docker.ContainerInspectInfo> {
    return await this.#engine.call("inspect a sandbox", (docker) => docker.getContainer(id).inspect(), options);
  }

  /** Nothing goes on that is not known to be ready. */
  async #settle(id: string, start: Promise<StartReport>, options: CallOptions): Promise<void> {
    try {
      const { ready, said } = await start;
      if (!ready) throw unavailable(`did not come up: ${said || "it said nothing"}`);
    } catch (error) {
      if (error instanceof TransientError && error.reason === Reason.SandboxUnavailable) await this.#stop(id, options);
      throw error;
    }
  }

  async #stop(id: string, { signal }: CallOptions): Promise<void> {
    try {
      await this.#engine.call("stop a sandbox", (docker) => docker.getContainer(id).stop({ t: 0 }), { signal });
    } catch (error) {
      if (!hasStatus(error, 304, 404)) throw error;
    }
  }

  /** What a container writes from now on, also one that does not run yet. */
  async #attach(id: string, options: CallOptions): Promise<Readable> {
    const attach = (docker: Docker, abortSignal: AbortSignal) =>
      docker.getContainer(id).attach({ stream: true, stdout: true, stderr: true, abortSignal });
    return await this.#engine.open("logs", attach, options);
  }

  /** What a container that runs has written since it was started: since the process before it ended. */
  async #lookBack(id: string, { FinishedAt }: { FinishedAt: string }, { signal }: CallOptions): Promise<StartReport> {
    const query = { follow: true as const, stdout: true, stderr: true, since: sinceOf(FinishedAt) };
    const logs = (docker: Docker, abortSignal: AbortSignal) =>
      docker
        .getContainer(id)
        .logs({ ...query, abortSignal } as unknown as Docker.ContainerLogsOptions & { follow: true });
    return await this.#read(await this.#engine.open("logs", logs, { signal }), signal);
  }

  async #read(stream: Readable, signal: AbortSignal): Promise<StartReport> {
    const onTimeout = (): Error => {
      stream.destroy();
      return unavailable(`was not ready within ${READY_TIMEOUT_MS / 1000} s`);
    };
    return await withDeadline(() => readStart(logFrames(stream), stream), {
      signal,
      timeoutMs: READY_TIMEOUT_MS,
      onTimeout,
    });
  }
}

function unavailable(how: string): TransientError {
  return new TransientError(Reason.SandboxUnavailable, `the sandbox that holds the deployment's network ${how}`);
}

/** RFC 3339 as seconds and nanoseconds since 1970; the Engine's time of what never was is long before. */
function sinceOf(time: string): string {
  const seconds = Math.max(0, Math.floor(Date.parse(time) / 1000));
  const nanos = /\.(\d{1,9})/.exec(time)?.[1] ?? "";
  return seconds === 0 ? "0" : `${seconds}.${nanos.padEnd(9, "0")}`;
}
