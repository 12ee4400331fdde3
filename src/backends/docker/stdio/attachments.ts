import type { Duplex } from "node:stream";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { whenAborted } from "../engine/deadline.ts";
import type { CallOptions } from "../engine/engine-client.ts";
import { AttachedStream } from "./attached-stream.ts";
import { ATTACH_TIMEOUT_MS, attachPath, notRunning, runningServer, type StdioParts } from "./running-server.ts";

interface Turn {
  readonly end: AbortController;
  /** Resolves when nothing of it reaches the container any more. */
  readonly over: Promise<void>;
}

/** Who has the streams of which container: the last who asked. */
export class Attachments implements AsyncDisposable {
  readonly #parts: StdioParts;
  readonly #turns = new Map<string, Turn>();

  constructor(parts: StdioParts) {
    this.#parts = parts;
  }

  /** Lets go of nothing but the streams: the process runs on without them. @throws {TransientError} where it does not run. */
  async attach(id: string, { signal }: CallOptions): Promise<Duplex> {
    const { promise: over, resolve: release } = Promise.withResolvers<void>();
    const turn: Turn = { end: new AbortController(), over };
    const before = this.#turns.get(id);
    this.#turns.set(id, turn);
    const leave = (): void => {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
      release();
    };
    try {
      before?.end.abort(takenOver(id));
      // What it wrote arrives whole before anything of ours: at most a second.
      await before?.over;
      const stream = await this.#open(id, AbortSignal.any([signal, turn.end.signal]));
      whenAborted(turn.end.signal, () => stream.destroy());
      void stream.released.then(leave);
      return stream;
    } catch (error) {
      leave();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const turns = [...this.#turns.values()];
    for (const { end } of turns) end.abort(new Error("the backend is closed"));
    await Promise.all(turns.map(({ over }) => over));
  }

  /** The Engine attaches to what has ended, too, and waits for its next start: so it is looked at before and after. */
  async #open(id: string, signal: AbortSignal): Promise<AttachedStream> {
    const options = { signal, timeoutMs: ATTACH_TIMEOUT_MS };
    const { inspected: before } = await runningServer(this.#parts, id, options);
    const socket = await this.#parts.engine.hijack("attach to a container", attachPath(before.Id), options);
    const stream = new AttachedStream(socket);
    try {
      const { inspected: after } = await runningServer(this.#parts, id, options);
      if (after.State.StartedAt !== before.State.StartedAt) throw notRunning(id, "just being started again");
      signal.throwIfAborted();
      return stream;
    } catch (error) {
      stream.destroy();
      throw error;
    }
  }
}

function takenOver(id: string): TransientError {
  return new TransientError(Reason.BackendError, `another has attached to container ${id.slice(0, 12)} since`);
}
