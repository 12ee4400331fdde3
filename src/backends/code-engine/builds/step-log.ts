import type { ProjectProxy } from "../client/project-proxy.ts";
import type { CallOptions } from "../client/transport.ts";
import { type LogLine, shown, stampedLine } from "../logs/log-line.ts";

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
  #last: Pick<LogLine, "stamp" | "at"> = { stamp: "1970-01-01T00:00:00Z", at: 0 };
  /** Lines of the last one's time. */
  #atLast = 0;

  constructor(proxy: ProjectProxy, request: StepLogRequest) {
    this.#proxy = proxy;
    this.#request = request;
  }

  /** What was not read before. @throws {CodeEngineError} */
  async *read(follow: boolean, options: CallOptions): AsyncGenerator<string, void, undefined> {
    const { tail, timestamps, ...where } = this.#request;
    const before = this.#last;
    const isFirst = before.at === 0;
    const from = isFirst && tail !== undefined ? { tailLines: tail } : {};
    let known = this.#atLast;
    let previous: Pick<LogLine, "stamp" | "at"> = before;
    for await (const text of this.#proxy.podLogs({ ...where, ...from, timestamps: true, follow }, options)) {
      const line = stampedLine(text, previous);
      previous = line;
      if (line.at < before.at) continue;
      if (!isFirst && line.stamp === before.stamp && known > 0) {
        known -= 1;
        continue;
      }
      this.#atLast = line.stamp === this.#last.stamp ? this.#atLast + 1 : 1;
      this.#last = line;
      yield shown(line, timestamps);
    }
  }
}
