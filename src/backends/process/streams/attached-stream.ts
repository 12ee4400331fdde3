import { NamedPipeStream } from "../../../machinery/named-pipe-stream.ts";
import type { LentPipes, PipeBorrower, StdioStream } from "../../stdio-stream.ts";
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
    const { pipes, input } = connection;
    const onTorn = (isTorn: boolean) => {
      input.isTorn = isTorn;
    };
    super(pipes, { isTorn: input.isTorn, onTorn });
    this.#connection = connection;
    connection.inputEnd.addEventListener("abort", this.#onInputEnd, { once: true });
    connection.over.addEventListener("abort", this.#onOver, { once: true });
  }

  lend(borrower: PipeBorrower): LentPipes {
    const { pipes, input } = this.#connection;
    this.#borrower = borrower;
    return { ...pipes, isTorn: input.isTorn };
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#connection.inputEnd.removeEventListener("abort", this.#onInputEnd);
    this.#connection.over.removeEventListener("abort", this.#onOver);
    const closed = this.#borrower?.giveBack() ?? Promise.resolve(undefined);
    closed.then(
      (isTorn) => {
        if (isTorn !== undefined) this.#connection.input.isTorn = isTorn;
        super._destroy(error, done);
      },
      (cause: Error) => super._destroy(error ?? cause, done),
    );
  }
}
