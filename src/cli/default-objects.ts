import type { KubeObject, ResourceType } from "../api/meta.ts";
import { API_VERSION, approvalPolicies, guardrailProfiles, runtimeBackends } from "../api/v1alpha1/index.ts";
import { backoffMs, jittered } from "../machinery/backoff.ts";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import { delay } from "../machinery/clock-delay.ts";
import type { Logger } from "../machinery/logger.ts";
import type { Runnable } from "../machinery/runnable.ts";
import { type Manifest, readManifests } from "./manifests.ts";
import { UsageError } from "./usage-error.ts";

const FIELD_MANAGER = "slipway-defaults";
/** A mounted ConfigMap takes up to a minute to change. */
const LOOK_EVERY_MS = 5_000;
const WEBHOOK_EVERY_MS = 500;
const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 60_000;

const KINDS: Readonly<Record<string, ResourceType>> = Object.fromEntries(
  [runtimeBackends, guardrailProfiles, approvalPolicies].map((type) => [type.kind, type as ResourceType]),
);

/** What the cluster shall have from the start. @throws {UsageError} naming what cannot be read, and what is of another kind. */
export async function readDefaults(path: string): Promise<readonly Manifest[]> {
  const manifests = await readManifests(path);
  const others = manifests.filter(({ object }) => object.apiVersion !== API_VERSION || !KINDS[object.kind]);
  if (others.length === 0) return manifests;
  const names = others.map(({ origin, object }) => `${origin}: ${object.kind} ${object.metadata.name}`);
  throw new UsageError(
    `-f: only ${Object.keys(KINDS).join(", ")} of ${API_VERSION} are applied here:\n${names.join("\n")}`,
  );
}

export interface DefaultObjectsOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly path: string;
  /** As they were at the start. */
  readonly manifests: readonly Manifest[];
  /** Whether the webhooks that judge them answer. */
  readonly isJudged: () => boolean;
}

/**
 * Applies manifests until each is taken, and again when the files have changed. What is refused is logged, and holds up no
 * other. What is taken out of the files stays in the cluster, since nobody can tell whether it is used.
 */
export class DefaultObjects implements Runnable {
  readonly name = "default objects";
  readonly #options: DefaultObjectsOptions;
  #manifests: readonly Manifest[];
  /** Refused, with what was logged of it last. */
  readonly #refused = new Map<Manifest, string>();
  #told = "";

  constructor(options: DefaultObjectsOptions) {
    this.#options = options;
    this.#manifests = options.manifests;
  }

  async run(stop: AbortSignal): Promise<void> {
    const { clock, isJudged } = this.#options;
    while (!stop.aborted && !isJudged()) await delay(clock, WEBHOOK_EVERY_MS, stop);
    let due = this.#manifests;
    for (let failures = 0; !stop.aborted; ) {
      due = await this.#apply(due, stop);
      failures = due.length === 0 ? 0 : failures + 1;
      const retryMs = jittered(backoffMs(Math.max(0, failures - 1), FIRST_RETRY_MS, LAST_RETRY_MS));
      await delay(clock, failures === 0 ? LOOK_EVERY_MS : retryMs, stop);
      if (!stop.aborted && (await this.#hasChanged())) {
        due = this.#manifests;
        failures = 0;
      }
    }
  }

  /** Answers what was not taken. */
  async #apply(due: readonly Manifest[], stop: AbortSignal): Promise<readonly Manifest[]> {
    const { client, logger } = this.#options;
    const left: Manifest[] = [];
    for (const manifest of due) {
      if (stop.aborted) return due;
      const { kind, metadata } = manifest.object;
      const name = `${kind} ${metadata.name}`;
      try {
        const patch = { type: "apply", body: manifest.object, fieldManager: FIELD_MANAGER, force: true } as const;
        const key = { namespace: "", name: metadata.name };
        await client.patch<KubeObject>(KINDS[kind] as ResourceType, key, patch, { signal: stop });
        this.#refused.delete(manifest);
        logger.info("default applied", { object: name });
      } catch (error) {
        if (stop.aborted) return due;
        const message = error instanceof Error ? error.message : String(error);
        left.push(manifest);
        if (this.#refused.get(manifest) === message) continue;
        this.#refused.set(manifest, message);
        logger.error(`default not applied, tried again: ${name}: ${message}`, { origin: manifest.origin });
      }
    }
    return left;
  }

  /** Reads the files again. What cannot be read leaves what was read before. */
  async #hasChanged(): Promise<boolean> {
    try {
      const manifests = await readDefaults(this.#options.path);
      this.#told = "";
      if (JSON.stringify(manifests) === JSON.stringify(this.#manifests)) return false;
      this.#manifests = manifests;
      this.#refused.clear();
      return true;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message !== this.#told) this.#options.logger.error(`defaults are left as they were: ${message}`);
      this.#told = message;
      return false;
    }
  }
}
