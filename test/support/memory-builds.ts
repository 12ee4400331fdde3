import { createHash } from "node:crypto";
import type { Owner } from "../../src/backends/backend.ts";
import type { BuildRequest, BuildState } from "../../src/backends/build.ts";
import type { Clock } from "../../src/machinery/clock.ts";

/** How a run ends. */
export type BuildEnd =
  | { readonly kind: "built" }
  | { readonly kind: "failed"; readonly reason: string; readonly message: string; readonly retryable: boolean };

interface Run {
  readonly id: string;
  readonly owner: Owner;
  readonly place: string;
  readonly request: BuildRequest;
  readonly attempt: number;
  /** Monotonic. */
  readonly startsAt: number;
  readonly endsAt: number;
  readonly end: BuildEnd;
}

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** A place that builds images, in memory. It outlives the controllers. */
export class MemoryBuilds {
  /** Names of the backends that build. */
  readonly places = new Set<string>();
  readonly runs = new Map<string, Run>();
  /** Every run that was begun, `PLACE #ATTEMPT`, in their order. */
  readonly begun: string[] = [];
  readonly requests: BuildRequest[] = [];
  /** Before a run starts, and how long it then takes. */
  queueMs = 0;
  buildMs = 1_000;
  becomes: (request: BuildRequest, attempt: number) => BuildEnd = () => ({ kind: "built" });
  log: readonly string[] = ["step 1", "step 2"];
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(owner: Pick<Owner, "uid">, place: string): Run[] {
    return [...this.runs.values()].filter((run) => run.owner.uid === owner.uid && run.place === place);
  }

  /** One run for each key and attempt; those of another request end. `changed` is called whenever it has moved. */
  ensure(
    { owner, place }: Pick<Run, "owner" | "place">,
    request: BuildRequest,
    attempt: number,
    changed: () => void,
  ): BuildState {
    const mine = this.of(owner, place);
    const found = mine.find((run) => run.request.key === request.key && run.attempt === attempt);
    for (const other of mine.filter((run) => run !== found)) this.runs.delete(other.id);
    return this.#stateOf(found ?? this.#begin({ owner, place, request, attempt }, changed));
  }

  remove(owner: Pick<Owner, "uid">, place: string): void {
    for (const { id } of this.of(owner, place)) this.runs.delete(id);
  }

  #begin(asked: Pick<Run, "owner" | "place" | "request" | "attempt">, changed: () => void): Run {
    const { place, request, attempt } = asked;
    const startsAt = this.#clock.monotonicMs() + this.queueMs;
    const endsAt = startsAt + this.buildMs;
    const id = `run-${this.begun.length + 1}`;
    const run: Run = { ...asked, id, startsAt, endsAt, end: this.becomes(request, attempt) };
    this.begun.push(`${place} #${attempt}`);
    this.requests.push(request);
    this.runs.set(id, run);
    for (const after of [this.queueMs, this.queueMs + this.buildMs]) this.#clock.schedule(after, changed);
    return run;
  }

  #stateOf({ id, request, startsAt, endsAt, end }: Run): BuildState {
    const now = this.#clock.monotonicMs();
    if (now < startsAt) return { id, startedAt: undefined, kind: "waiting", message: "waits for room" };
    const started = { id, startedAt: this.#timeOf(startsAt) };
    if (now < endsAt) return { ...started, kind: "running", message: "runs" };
    const ended = { ...started, completedAt: this.#timeOf(endsAt) };
    if (end.kind === "failed") return { ...ended, ...end };
    const digest = createHash("sha256").update(`${request.key} ${id}`).digest("hex");
    const image = { pinned: `${request.push?.repository ?? "built"}@sha256:${digest}` };
    return { ...ended, kind: "built", image, commit: COMMIT };
  }

  #timeOf(monotonicMs: number): string {
    const passed = this.#clock.monotonicMs() - monotonicMs;
    return new Date(this.#clock.now().getTime() - passed).toISOString();
  }
}
