import { type Fence, LeadershipLost } from "../../src/machinery/fence.ts";

/** A fence that falls when it is told to. */
export class TestFence implements Fence {
  readonly #closing = new AbortController();
  /** By the clock: false without that anybody has been told. */
  stands = true;
  checks = 0;

  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  check(): void {
    this.checks += 1;
    if (!this.stands) throw new LeadershipLost("over");
  }

  close(): void {
    this.stands = false;
    this.#closing.abort(new LeadershipLost("over"));
  }
}
