import type { McpFacts } from "./prober.ts";

/** How one instance is asked. Keeps what it learned of it from one run to the next; runs do not overlap. */
export interface Probe {
  /**
   * Asks once. Ends at `signal`, which the caller raises when the time is over. `timeoutMs` is that time, for what needs it in advance.
   * @throws {ProbeError}
   */
  run(options: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<McpFacts | undefined>;
  /** Ends what the server keeps for the probe, within two seconds. Never throws: the server may be gone. */
  end(): Promise<void>;
}
