import { formatKey, type ObjectKey, parseKey } from "../../api/meta.ts";
import { REQUESTERS_ANNOTATION, type RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import { ApiError } from "../../machinery/client.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Logger } from "../../machinery/logger.ts";
import { inOneLine } from "../../machinery/one-line.ts";
import type { Runnable } from "../../machinery/runnable.ts";
import type { AdmissionState } from "../runtime-deployment/gate/ports.ts";

export interface AdmissionWatchOptions {
  /** Sends an object as a dry run, and answers as what it would be stored. */
  readonly dryRun: (object: unknown, signal: AbortSignal) => Promise<RuntimeDeployment>;
  /** Makes the key of the stamps where there is none. */
  readonly ensureKey: () => Promise<unknown>;
  readonly enqueue: (deployment: ObjectKey) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** While somebody waits for it, admission is tried this often. */
const EVERY_MS = 60_000;
/** An answer is believed for so long. */
const BELIEVED_MS = 3 * EVERY_MS;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

const FORGED = JSON.stringify({
  entries: [{ user: "slipway:forged", groups: [], at: "1970-01-01T00:00:00Z", digest: "v1:sha256:0" }],
  mac: "forged",
});

/** What no one would ever run. */
const CANARY = {
  apiVersion: "slipway.dev/v1alpha1",
  kind: "RuntimeDeployment",
  metadata: {
    name: "admission-canary",
    namespace: "slipway-system",
    annotations: { [REQUESTERS_ANNOTATION]: FORGED },
  },
  spec: { source: { image: { reference: "slipway.invalid/admission-canary:0" } }, desiredState: "Stopped" },
};

/**
 * Knows whether the API server asks admission: a name that somebody else claims must not come back. Tried only while a
 * deployment is to be asked about, for all of them at once. Also makes the key by which admission signs.
 */
export class AdmissionWatch implements Runnable {
  readonly name = "admission watch";
  readonly #options: AdmissionWatchOptions;
  /** Deployments that are called back when it is known. */
  readonly #waiting = new Set<string>();
  readonly #stop = new AbortController();
  #known: { readonly state: AdmissionState; readonly at: number } | undefined;
  #trying = false;

  constructor(options: AdmissionWatchOptions) {
    this.#options = options;
  }

  /** What is known. Tries anew, in the background, where that is a minute old. */
  state(deployment: ObjectKey): AdmissionState {
    const now = this.#options.clock.monotonicMs();
    const age = this.#known ? now - this.#known.at : Number.POSITIVE_INFINITY;
    if (age >= EVERY_MS && !this.#trying && !this.#stop.signal.aborted) void this.#try();
    if (this.#known && age < BELIEVED_MS) return this.#known.state;
    this.#waiting.add(formatKey(deployment));
    return { kind: "unknown" };
  }

  async run(stop: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    stop.addEventListener("abort", () => resolve(), { once: true });
    if (stop.aborted) resolve();
    this.#makeKey(FIRST_RETRY_MS);
    await promise;
    this.#stop.abort();
  }

  #makeKey(retryMs: number): void {
    const { ensureKey, clock, logger } = this.#options;
    if (this.#stop.signal.aborted) return;
    ensureKey().catch((error: unknown) => {
      const message = error instanceof Error ? error.message : String(error);
      logger.warn(`the key of approvals' stamps is not there; tried again in ${retryMs} ms: ${message}`);
      clock.schedule(retryMs, () => this.#makeKey(Math.min(retryMs * 2, LAST_RETRY_MS)));
    });
  }

  /** Never rejects. */
  async #try(): Promise<void> {
    const { dryRun, clock, enqueue } = this.#options;
    this.#trying = true;
    try {
      const stored = await dryRun(CANARY, this.#stop.signal);
      const came = stored.metadata.annotations?.[REQUESTERS_ANNOTATION];
      this.#learn(came === undefined || came === FORGED ? { kind: "missing", message: NOT_ASKED } : { kind: "works" });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // An answer says that it does not work; silence leaves what was known, for a while.
      if (error instanceof ApiError || !this.#known || clock.monotonicMs() - this.#known.at >= BELIEVED_MS)
        this.#learn({ kind: "missing", message: `whether admission is asked cannot be told: ${inOneLine(message)}` });
    } finally {
      this.#trying = false;
    }
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const key of waiting) enqueue(parseKey(key));
  }

  #learn(state: AdmissionState): void {
    this.#known = { state, at: this.#options.clock.monotonicMs() };
  }
}

const NOT_ASKED =
  "admission is not asked: anybody could write any name as the requester's, so nobody can be asked for approval; install or mend the webhooks of Slipway";
