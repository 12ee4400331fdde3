import type { Duplex } from "node:stream";
import type { NamedPipes } from "../machinery/named-pipe-stream.ts";

/** Standard input and output of a process, for one holder. Its destruction leaves the process as it is. */
export interface StdioStream extends Duplex {
  /**
   * The pipes beneath it, for a holder that opens them itself, as another thread may: nothing is read or written here from then on.
   * Absent where there are none. Called once at most, before any use.
   */
  lend?(borrower: PipeBorrower): LentPipes;
}

export interface LentPipes extends NamedPipes {
  /** Whether an earlier holder may have left half a line in the input, as `NamedPipeOptions` has it. */
  readonly isTorn: boolean;
}

/** Who has pipes that were lent. Destroys the stream once it needs them no more. */
export interface PipeBorrower {
  /** It is to close its end of the input, and may read on. */
  endInput(): void;
  /**
   * It is to close both. Resolves once it has, and must at some time: the next holder waits for that. Answers whether the input may
   * be within a line since; undefined: it is as it was when it was lent.
   */
  giveBack(): Promise<boolean | undefined>;
}
