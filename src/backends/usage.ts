import type { Owner } from "./backend.ts";

/** What a workload uses just now, all its instances together. */
export interface Usage {
  /** Instances that run; 0 where it is scaled to zero. */
  readonly instances: number;
  /** Thousandths of a core; undefined where nobody measures it. */
  readonly cpuMillis: number | undefined;
  readonly memoryBytes: number | undefined;
  /** Missing where nobody counts them, or nothing is known of late. */
  readonly requests?: RequestCount;
}

/** Requests that a workload answered in a span of time. */
export interface RequestCount {
  readonly total: number;
  /** By status: `2xx`, `5xx`, `other`. Without those that there were none of. */
  readonly byStatus: Readonly<Record<string, number>>;
  readonly spanSeconds: number;
  /** The span's end, RFC 3339: what came later is not known yet. */
  readonly until: string;
}

/** What only some places can tell. */
export interface UsageSource {
  /** Undefined: nothing of this owner is there. @throws {TransientError} with what is missing. */
  usage(owner: Owner, signal: AbortSignal): Promise<Usage | undefined>;
}
