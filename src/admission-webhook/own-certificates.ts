import { type Secret, secrets } from "../api/core.ts";
import type { ObjectKey } from "../api/meta.ts";
import {
  type CertificateAndKey,
  createAuthority,
  createServerCertificate,
} from "../machinery/certificate-authority.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import type { Clock } from "../machinery/clock.ts";
import type { Logger } from "../machinery/logger.ts";
import { endsAt } from "./certificate.ts";
import {
  CA_DAYS,
  type CertificateStep,
  daysAfter,
  isSignedBy,
  nextStep,
  SERVING_DAYS,
  type StepOptions,
  type StoredCertificates,
  type UsableCertificates,
  usableOf,
  WEBHOOK_CA_SECRET,
  WEBHOOK_HOSTS,
  WEBHOOK_TLS_SECRET,
} from "./certificate-plan.ts";

export interface OwnCertificatesOptions {
  readonly client: KubeClient;
  readonly clock: Pick<Clock, "now">;
  readonly logger: Logger;
}

/** Who brings them in order: the leader also does what can wait. */
export interface BringOptions {
  readonly leads: boolean;
  /** Whether every API server trusts what this authority signs. */
  readonly isTrusted: (authorityPem: string) => boolean;
  readonly signal: AbortSignal;
}

/** Of steps at most two are due at once; others may come between a few times. */
const MAX_TURNS = 8;

/** The webhook's CA and certificate, in two Secrets that all replicas share. Any number of them may bring these in order at once. */
export class OwnCertificates {
  readonly #options: OwnCertificatesOptions;
  #told = "";

  constructor(options: OwnCertificatesOptions) {
    this.#options = options;
  }

  /**
   * Reads both Secrets, makes what is missing, and answers what there is then.
   * @throws {ApiError | ApiUnreachable} where they can be neither read nor written.
   */
  async bring({ leads, isTrusted, signal }: BringOptions): Promise<UsableCertificates> {
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      const now = this.#options.clock.now();
      const stored = await this.#read(signal);
      const usable = usableOf(stored, now);
      this.#tell(usable.problems);
      const { authority } = usable;
      const options: StepOptions = { now, leads, isTrusted: !!authority && isTrusted(authority.certificatePem) };
      const step = nextStep(usable, options);
      if (step === undefined) return usable;
      await this.#take(step, { stored, usable, now, signal });
    }
    throw new Error(`the Secrets of the webhook were changed by others ${MAX_TURNS} times in a row`);
  }

  async #read(signal: AbortSignal): Promise<StoredCertificates> {
    const [authority, serving] = await Promise.all(
      [WEBHOOK_CA_SECRET, WEBHOOK_TLS_SECRET].map((key) => this.#find(key, signal)),
    );
    return { authority, serving };
  }

  async #find(key: ObjectKey, signal: AbortSignal): Promise<Secret | undefined> {
    try {
      return await this.#options.client.get(secrets, key, signal);
    } catch (error) {
      if (isReason(error, "NotFound")) return undefined;
      throw error;
    }
  }

  async #take(
    step: CertificateStep,
    situation: { stored: StoredCertificates; usable: UsableCertificates; now: Date; signal: AbortSignal },
  ): Promise<void> {
    const { stored, usable, now, signal } = situation;
    if (step === "replace-authority") {
      const name = `slipway-webhook-ca-${now.toISOString().slice(0, 10)}`;
      const made = await createAuthority({ name, now, notAfter: daysAfter(now, CA_DAYS) });
      await this.#store(WEBHOOK_CA_SECRET, { made, trusted: [made.certificatePem], before: stored.authority, signal });
      return;
    }
    const { authority, serving } = usable;
    if (!authority) throw new Error("nothing signs a certificate without an authority");
    const made = await createServerCertificate({
      ...{ authority, hosts: WEBHOOK_HOSTS, now, name: "slipway-webhook" },
      notAfter: daysAfter(now, SERVING_DAYS, endsAt(authority)),
    });
    // Replicas that have not heard of it serve with the one before.
    const former = usable.trusted.filter((pem) => serving !== undefined && isSignedBy(serving, pem));
    const trusted = [...new Set([authority.certificatePem, ...former].map(inLines))];
    await this.#store(WEBHOOK_TLS_SECRET, { made, trusted, before: stored.serving, signal });
  }

  /** Whoever was faster is right: what they stored is read next. */
  async #store(key: ObjectKey, { made, trusted, before, signal }: ToStore): Promise<void> {
    const { client, logger } = this.#options;
    const data = {
      "tls.crt": base64(made.certificatePem),
      "tls.key": base64(made.keyPem),
      "ca.crt": base64(trusted.map(inLines).join("")),
    };
    try {
      if (before) await client.update(secrets, { ...before, data }, { signal });
      else {
        const metadata = { ...key, labels: { "app.kubernetes.io/name": "slipway" } };
        const secret = { apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata, data };
        await client.create<Secret>(secrets, secret, signal);
      }
      logger.info("made a certificate", { secret: key.name });
    } catch (error) {
      if (!isReason(error, "AlreadyExists", "Conflict")) throw error;
    }
  }

  /** Once for each problem, not for each look at it. */
  #tell(problems: readonly string[]): void {
    const text = problems.join("; ");
    if (text !== "" && text !== this.#told) this.#options.logger.warn(`certificates are made anew: ${text}`);
    this.#told = text;
  }
}

interface ToStore {
  readonly made: CertificateAndKey;
  readonly trusted: readonly string[];
  readonly before: Secret | undefined;
  readonly signal: AbortSignal;
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}

function inLines(pem: string): string {
  return `${pem.trim()}\n`;
}
