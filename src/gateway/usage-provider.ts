/** Mirrors Usage of the backend port. */
export interface WorkloadUsage {
  /** That run; 0 where it is scaled to zero, or stopped. */
  readonly instances: number;
  /** Of all instances together, in thousandths of a core; undefined where nobody measures it. */
  readonly cpuMillis: number | undefined;
  readonly memoryBytes: number | undefined;
  /** Missing where nobody counts them, or nothing is known of late. */
  readonly requests?: WorkloadRequests;
}

/** Mirrors RequestCount of the backend port. */
export interface WorkloadRequests {
  readonly total: number;
  /** By status: `2xx`, `5xx`, `other`. Without those that there were none of. */
  readonly byStatus: Readonly<Record<string, number>>;
  readonly spanSeconds: number;
  /** The span's end, RFC 3339: what came later is not known yet. */
  readonly until: string;
}

/** Where the gateway finds what workloads use. The controllers supply it from the backend of each deployment. */
export interface UsageProvider {
  /**
   * Undefined: there is no such deployment, or nothing of it is there. Called for whoever may know it: access was checked.
   * @throws {TransientError | TerminalError} saying why it cannot be told.
   */
  usage(namespace: string, name: string, signal: AbortSignal): Promise<WorkloadUsage | undefined>;
}
