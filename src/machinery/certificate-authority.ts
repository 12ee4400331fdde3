// @peculiar/x509 expects this polyfill to be there first.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";

/** Certificates that Slipway makes for its own listeners: ECDSA on P-256, which everything that speaks TLS 1.2 knows. */

export const CERTIFICATE_ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HOUR_MS = 3_600_000;

export interface CertificateAndKey {
  readonly certificatePem: string;
  /** PKCS #8. */
  readonly keyPem: string;
}

export interface AuthorityOptions {
  /** The common name of its subject. */
  readonly name: string;
  readonly now: Date;
  readonly notAfter: Date;
}

/** A certificate authority that signs itself. */
export async function createAuthority({ name, now, notAfter }: AuthorityOptions): Promise<CertificateAndKey> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(CERTIFICATE_ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    ...{ notBefore: beforehand(now), notAfter },
    signingAlgorithm: CERTIFICATE_ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return withKey(certificate, keys.privateKey);
}

export interface ServerCertificateOptions extends AuthorityOptions {
  readonly authority: CertificateAndKey;
  /** DNS names and IP addresses that it is for. */
  readonly hosts: readonly string[];
}

/** A certificate for a server, signed by `authority`. */
export async function createServerCertificate(options: ServerCertificateOptions): Promise<CertificateAndKey> {
  x509.cryptoProvider.set(webcrypto);
  const { authority, name, hosts, now, notAfter } = options;
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const keys = await webcrypto.subtle.generateKey(CERTIFICATE_ALGORITHM, true, ["sign", "verify"]);
  const names = hosts.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${name}`,
    issuer: issuer.subject,
    ...{ notBefore: beforehand(now), notAfter },
    signingAlgorithm: CERTIFICATE_ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return withKey(certificate, keys.privateKey);
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem);
  return webcrypto.subtle.importKey("pkcs8", der as ArrayBuffer, CERTIFICATE_ALGORITHM, false, ["sign"]);
}

async function withKey(certificate: x509.X509Certificate, key: webcrypto.CryptoKey): Promise<CertificateAndKey> {
  const der = await webcrypto.subtle.exportKey("pkcs8", key);
  return { certificatePem: certificate.toString("pem"), keyPem: x509.PemConverter.encode(der, "PRIVATE KEY") };
}

/** A clock that is an hour off on the other side must not matter. */
function beforehand(now: Date): Date {
  return new Date(now.getTime() - HOUR_MS);
}

/** Positive, 16 random bytes. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}
