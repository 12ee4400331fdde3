import type { Clock } from "../../../machinery/clock.ts";
import type { BridgedServer } from "../../bridge/bridged-server.ts";
import type { Ongoing } from "../upstream-pool.ts";

export interface BridgedUpstreamOptions {
  /** Names the instance; it never comes again. */
  readonly id: string;
  readonly server: BridgedServer;
  readonly clock: Clock;
  /** Called once. */
  readonly onClosed: () => void;
}

/** One instance of a bridged server, with what is under way at it. */
export class BridgedUpstream {
  readonly id: string;
  readonly server: BridgedServer;
  readonly #options: BridgedUpstreamOptions;
  readonly #ongoing = new Set<Ongoing>();
  #cancelCut: (() => void) | undefined;
  #retiredFor: string | undefined;
  #isClosed = false;

  constructor(options: BridgedUpstreamOptions) {
    this.#options = options;
    this.id = options.id;
    this.server = options.server;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Requests whose answer somebody waits for. */
  get calls(): number {
    return this.#ongoing.values().reduce((sum, { isCall }) => sum + Number(isCall), 0);
  }

  enter(ongoing: Ongoing): void {
    this.#ongoing.add(ongoing);
  }

  leave(ongoing: Ongoing): void {
    this.#ongoing.delete(ongoing);
    if (this.#retiredFor !== undefined && this.calls === 0) this.close(this.#retiredFor);
  }

  /** What waits for nothing ends; calls have `graceMs`. */
  retire(graceMs: number, reason: string): void {
    if (this.#retiredFor !== undefined) return;
    this.#retiredFor = reason;
    this.cut(reason, "calls");
    if (this.calls === 0) this.close(reason);
    else this.#cancelCut = this.#options.clock.schedule(graceMs, () => this.close(reason));
  }

  /** It serves again. */
  revive(): void {
    this.#retiredFor = undefined;
    this.#cancelCut?.();
    this.#cancelCut = undefined;
  }

  /** Ends what is under way; calls stay where `spare` says so. */
  cut(reason: string, spare: "calls" | "nothing"): void {
    for (const ongoing of [...this.#ongoing]) if (spare === "nothing" || !ongoing.isCall) ongoing.cut(reason);
  }

  /** Ends all of it, with an error for whoever waits. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelCut?.();
    this.cut(reason, "nothing");
    this.server.close(reason);
    this.#options.onClosed();
  }
}
