import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { Aspect } from "../backend.ts";
import { CodeEngineError } from "./client/errors.ts";
import { LatestOutcome } from "./latest-outcome.ts";
import { reasonOf, withoutTrace } from "./optional-failure.ts";

/** What has failed is not asked again so soon: what works without it shall not wait for it each time. */
const DOUBT_MS = 60_000;

export interface OptionalServiceOptions {
  /** Of its condition. */
  readonly type: string;
  /** Where no instance of it is named: what is missing, and the remedy. */
  readonly notConfigured: string | undefined;
  /** What goes on without it, for the log. */
  readonly without: string;
  readonly remedyOf: (error: CodeEngineError) => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How a service beside Code Engine does that everything else works without. */
export class OptionalService {
  readonly #options: OptionalServiceOptions;
  readonly #outcome: LatestOutcome;
  /** Monotonic. */
  #doubtUntil = Number.NEGATIVE_INFINITY;

  constructor(options: OptionalServiceOptions) {
    this.#options = options;
    this.#outcome = new LatestOutcome(options.type);
    if (options.notConfigured !== undefined) this.#outcome.failed("NotConfigured", options.notConfigured);
  }

  /** Undefined before the first use. */
  get aspect(): Aspect | undefined {
    return this.#outcome.aspect;
  }

  /** Whether it failed so lately that it is left alone. */
  get isDoubted(): boolean {
    return this.#options.clock.monotonicMs() < this.#doubtUntil;
  }

  worked(message: string): void {
    this.#outcome.worked(message);
  }

  /** @throws the reason of `signal`, and what is no answer of the service's. */
  failed(error: unknown, signal: AbortSignal): void {
    signal.throwIfAborted();
    if (!(error instanceof CodeEngineError)) throw error;
    const { clock, logger, remedyOf, without } = this.#options;
    this.#doubtUntil = clock.monotonicMs() + Math.max(DOUBT_MS, error.retryAfterMs ?? 0);
    this.#outcome.failed(reasonOf(error), `${withoutTrace(error)}; ${remedyOf(error)}`);
    logger.warn(without, { error: error.message });
  }
}
