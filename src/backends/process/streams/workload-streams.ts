import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { SupervisedProcess } from "../supervisor/supervised-process.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { noteOf } from "../workload-note.ts";
import { AttachedStream } from "./attached-stream.ts";

/** Processes that belong to one client each, of all workloads together; each is a program with all its memory. */
const MAX_CLIENT_PROCESSES = 256;
/** Between the end of a client's stream and the end of its process by force. */
const CLIENT_GRACE_MS = 2_000;

/** Who has the streams of which process of stdio. */
export class WorkloadStreams {
  readonly #holders = new Map<string, { readonly holder: AttachedStream; readonly forget: () => void }>();
  readonly #onFailure: (error: unknown) => void;

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** As of `StdioHost`. */
  attach(supervisor: Supervisor, id: string): Duplex {
    const stream = streamOf(supervisor.get(id));
    const former = this.#holders.get(id);
    former?.forget();
    former?.holder.destroy();
    const holder = new AttachedStream(stream);
    const forget = supervisor.onChange((changed) => {
      if (changed !== id || supervisor.get(id)?.connection?.stream === stream) return;
      forget();
      // What nobody holds any more nobody reads, so that it would never close by itself.
      if (holder.destroyed) stream.destroy();
      if (this.#holders.get(id)?.holder === holder) this.#holders.delete(id);
    });
    this.#holders.set(id, { holder, forget });
    return holder;
  }

  /** As of `StdioHost`. */
  async attachOwn(supervisor: Supervisor, id: string): Promise<Duplex> {
    const workload = supervisor.get(id);
    // That it runs says that its program can be run.
    streamOf(workload);
    if (workload === undefined) throw notRunning();
    const clients = [...supervisor.list().values()].filter(({ record }) => noteOf(record)?.kind === "client");
    if (clients.length >= MAX_CLIENT_PROCESSES) {
      const message = `there are ${clients.length} processes of clients already; no more are started`;
      throw new TransientError(Reason.QuotaExceeded, message);
    }
    const own = `${id}-${randomBytes(6).toString("hex")}`;
    const spec = { ...workload.record.spec, restartPolicy: "Never" } as const;
    const made = await supervisor.create({ id: own, spec, note: { kind: "client", id } });
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      forget();
      this.#end(supervisor, own).catch(this.#onFailure);
    };
    const forget = supervisor.onChange((changed) => {
      if (changed === own && made.state.kind !== "running") end();
    });
    try {
      await made.start();
      const { stream } = made.connection ?? {};
      if (!stream) throw notRunning();
      // It closes once all is read of a process that has ended, where the process's own would wait for its other half.
      const holder = new AttachedStream(stream);
      holder.once("close", () => {
        stream.destroy();
        end();
      });
      return holder;
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Ends the processes of clients of a workload. */
  async endClients(supervisor: Supervisor, id: string, signal: AbortSignal): Promise<void> {
    const clients = [...supervisor.list()].filter(([, { record }]) => {
      const note = noteOf(record);
      return note?.kind === "client" && note.id === id;
    });
    await Promise.all(clients.map(([client]) => supervisor.delete(client, signal)));
  }

  async #end(supervisor: Supervisor, id: string): Promise<void> {
    const made = supervisor.get(id);
    if (!made) return;
    await made.stop(CLIENT_GRACE_MS, NEVER);
    await supervisor.delete(id, NEVER);
  }
}

const NEVER = new AbortController().signal;

function streamOf(process: SupervisedProcess | undefined): Duplex {
  const { stream } = process?.connection ?? {};
  if (process?.state.kind !== "running" || !stream) throw notRunning();
  return stream;
}

function notRunning(): TransientError {
  return new TransientError(Reason.BackendUnavailable, "the process does not run just now; it may be started again");
}
