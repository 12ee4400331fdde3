import "reflect-metadata";
import type { webcrypto } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, connect as connectTcp } from "node:net";
import { connect, createServer, type Server, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import * as x509 from "@peculiar/x509";
import type { UserInfo } from "./access.ts";
import { certificateUser } from "./client-certificate.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const serverAuth = "1.3.6.1.5.5.7.3.1";
const clientAuth = "1.3.6.1.5.5.7.3.2";

interface Identity {
  readonly key: string;
  readonly certificate: string;
}

interface Authority extends Identity {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly name: string;
}

async function pem({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = await crypto.subtle.exportKey("pkcs8", privateKey);
  return x509.PemConverter.encode(der, "PRIVATE KEY");
}

async function authority(name: string): Promise<Authority> {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const extensions = [new x509.BasicConstraintsExtension(true, undefined, true)];
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name,
    keys,
    signingAlgorithm: algorithm,
    extensions,
  });
  return { keys, name, key: await pem(keys), certificate: certificate.toString("pem") };
}

async function issue(ca: Authority, subject: string, usage = clientAuth, notAfter = inHours(1)): Promise<Identity> {
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: ca.name,
    notBefore: inHours(-2),
    notAfter,
    publicKey: keys.publicKey,
    signingKey: ca.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.ExtendedKeyUsageExtension([usage])],
  });
  return { key: await pem(keys), certificate: certificate.toString("pem") };
}

function inHours(hours: number): Date {
  return new Date(Date.now() + hours * 3_600_000);
}

let ca: Authority;
let other: Authority;
let server: Server;
let now: Date;
const accepted: TLSSocket[] = [];

beforeAll(async () => {
  ca = await authority("CN=slipway-ca");
  other = await authority("CN=other-ca");
  const { key, certificate } = await issue(ca, "CN=localhost", serverAuth);
  server = createServer(
    { key, cert: certificate, ca: ca.certificate, requestCert: true, rejectUnauthorized: false },
    (socket) => {
      accepted.push(socket);
      socket.end(JSON.stringify(certificateUser({ socket }, now) ?? null));
    },
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});

afterAll(async () => {
  for (const socket of accepted) socket.destroy();
  server.close();
  await once(server, "close");
});

async function userOf(identity?: Identity): Promise<UserInfo | null> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({
    socket: connectTcp(port, "127.0.0.1"),
    rejectUnauthorized: false,
    ...(identity && { key: identity.key, cert: identity.certificate }),
  });
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk;
  });
  await once(socket, "end");
  socket.destroy();
  return JSON.parse(text);
}

describe("a client certificate", () => {
  it("names its user, and the groups by its organizations", async () => {
    now = new Date();
    expect(await userOf(await issue(ca, "CN=alice, O=devs, O=ops"))).toEqual({
      username: "alice",
      groups: ["devs", "ops"],
    });
    expect(await userOf(await issue(ca, "CN=bob, O=devs"))).toEqual({ username: "bob", groups: ["devs"] });
    expect(await userOf(await issue(ca, "CN=carol"))).toEqual({ username: "carol", groups: [] });
  });

  it("keeps to its attributes, whatever they hold", async () => {
    now = new Date();
    const sly = await issue(ca, 'CN="alice\\0AO=system:masters"');
    expect((await userOf(sly))?.groups).toEqual([]);
  });

  it.each<{ because: string; identity: () => Promise<Identity | undefined>; at?: number }>([
    { because: "there is none", identity: async () => undefined },
    { because: "another authority signed it", identity: () => issue(other, "CN=alice, O=system:masters") },
    {
      because: "another authority of the same name signed it",
      identity: async () => issue(await authority("CN=slipway-ca"), "CN=root"),
    },
    { because: "it is a server's", identity: () => issue(ca, "CN=alice", serverAuth) },
    { because: "it has expired", identity: () => issue(ca, "CN=alice", clientAuth, inHours(-1)) },
    { because: "it expires while the connection stays", identity: () => issue(ca, "CN=alice"), at: 2 },
    { because: "it names nobody", identity: () => issue(ca, "O=devs") },
  ])("is nobody's when $because", async ({ identity, at = 0 }) => {
    now = inHours(at);
    expect(await userOf(await identity())).toBeNull();
  });
});
