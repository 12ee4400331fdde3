// @peculiar/x509 expects this polyfill to be there first.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

/** The server's own certificate authority and certificate, kept in the data directory. */

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
const SERVER_DAYS = 365;
/** A certificate that ends sooner than this is replaced. */
const RENEW_BEFORE_DAYS = 60;

export interface ServerCertificates {
  /** What clients trust. */
  readonly caPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
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
  x509.cryptoProvider.set(webcrypto);
  const authority = (await readPair(directory, "ca", now)) ?? (await makeAuthority(directory, now));
  const current = await readPair(directory, "apiserver", now);
  const isUsable =
    current &&
    covers(current.certificate, hosts) &&
    (await current.certificate.verify({ publicKey: authority.certificate.publicKey, signatureOnly: true }));
  const server = isUsable
    ? current
    : savePair(directory, "apiserver", await createServerCertificate({ authority, hosts, now, days: SERVER_DAYS }));
  return {
    caPem: authority.certificate.toString("pem"),
    certificatePem: server.certificate.toString("pem"),
    keyPem: server.keyPem,
  };
}

/**
 * A certificate for these hosts by an authority of its own, for a listener that lives no longer than this process: neither
 * key is ever written down, and the authority's is forgotten.
 */
export async function temporaryCertificates(hosts: readonly string[], now: Date): Promise<ServerCertificates> {
  x509.cryptoProvider.set(webcrypto);
  const authority = await createAuthority(now);
  // As long as the authority: a process may run for longer than a year.
  const server = await createServerCertificate({ authority, hosts, now, days: CA_DAYS });
  return {
    caPem: authority.certificate.toString("pem"),
    certificatePem: server.certificate.toString("pem"),
    keyPem: server.keyPem,
  };
}

interface KeyPair {
  readonly certificate: x509.X509Certificate;
  readonly keyPem: string;
}

async function readPair(directory: string, name: string, now: Date): Promise<KeyPair | undefined> {
  const certificateFile = join(directory, `${name}.crt`);
  const keyFile = join(directory, `${name}.key`);
  if (!existsSync(certificateFile) || !existsSync(keyFile)) return undefined;
  const certificate = new x509.X509Certificate(readFileSync(certificateFile, "utf8"));
  const isFresh = certificate.notAfter.getTime() - now.getTime() > RENEW_BEFORE_DAYS * DAY_MS;
  return isFresh ? { certificate, keyPem: readFileSync(keyFile, "utf8") } : undefined;
}

async function makeAuthority(directory: string, now: Date): Promise<KeyPair> {
  return savePair(directory, "ca", await createAuthority(now));
}

async function createAuthority(now: Date): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: "CN=slipway-ca",
    ...validity(now, CA_DAYS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return keyPair(certificate, keys.privateKey);
}

interface ServerCertificateOptions {
  readonly authority: KeyPair;
  readonly hosts: readonly string[];
  readonly now: Date;
  readonly days: number;
}

async function createServerCertificate({ authority, hosts, now, days }: ServerCertificateOptions): Promise<KeyPair> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const names = hosts.map((value) => ({ type: isIP(value) ? ("ip" as const) : ("dns" as const), value }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: "CN=slipway-apiserver",
    issuer: authority.certificate.subject,
    ...validity(now, days),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
    ],
  });
  return keyPair(certificate, keys.privateKey);
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem);
  return webcrypto.subtle.importKey("pkcs8", der as ArrayBuffer, ALGORITHM, false, ["sign"]);
}

async function keyPair(certificate: x509.X509Certificate, privateKey: webcrypto.CryptoKey): Promise<KeyPair> {
  const der = await webcrypto.subtle.exportKey("pkcs8", privateKey);
  return { certificate, keyPem: x509.PemConverter.encode(der, "PRIVATE KEY") };
}

function savePair(directory: string, name: string, pair: KeyPair): KeyPair {
  writeFileSync(join(directory, `${name}.key`), pair.keyPem, { mode: 0o600 });
  writeFileSync(join(directory, `${name}.crt`), pair.certificate.toString("pem"), { mode: 0o600 });
  return pair;
}

function covers(certificate: x509.X509Certificate, hosts: readonly string[]): boolean {
  const extension = certificate.getExtension(x509.SubjectAlternativeNameExtension);
  const names = new Set(extension?.names.items.map(({ value }) => value));
  return hosts.every((host) => names.has(host));
}

/** A clock that is an hour off on the client must not matter. */
function validity(now: Date, days: number): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(now.getTime() - 3_600_000), notAfter: new Date(now.getTime() + days * DAY_MS) };
}

/** Positive, 16 random bytes. */
function serialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString("hex");
}
