import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../machinery/clock.ts";
import { delay } from "../machinery/clock-delay.ts";
import type { Logger } from "../machinery/logger.ts";
import { endsAt, type ReadCertificate, readCertificate } from "./certificate.ts";
import type { CertificateSource, TakeCertificate } from "./certificate-source.ts";

/** The kubelet itself takes up to a minute to bring a change of a Secret. */
const LOOK_EVERY_MS = 5_000;

export interface CertificateFilesOptions {
  /** Has `tls.crt` and `tls.key`. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Serves with what somebody else keeps in files, read again and again: a mounted Secret is changed by another link `..data`, which no
 * watch of a file sees. While they cannot be used, what was served before goes on.
 */
export class CertificateFiles implements CertificateSource {
  readonly name = "webhook certificate";
  readonly #options: CertificateFilesOptions;
  readonly #take: TakeCertificate;
  #served: ReadCertificate | undefined;
  #told = "";

  constructor(options: CertificateFilesOptions, take: TakeCertificate) {
    this.#options = options;
    this.#take = take;
  }

  isReady(): boolean {
    return this.#served !== undefined;
  }

  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await this.#look();
      await delay(this.#options.clock, LOOK_EVERY_MS, stop);
    }
  }

  async #look(): Promise<void> {
    const { directory, logger, clock } = this.#options;
    try {
      const [certificate, key] = await Promise.all(
        ["tls.crt", "tls.key"].map((name) => readFile(join(directory, name), "utf8")),
      );
      if (certificate === this.#served?.certificatePem && key === this.#served?.keyPem) {
        this.#told = "";
        return;
      }
      // Both of different ages, where they are changed between the two reads, do not fit, and are read again.
      const found = readCertificate(certificate ?? "", key ?? "");
      if (endsAt(found) <= clock.now()) throw new Error(`the certificate ended at ${endsAt(found).toISOString()}`);
      this.#take(found);
      this.#served = found;
      this.#told = "";
      logger.info("serves with a certificate", { until: found.certificate.validTo });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (message === this.#told) return;
      this.#told = message;
      const rest = this.#served ? "; the former goes on" : "; nothing is served until they can";
      logger.error(`--webhook-certificates: tls.crt and tls.key of ${directory} cannot be used: ${message}${rest}`);
    }
  }
}
