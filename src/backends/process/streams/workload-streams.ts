import { randomBytes } from "node:crypto";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import type { StdioStream } from "../../stdio-stream.ts";
import type { ProcessConnection } from "../supervisor/process-run.ts";
import type { SupervisedProcess } from "../supervisor/supervised-process.ts";
import type { Supervisor } from "../supervisor/supervisor.ts";
import { noteOf } from "../workload-note.ts";
import { AttachedStream } from "./attached-stream.ts";

/** Processes that belong to one client each, of all workloads together; each is a program with all its memory. */
const MAX_CLIENT_PROCESSES = 256;
/** Between the end of a client's stream and the end of its process by force. */
const CLIENT_GRACE_MS = 2_000;

/** Who has the streams of which process of stdio: of all backends of one host, since there is one holder of each. */
export class WorkloadStreams {
  readonly #holders = new Map<string, AttachedStream>();
  readonly #onFailure: (error: unknown) => void;

  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure;
  }

  /** As of `StdioHost`. Two readers of one pipe would each have a part, so the former holder is waited for. */
  async attach(supervisor: Supervisor, id: string): Promise<StdioStream> {
    for (let former = this.#holders.get(id); former; former = this.#holders.get(id)) {
      const leaving = former;
      await new Promise((resolve) => leaving.once("close", resolve).destroy());
    }
    const holder = new AttachedStream(connectionOf(supervisor.get(id)));
    this.#holders.set(id, holder);
    holder.once("close", () => this.#holders.delete(id));
    return holder;
  }

  /** As of `StdioHost`. */
  async attachOwn(supervisor: Supervisor, id: string): Promise<StdioStream> {
    const workload = supervisor.get(id);
    // That it runs says that its program can be run.
    connectionOf(workload);
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
      return new AttachedStream(connectionOf(made)).once("close", end);
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

function connectionOf(process: SupervisedProcess | undefined): ProcessConnection {
  const connection = process?.connection;
  // One whose input has been ended is ending: whoever had it from now on would keep that open.
  const isEnding = connection?.inputEnd.aborted;
  if (process?.state.kind !== "running" || !connection || isEnding) throw notRunning();
  return connection;
}

function notRunning(): TransientError {
  return new TransientError(Reason.BackendUnavailable, "the process does not run just now; it may be started again");
}
