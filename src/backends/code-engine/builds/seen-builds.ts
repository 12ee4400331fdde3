import type { Clock } from "../../../machinery/clock.ts";
import { jsonEqual } from "../../../machinery/json-equal.ts";
import type { Owner } from "../../backend.ts";
import type { BuildState } from "../../build.ts";
import type { Pace } from "../code-engine-config.ts";
import { jitteredMs } from "../jitter.ts";

/** A run as it was last seen. */
export interface SeenBuild {
  readonly owner: Owner;
  readonly run: string;
  readonly repository: string;
  readonly timeoutSeconds: number;
  readonly state: BuildState;
}

interface Entry {
  readonly build: SeenBuild;
  readonly intervalMs: number;
  /** Monotonic: until then it is as it was. */
  readonly until: number;
}

/** IBM's own clients ask after ten seconds, then ever more rarely, up to thirty: twice and six times what is busy. */
const FIRST = 2;
const RAREST = 6;
const GROWTH = 1.5;

/** What was last seen of each owner's build, so that nobody asks for it more often than makes sense. */
export class SeenBuilds {
  readonly #clock: Clock;
  readonly #pace: Pace;
  /** By what the names of an owner's builds begin with. As many as owners that build. */
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, pace: Pace) {
    this.#clock = clock;
    this.#pace = pace;
  }

  get(builds: string): SeenBuild | undefined {
    return this.#entries.get(builds)?.build;
  }

  /** Undefined where it is time to look again. */
  known(builds: string, run: string): SeenBuild | undefined {
    const entry = this.#entries.get(builds);
    return entry?.build.run === run && this.#clock.monotonicMs() < entry.until ? entry.build : undefined;
  }

  /** Which of those that are under way to look at now. */
  due(): readonly string[] {
    const now = this.#clock.monotonicMs();
    const due = [...this.#entries].filter(([, { build, until }]) => !isOver(build.state) && now >= until);
    return due.map(([builds]) => builds);
  }

  /** Answers whether it is another state than before. */
  saw(builds: string, build: SeenBuild): boolean {
    const before = this.#entries.get(builds);
    const same = before?.build.run === build.run ? before : undefined;
    const { busyMs, restMs } = this.#pace;
    const intervalMs = same ? Math.min(same.intervalMs * GROWTH, busyMs * RAREST) : busyMs * FIRST;
    const validMs = isOver(build.state) ? restMs * 2 : jitteredMs(intervalMs);
    this.#entries.set(builds, { build, intervalMs, until: this.#clock.monotonicMs() + validMs });
    return !jsonEqual(same?.build.state, build.state);
  }

  forget(builds: string): void {
    this.#entries.delete(builds);
  }
}

/** Pure. Whether nothing moves any more. */
export function isOver({ kind }: BuildState): boolean {
  return kind === "built" || kind === "failed";
}
