import type { CertificateAndKey } from "../machinery/certificate-authority.ts";
import type { Runnable } from "../machinery/runnable.ts";

/** Hands the webhook what to serve with, at first and whenever that changes. */
export interface CertificateSource extends Runnable {
  /** False as long as there is nothing to serve with. */
  isReady(): boolean;
}

export type TakeCertificate = (certificate: CertificateAndKey) => void;
