import { createPrivateKey, X509Certificate } from "node:crypto";
import type { CertificateAndKey } from "../machinery/certificate-authority.ts";

/** A certificate that was read, with the key that fits it. */
export interface ReadCertificate extends CertificateAndKey {
  readonly certificate: X509Certificate;
}

/**
 * Reads a certificate, perhaps followed by those in between, and its key. @throws {Error} saying what is wrong with them; nothing of
 * a key is in the message.
 */
export function readCertificate(certificatePem: string, keyPem: string): ReadCertificate {
  const certificate = parsed("the certificate", () => new X509Certificate(certificatePem));
  const key = parsed("the key", () => createPrivateKey(keyPem));
  if (!certificate.checkPrivateKey(key)) throw new Error("the key is not the certificate's");
  return { certificate, certificatePem, keyPem };
}

function parsed<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new Error(`${what} is no PEM that can be read`);
  }
}

export function endsAt({ certificate }: Pick<ReadCertificate, "certificate">): Date {
  return new Date(certificate.validTo);
}

/** The certificates of a PEM text, one text each; what is none is left out. */
export function certificatesIn(pem: string): string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.filter(isCertificate).map((block) => `${block}\n`);
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}
