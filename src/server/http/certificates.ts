import { X509Certificate } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import {
  type CertificateAndKey,
  createAuthority,
  createServerCertificate,
} from "../../machinery/certificate-authority.ts";

/** The server's own certificate authority and certificate, kept in the data directory. */

const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const SERVER_DAYS = 365;
/** A certificate that ends sooner than this is replaced. */
const RENEW_BEFORE_DAYS = 60;
const AUTHORITY_NAME = "slipway-ca";
const SERVER_NAME = "slipway-apiserver";

export interface ServerCertificates extends CertificateAndKey {
  /** What clients trust. */
  readonly caPem: string;
}

/**
 * Reads the certificates of `directory`, making or renewing what is missing, near its end, or not for these hosts. The CA's
 * key signs client certificates too, see `issueClientCertificate`.
 */
export async function loadCertificates(
  directory: string,
  hosts: readonly string[],
  now: Date,
): Promise<ServerCertificates> {
  const authority =
    readPair(directory, "ca", now) ??
    savePair(directory, "ca", await createAuthority({ name: AUTHORITY_NAME, now, notAfter: after(now, CA_DAYS) }));
  const current = readPair(directory, "apiserver", now);
  const isUsable = current && covers(current, hosts) && isSignedBy(current, authority);
  const server = isUsable
    ? current
    : savePair(
        directory,
        "apiserver",
        await createServerCertificate({
          ...{ authority, hosts, now, name: SERVER_NAME },
          notAfter: after(now, SERVER_DAYS),
        }),
      );
  return { caPem: authority.certificatePem, ...server };
}

/**
 * A certificate for these hosts by an authority of its own, for a listener that lives no longer than this process: neither
 * key is ever written down, and the authority's is forgotten.
 */
export async function temporaryCertificates(hosts: readonly string[], now: Date): Promise<ServerCertificates> {
  // As long as the authority: a process may run for longer than a year.
  const notAfter = after(now, CA_DAYS);
  const authority = await createAuthority({ name: AUTHORITY_NAME, now, notAfter });
  const server = await createServerCertificate({ authority, hosts, now, name: SERVER_NAME, notAfter });
  return { caPem: authority.certificatePem, ...server };
}

function readPair(directory: string, name: string, now: Date): CertificateAndKey | undefined {
  const certificateFile = join(directory, `${name}.crt`);
  const keyFile = join(directory, `${name}.key`);
  if (!existsSync(certificateFile) || !existsSync(keyFile)) return undefined;
  const certificatePem = readFileSync(certificateFile, "utf8");
  const isFresh = Date.parse(new X509Certificate(certificatePem).validTo) > after(now, RENEW_BEFORE_DAYS).getTime();
  return isFresh ? { certificatePem, keyPem: readFileSync(keyFile, "utf8") } : undefined;
}

function savePair(directory: string, name: string, pair: CertificateAndKey): CertificateAndKey {
  writeFileSync(join(directory, `${name}.key`), pair.keyPem, { mode: 0o600 });
  writeFileSync(join(directory, `${name}.crt`), pair.certificatePem, { mode: 0o600 });
  return pair;
}

function covers({ certificatePem }: CertificateAndKey, hosts: readonly string[]): boolean {
  const certificate = new X509Certificate(certificatePem);
  return hosts.every((host) => (isIP(host) ? certificate.checkIP(host) : certificate.checkHost(host)) !== undefined);
}

function isSignedBy(pair: CertificateAndKey, authority: CertificateAndKey): boolean {
  return new X509Certificate(pair.certificatePem).verify(new X509Certificate(authority.certificatePem).publicKey);
}

function after(now: Date, days: number): Date {
  return new Date(now.getTime() + days * DAY_MS);
}
