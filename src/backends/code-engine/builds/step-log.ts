import type { ProjectProxy } from "../client/project-proxy.ts";
import type { CallOptions } from "../client/transport.ts";
import { shown } from "../logs/log-line.ts";
import { LogPosition } from "../logs/log-position.ts";

export interface StepLogRequest {
  readonly pod: string;
  readonly container: string;
  /** Of the first reading. */
  readonly tail: number | undefined;
  readonly timestamps: boolean;
}

/** What one step of a build prints, read as often as a connection breaks off, and each line once. */
export class StepLog {
  readonly #proxy: ProjectProxy;
  readonly #request: StepLogRequest;
  readonly #position = new LogPosition();

  constructor(proxy: ProjectProxy, request: StepLogRequest) {
    this.#proxy = proxy;
    this.#request = request;
  }

  /** What was not read before. @throws {CodeEngineError} */
  async *read(follow: boolean, options: CallOptions): AsyncGenerator<string, void, undefined> {
    const { tail, timestamps, ...where } = this.#request;
    const isFirst = this.#position.at === undefined;
    const from = isFirst && tail !== undefined ? { tailLines: tail } : {};
    const lines = this.#proxy.podLogs({ ...where, ...from, timestamps: true, follow }, options);
    for await (const line of this.#position.unread(lines)) yield shown(line, timestamps);
  }
}
