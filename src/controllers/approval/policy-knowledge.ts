import { keyOf, type ObjectKey } from "../../api/meta.ts";
import type { ApprovalPolicy, RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { Clock } from "../../machinery/clock.ts";
import type { Lister } from "../../machinery/lister.ts";
import type { Logger } from "../../machinery/logger.ts";
import { inOneLine } from "../../machinery/one-line.ts";
import type { Runnable } from "../../machinery/runnable.ts";

export interface PolicyKnowledgeOptions {
  /** All policies that the API server has now, from itself and from no cache. */
  readonly list: (signal: AbortSignal) => Promise<readonly ApprovalPolicy[]>;
  /** Those that the gate asks. */
  readonly policies: Pick<Lister<ApprovalPolicy>, "get">;
  readonly enqueue: (deployment: ObjectKey) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;

interface Waiting {
  readonly key: ObjectKey;
  readonly generation: number;
}

/**
 * Knows whether the cache of policies has what the API server had when a generation of a deployment came. Each kind has a watch of
 * its own, and the one of policies may be behind, or stand still, while a deployment arrives that was made after its policy. One
 * question answers for all that came before it.
 */
export class PolicyKnowledge implements Runnable {
  readonly name = "policy knowledge";
  readonly #options: PolicyKnowledgeOptions;
  readonly #stop = new AbortController();
  /** The generation for which it is known, by UID: of each deployment that was looked at since the start. */
  readonly #known = new Map<string, number>();
  /** By UID, those that came since the last question was sent. */
  #waiting = new Map<string, Waiting>();
  #asking = false;

  constructor(options: PolicyKnowledgeOptions) {
    this.#options = options;
  }

  /** Where not, the deployment is called back. */
  isComplete(deployment: RuntimeDeployment): boolean {
    const { uid, generation = 0 } = deployment.metadata;
    if (this.#known.get(uid) === generation) return true;
    this.#waiting.set(uid, { key: keyOf(deployment), generation });
    if (!this.#asking) void this.#ask(FIRST_RETRY_MS);
    return false;
  }

  forget(uid: string): void {
    this.#known.delete(uid);
    this.#waiting.delete(uid);
  }

  async run(stop: AbortSignal): Promise<void> {
    if (!stop.aborted) await new Promise((resolve) => stop.addEventListener("abort", resolve, { once: true }));
    this.#stop.abort();
  }

  /** Never rejects. */
  async #ask(retryMs: number): Promise<void> {
    const { list, enqueue, clock, logger } = this.#options;
    const { signal } = this.#stop;
    if (signal.aborted) return;
    this.#asking = true;
    const asked = this.#waiting;
    this.#waiting = new Map();
    try {
      const behind = (await list(signal)).filter((policy) => !this.#has(policy));
      if (behind.length === 0) {
        for (const [uid, { key, generation }] of asked) {
          this.#known.set(uid, generation);
          enqueue(key);
        }
        this.#asking = false;
        if (this.#waiting.size > 0) await this.#ask(FIRST_RETRY_MS);
        return;
      }
      logger.debug("deployments wait for ApprovalPolicies that the cache has not yet", { policies: behind.length });
    } catch (error) {
      if (signal.aborted) return;
      const message = error instanceof Error ? error.message : String(error);
      logger.warn(
        `deployments wait until ApprovalPolicies can be listed; tried again in ${retryMs} ms: ${inOneLine(message)}`,
      );
    }
    this.#waiting = new Map([...asked, ...this.#waiting]);
    clock.schedule(retryMs, () => void this.#ask(Math.min(retryMs * 2, LAST_RETRY_MS)));
  }

  #has(policy: ApprovalPolicy): boolean {
    const known = this.#options.policies.get(keyOf(policy));
    const { uid, generation = 0 } = policy.metadata;
    return known?.metadata.uid === uid && (known.metadata.generation ?? 0) >= generation;
  }
}
