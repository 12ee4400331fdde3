import type { Secret } from "../api/core.ts";
import { backoffMs, jittered } from "../machinery/backoff.ts";
import type { KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import type { ChangeSource } from "../machinery/lister.ts";
import type { Logger } from "../machinery/logger.ts";
import type { Runnable } from "../machinery/runnable.ts";
import { WakeUp } from "../machinery/wake-up.ts";
import { publishCaBundle } from "./ca-bundles.ts";
import { WEBHOOK_CA_SECRET, WEBHOOK_TLS_SECRET } from "./certificate-plan.ts";
import type { CertificateSource, TakeCertificate } from "./certificate-source.ts";
import { OwnCertificates } from "./own-certificates.ts";

/** Ends come on their own: so often they are looked for. Changes of the Secrets are told by the cache. */
const LOOK_EVERY_MS = 600_000;
/** A configuration that somebody else has written anew is mended within this. */
const PUBLISH_EVERY_MS = 10_000;
/**
 * API servers learn of a configuration by a watch, within a second. So long an authority stands in both before anything that it has
 * signed is served.
 */
const SETTLE_MS = 60_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

export interface SharedCertificatesOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Tells when the Secrets of the webhook change. */
  readonly secrets: Pick<ChangeSource<Secret>, "onChange">;
}

/** Every replica's part: takes what is stored, and makes it where nothing usable is. */
export class SharedCertificates implements CertificateSource {
  readonly name = "webhook certificate";
  readonly #options: SharedCertificatesOptions;
  readonly #take: TakeCertificate;
  #served: string | undefined;

  constructor(options: SharedCertificatesOptions, take: TakeCertificate) {
    this.#options = options;
    this.#take = take;
  }

  isReady(): boolean {
    return this.#served !== undefined;
  }

  async run(stop: AbortSignal): Promise<void> {
    const own = new OwnCertificates(this.#options);
    await repeated(this.#options, stop, async () => {
      const { serving } = await own.bring({ leads: false, isTrusted: () => false, signal: stop });
      if (serving && serving.certificatePem !== this.#served) {
        this.#take(serving);
        this.#served = serving.certificatePem;
        this.#options.logger.info("serves with a certificate", { until: serving.certificate.validTo });
      }
      return LOOK_EVERY_MS;
    });
  }
}

/** The leader's part: renews in good time, and has the configurations trust what is served, now and next. */
export class CertificateRotation implements Runnable {
  readonly name = "webhook certificate rotation";
  readonly #options: SharedCertificatesOptions;
  /** Since when this authority stands in both configurations. */
  #published: { readonly pem: string; readonly sinceMs: number } | undefined;

  constructor(options: SharedCertificatesOptions) {
    this.#options = options;
  }

  /** Whether both configurations have had what is served with. */
  hasPublished(): boolean {
    return this.#published !== undefined;
  }

  async run(stop: AbortSignal): Promise<void> {
    const { client, clock, logger } = this.#options;
    const own = new OwnCertificates(this.#options);
    await repeated(this.#options, stop, async () => {
      const isTrusted = (pem: string) =>
        this.#published?.pem === pem && clock.monotonicMs() - this.#published.sinceMs >= SETTLE_MS;
      const { authority, trusted } = await own.bring({ leads: true, isTrusted, signal: stop });
      await publishCaBundle(trusted, { client, logger, signal: stop });
      if (authority && this.#published?.pem !== authority.certificatePem)
        this.#published = { pem: authority.certificatePem, sinceMs: clock.monotonicMs() };
      return PUBLISH_EVERY_MS;
    });
  }
}

/** Runs `turn` until `stop`: again after what it answers, when a Secret of the webhook changes, or, where it failed, soon. */
async function repeated(
  { clock, logger, secrets }: SharedCertificatesOptions,
  stop: AbortSignal,
  turn: () => Promise<number>,
): Promise<void> {
  const wakeUp = new WakeUp(clock);
  const forget = secrets.onChange((before, after) => {
    const { namespace, name } = (after ?? before)?.metadata ?? {};
    if ([WEBHOOK_CA_SECRET, WEBHOOK_TLS_SECRET].some((key) => key.namespace === namespace && key.name === name))
      wakeUp.call();
  });
  try {
    for (let failures = 0; !stop.aborted; ) {
      let waitMs: number;
      try {
        waitMs = await turn();
        failures = 0;
      } catch (error) {
        if (stop.aborted) return;
        waitMs = jittered(backoffMs(failures, FIRST_RETRY_MS, LAST_RETRY_MS));
        failures += 1;
        logger.warn(`the webhook's certificates are not in order: ${error instanceof Error ? error.message : error}`);
      }
      await wakeUp.wait(waitMs, stop);
    }
  } finally {
    forget();
  }
}
