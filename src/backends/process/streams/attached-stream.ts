import { NamedPipeStream, type NamedPipes } from "../../../machinery/named-pipe-stream.ts";
import type { PipeBorrower, StdioStream } from "../../stdio-stream.ts";
import type { ProcessConnection } from "../supervisor/process-run.ts";

/** What one holder has of a connection that outlives it. It is closed once neither it nor who it was lent to has a pipe open. */
export class AttachedStream extends NamedPipeStream implements StdioStream {
  readonly #connection: ProcessConnection;
  readonly #onInputEnd = () => {
    if (this.#borrower) this.#borrower.endInput();
    else this.end();
  };
  readonly #onOver = () => void this.destroy();
  #borrower: PipeBorrower | undefined;

  constructor(connection: ProcessConnection) {
    super(connection.pipes);
    this.#connection = connection;
    connection.inputEnd.addEventListener("abort", this.#onInputEnd, { once: true });
    connection.over.addEventListener("abort", this.#onOver, { once: true });
  }

  lend(borrower: PipeBorrower): NamedPipes {
    this.#borrower = borrower;
    return this.#connection.pipes;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.inputEnd.removeEventListener("abort", this.#onInputEnd);
    this.#connection.over.removeEventListener("abort", this.#onOver);
    const closed = this.#borrower?.giveBack() ?? Promise.resolve();
    closed.then(
      () => super._destroy(error, done),
      (cause: Error) => super._destroy(error ?? cause, done),
    );
  }
}
