// @peculiar/x509 expects this polyfill to be there first.
import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const HOUR_MS = 3_600_000;

export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** What an Engine behind TLS and its clients have, as the documentation of Docker has it made with openssl. */
export interface EngineCertificates {
  readonly ca: string;
  readonly server: Identity;
  readonly client: Identity;
}

/** Valid for an hour, for an Engine at that IP address. */
export async function engineCertificates(address: string): Promise<EngineCertificates> {
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const validity = { notBefore: new Date(Date.now() - HOUR_MS), notAfter: new Date(Date.now() + HOUR_MS) };
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ name: "CN=engines", keys, signingAlgorithm: ALGORITHM, ...validity },
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const issue = async (subject: string, extensions: x509.Extension[]): Promise<Identity> => {
    const own = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const certificate = await x509.X509CertificateGenerator.create({
      ...{ subject, issuer: authority.subject, publicKey: own.publicKey, extensions, ...validity },
      ...{ signingKey: keys.privateKey, signingAlgorithm: ALGORITHM },
    });
    const der = await webcrypto.subtle.exportKey("pkcs8", own.privateKey);
    return { certificate: certificate.toString("pem"), key: x509.PemConverter.encode(der, "PRIVATE KEY") };
  };
  return {
    ca: authority.toString("pem"),
    server: await issue("CN=engine", [
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: "ip", value: address }]),
    ]),
    client: await issue("CN=slipway", [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])]),
  };
}

/** The flags of dockerd that let in over TCP at `address` only who shows a certificate of this authority. */
export function tlsFlags(folder: string, address: string, { ca, server }: EngineCertificates): readonly string[] {
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  return [
    `--host=tcp://${address}:2376`,
    "--tlsverify",
    `--tlscacert=${file("ca.pem", ca)}`,
    `--tlscert=${file("cert.pem", server.certificate)}`,
    `--tlskey=${file("key.pem", server.key)}`,
  ];
}
