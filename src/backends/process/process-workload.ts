import { constants } from "node:os";
import type { Drift, Workload, WorkloadState } from "../backend.ts";
import type { ProcessExit } from "./supervisor/state-file.ts";
import type { ProcessState, SupervisedProcess } from "./supervisor/supervised-process.ts";
import type { WorkloadNote } from "./workload-note.ts";

/** Where processes listen: nobody but this machine is to reach them past the gateway. */
const HOST = "127.0.0.1";

/** As a shell tells of a program that a signal has ended. */
const SIGNALLED = 128;
/** Of a process whose end nobody saw: not zero, since it should have run on. */
const UNSEEN = 255;

/** Pure. `confines`: whether a sandbox works just now. */
export function processWorkload(
  id: string,
  process: Pick<SupervisedProcess, "record" | "state">,
  { note, confines }: { readonly note: WorkloadNote; readonly confines: boolean },
): Workload {
  const { record, state } = process;
  const { port, owner, role, hash, generation, image, guardrails } = note;
  const listens = port !== undefined;
  return {
    ...{ id, owner, role, hash, generation, image, guardrails },
    state: stateOf(state),
    startedAt: record.startedAt,
    platformRestarts: record.restarts,
    hostPort: port,
    address: listens && state.kind === "running" ? `${HOST}:${port}` : undefined,
    ...(!listens && { reach: { kind: "stdio" } as const }),
    drift: driftOf(process, confines),
  };
}

function stateOf(state: ProcessState): WorkloadState {
  switch (state.kind) {
    case "created":
    case "running":
      return { kind: state.kind };
    case "restarting":
      return { kind: "restarting", ...endOf(state.exit) };
    case "exited":
      return { kind: "exited", ...endOf(state.exit), at: state.exit.at };
    default:
      return state satisfies never;
  }
}

function endOf({ code, signal, error }: ProcessExit) {
  const number = Object.entries(constants.signals).find(([name]) => name === signal)?.[1];
  return { exitCode: code ?? (number === undefined ? UNSEEN : SIGNALLED + number), outOfMemory: false, error };
}

/** What started while no sandbox worked is confined by the next start. */
function driftOf({ record, state }: Pick<SupervisedProcess, "record" | "state">, confines: boolean): readonly Drift[] {
  const open = state.kind === "running" && record.spec.confinement !== undefined && !record.run?.sandboxed;
  return open && confines ? [{ kind: "sandbox", message: "the process runs without bubblewrap, which works now" }] : [];
}
