import type { Duplex } from "node:stream";
import type { NamedPipes } from "../machinery/named-pipe-stream.ts";

/** Standard input and output of a process, for one holder. Its destruction leaves the process as it is. */
export interface StdioStream extends Duplex {
  /**
   * The pipes beneath it, for a holder that opens them itself, as another thread may: nothing is read or written here from then on.
   * Absent where there are none. Called once at most, before any use.
   */
  lend?(borrower: PipeBorrower): NamedPipes;
}

/** Who has pipes that were lent. Destroys the stream once it needs them no more. */
export interface PipeBorrower {
  /** It is to close its end of the input, and may read on. */
  endInput(): void;
  /** It is to close both. Resolves once it has, and must at some time: the next holder waits for that. */
  giveBack(): Promise<void>;
}
