import type { Project } from "../projects/project.ts";
import type { LogLine, RunningInstance } from "../runtime/runtime.ts";
import type { World } from "../world.ts";

/** Whose line it is. */
export interface LogOrigin {
  readonly project: Project;
  readonly app: string;
  readonly revision: string;
  readonly instance: string;
}

export interface KeptLine extends LogLine, LogOrigin {}

const CAPACITY = 100_000;

/** What platform-log routing carries to an instance of IBM Cloud Logs: every line of every application. */
export class LogHistory {
  readonly #world: World;
  readonly #end = new AbortController();
  #lines: KeptLine[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  get lines(): readonly KeptLine[] {
    return this.#lines;
  }

  /** Follows a container until it ends. */
  record(running: RunningInstance, origin: LogOrigin): void {
    this.#world.do(async () => {
      for await (const line of running.logs({ follow: true, signal: this.#end.signal }))
        this.#keep({ ...line, ...origin });
    });
  }

  end(): void {
    this.#end.abort();
  }

  #keep(line: KeptLine): void {
    if (this.#lines.length >= CAPACITY) this.#lines = this.#lines.slice(CAPACITY / 2);
    this.#lines.push(line);
  }
}
