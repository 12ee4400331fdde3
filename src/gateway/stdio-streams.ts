import type { StdioStream } from "../backends/stdio-stream.ts";

/** Whose standard input and output. */
export interface StdioTarget {
  /** The RuntimeBackend. */
  readonly backend: string;
  /** Of the workload there. */
  readonly id: string;
  /** One more process of the workload, for one client alone; else that which all share. */
  readonly own: boolean;
}

/** Processes that are spoken to over standard input and output, wherever they run. */
export interface StdioStreams {
  /** The process's output and input as one stream. @throws {TransientError} where it does not run, or its place is not known. */
  open(target: StdioTarget, signal: AbortSignal): Promise<StdioStream>;
  /** Whether the place can start a process for one client. */
  canOpenOwn(backend: string): boolean;
}
