import type { Owner } from "./backend.ts";

/** What a workload uses just now, all its instances together. */
export interface Usage {
  /** Instances that run; 0 where it is scaled to zero. */
  readonly instances: number;
  /** Thousandths of a core; undefined where nobody measures it. */
  readonly cpuMillis: number | undefined;
  readonly memoryBytes: number | undefined;
}

/** What only some places can tell. */
export interface UsageSource {
  /** Undefined: nothing of this owner is there. @throws {TransientError} with what is missing. */
  usage(owner: Owner, signal: AbortSignal): Promise<Usage | undefined>;
}
