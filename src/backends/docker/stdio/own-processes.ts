import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { Logger } from "../../../machinery/logger.ts";
import { createContainer } from "../engine/create-container.ts";
import { whenAborted } from "../engine/deadline.ts";
import type { CallOptions } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { DockerLabel, type Labels, ownerLabels, roleFromLabels } from "../workloads/object-labels.ts";
import { ownProcessName } from "../workloads/object-names.ts";
import { startFailure } from "../workloads/start-failure.ts";
import { isGone } from "../workloads/workloads.ts";
import { AttachedStream } from "./attached-stream.ts";
import { ownProcessOptions } from "./own-process-options.ts";
import { ATTACH_TIMEOUT_MS, attachPath, runningServer, type StdioParts } from "./running-server.ts";

/** A loaded Engine takes seconds for a container. */
const CHANGE_TIMEOUT_MS = 60_000;

/** Between SIGTERM and SIGKILL, for a server that the end of its input has not ended. */
const GRACE_SECONDS = 2;

/** For all of them to go when the backend is closed. */
const CLOSE_TIMEOUT_MS = 10_000;

interface Live {
  /** Of the workload. */
  readonly id: string;
  /** Aborted where it has to end, begun or not. */
  readonly end: AbortController;
  /** Resolves once its container is gone, or could not be removed. */
  readonly gone: Promise<void>;
}

/**
 * Further containers of workloads, each for one client. Not `exec`: that shares the workload's limits, so that one client could end
 * the server of all, and no call of the Engine ends it when it ignores the end of its input.
 */
export class OwnProcesses implements AsyncDisposable {
  readonly #parts: StdioParts & { readonly logger: Logger };
  /** By the name of their container. Who calls bounds how many there are. */
  readonly #live = new Map<string, Live>();

  constructor(parts: StdioParts & { readonly logger: Logger }) {
    this.#parts = parts;
  }

  /** Starts one; it ends with the stream, by force where it has to. @throws {TransientError} */
  async start(id: string, { signal }: CallOptions): Promise<Duplex> {
    const { owner, inspected } = await runningServer(this.#parts, id, { signal });
    const role = roleFromLabels(inspected.Config.Labels);
    const name = ownProcessName(owner, role, randomBytes(6).toString("hex"));
    const labels = {
      ...ownerLabels(this.#parts.maker, owner, "helper"),
      [DockerLabel.AttachedTo]: inspected.Id,
    };
    const { promise: gone, resolve: tellGone } = Promise.withResolvers<void>();
    const live: Live = { id: inspected.Id, end: new AbortController(), gone };
    // Before it exists, so that nobody takes it for what another controller left.
    this.#live.set(name, live);
    const end = async (stream: AttachedStream | undefined): Promise<void> => {
      await this.#end(name, stream);
      this.#live.delete(name);
      tellGone();
    };
    try {
      const until = AbortSignal.any([signal, live.end.signal]);
      const stream = await this.#start(ownProcessOptions(inspected, { name, labels }), until);
      whenAborted(live.end.signal, () => stream.destroy());
      if (stream.closed) void end(stream);
      else stream.once("close", () => void end(stream));
      return stream;
    } catch (error) {
      await end(undefined);
      throw startFailure(error);
    }
  }

  /** Whether a client of this controller has it. */
  isLive(name: string): boolean {
    return this.#live.has(name);
  }

  /** Ends those of one workload, which is about to end. */
  async endOf(id: string): Promise<void> {
    await this.#endAll([...this.#live].filter(([, live]) => live.id === id));
  }

  /** Removes what controllers before this one left among these containers. */
  async removeLeftovers(listed: readonly Docker.ContainerInfo[]): Promise<void> {
    const left = listed.filter(({ Labels, Names }) => isLeftover(Labels, Names, (name) => this.isLive(name)));
    await Promise.all(left.map(({ Id }) => this.#remove(Id)));
  }

  /** What an Engine that does not answer keeps is left to whoever comes next. */
  async [Symbol.asyncDispose](): Promise<void> {
    const enough = new AbortController();
    const patience = sleep(CLOSE_TIMEOUT_MS, undefined, { signal: enough.signal }).catch(() => undefined);
    await Promise.race([this.#endAll([...this.#live]), patience]);
    enough.abort();
  }

  async #endAll(those: readonly (readonly [string, Live])[]): Promise<void> {
    await Promise.all(
      those.map(async ([name, { end, gone }]) => {
        end.abort(new Error("the server is ended"));
        await this.#remove(name);
        await gone;
      }),
    );
  }

  async #start(wanted: Docker.ContainerCreateOptions & { name: string }, signal: AbortSignal): Promise<AttachedStream> {
    const { engine } = this.#parts;
    const options = { signal, timeoutMs: CHANGE_TIMEOUT_MS };
    const create = (docker: Docker, abortSignal: AbortSignal) => createContainer(docker, wanted, abortSignal);
    // To its end, whoever has gone: what the Engine makes after nobody listened would stay.
    const unhurried = { ...options, signal: new AbortController().signal };
    const id = await engine.call("create a container", create, unhurried);
    signal.throwIfAborted();
    // Before it runs, so that nothing is missed.
    const attaching = { signal, timeoutMs: ATTACH_TIMEOUT_MS };
    const stream = new AttachedStream(await engine.hijack("attach to a container", attachPath(id), attaching));
    try {
      const start = (docker: Docker, abortSignal: AbortSignal) => docker.getContainer(id).start({ abortSignal });
      await engine.call("start a container", start, options);
      return stream;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }

  /** Its input has ended by then, or ends now; what is still there gets SIGTERM, then SIGKILL. */
  async #end(name: string, stream: AttachedStream | undefined): Promise<void> {
    await stream?.released;
    const stop = (docker: Docker) => docker.getContainer(name).stop({ t: GRACE_SECONDS });
    const signal = new AbortController().signal;
    try {
      await this.#parts.engine.call("stop a container", stop, { signal, timeoutMs: CHANGE_TIMEOUT_MS });
    } catch (error) {
      // Its removal ends it, then, or says why not.
      if (!hasStatus(error, 304, 404, 409))
        this.#parts.logger.debug("a client's own process was not stopped", { name, error });
    }
    await this.#remove(name);
  }

  /** Never throws: what stays behind is found when the Engine is listed again. */
  async #remove(name: string): Promise<void> {
    const remove = (docker: Docker) => docker.getContainer(name).remove({ force: true, v: true });
    const signal = new AbortController().signal;
    try {
      await this.#parts.engine.call("remove a container", remove, { signal, timeoutMs: CHANGE_TIMEOUT_MS });
    } catch (error) {
      if (!isGone(error)) this.#parts.logger.warn("a client's own process is still there", { name, error });
    }
  }
}

/** Pure. Whether a container is one client's process, and no client of this controller has it. */
export function isLeftover(labels: Labels, names: readonly string[], isLive: (name: string) => boolean): boolean {
  return labels[DockerLabel.AttachedTo] !== undefined && !names.some((name) => isLive(name.replace(/^\//, "")));
}
