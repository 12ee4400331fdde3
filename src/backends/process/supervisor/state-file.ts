import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import type { Leader } from "./members.ts";
import type { ProcessSpec, ProcessUser } from "./process-spec.ts";
import { systemCode } from "./system-error.ts";

/** What is known of one workload, and outlives this program. */
export interface ProcessRecord {
  readonly version: 1;
  readonly spec: ProcessSpec;
  readonly user: ProcessUser | undefined;
  /** What the caller wants to find with it; JSON. */
  readonly note: unknown;
  /** Whether it shall run; it may have ended nonetheless. */
  readonly wanted: boolean;
  /** Starts that nobody asked for. */
  readonly restarts: number;
  /** Written before the process is made, so that none is ever unknown. */
  readonly run: RecordedRun | undefined;
  /** Of the last run, RFC 3339. */
  readonly startedAt?: string | undefined;
  readonly exit: ProcessExit | undefined;
}

export interface RecordedRun {
  readonly id: string;
  readonly bootId: string;
  readonly leader: Leader | undefined;
  /** RFC 3339. */
  readonly startedAt: string;
  /** Whether its leader is a sandbox's, which the program runs inside of. */
  readonly sandboxed?: boolean;
}

/** How the last run ended. */
export interface ProcessExit {
  /** Undefined where a signal ended it, or nobody of this program saw it end. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** Why its program could not be run at all; empty when it ran. */
  readonly error: string;
  /** RFC 3339. */
  readonly at: string;
}

/** Replaces the file (0600) in one step and for good: after a crash it is the old one or the new one. */
export async function writeState(path: string, record: ProcessRecord): Promise<void> {
  const next = `${path}.next`;
  const file = await open(next, "w", 0o600);
  try {
    await file.writeFile(JSON.stringify(record));
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Undefined when there is none. @throws {Error} for one that another version wrote, or that is damaged. */
export async function readState(path: string): Promise<ProcessRecord | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
  const record: unknown = parsed(text);
  if (isRecord(record)) return record;
  throw new Error(`${path} is no state of a process that this version of Slipway wrote`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may be a Secret.
    return undefined;
  }
}

/** We alone write it, 0600: its version and its outline tell damage from what is ours. */
function isRecord(value: unknown): value is ProcessRecord {
  if (!isObject(value) || value.version !== 1 || typeof value.wanted !== "boolean") return false;
  const { spec, run, restarts } = value;
  const isRun = run === undefined || (isObject(run) && typeof run.id === "string" && typeof run.bootId === "string");
  return isRun && isObject(spec) && Array.isArray(spec.argv) && isObject(spec.env) && Number.isInteger(restarts);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
