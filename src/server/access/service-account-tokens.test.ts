import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { base64url, decodeJwt, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import { MemoryObjects } from "../../../test/support/memory-objects.ts";
import { apiAudience, ServiceAccountTokens, serviceAccounts } from "./service-account-tokens.ts";
import { loadSigningKey, type SigningKey } from "./signing-key.ts";

const secrets = { group: "", plural: "secrets" };
const key = { namespace: "team-a", name: "bot" };

let dataDir: string;
let signingKey: SigningKey;
let objects: MemoryObjects;
let now: Date;
let tokens: ServiceAccountTokens;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "slipway-tokens-"));
  signingKey = await loadSigningKey(dataDir);
  objects = new MemoryObjects();
  objects.put(serviceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata: { ...key, uid: "u-1" } });
  now = new Date("2026-11-21T09:00:00Z");
  tokens = new ServiceAccountTokens({ key: signingKey, reader: objects, clock: { now: () => now } });
});

afterEach(() => rm(dataDir, { recursive: true, force: true }));

const grant = { ...key, uid: "u-1", audiences: [apiAudience], expirationSeconds: 3600 };
const later = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000);
};

describe("a ServiceAccount token", () => {
  it("stands for its ServiceAccount, with the claims that Kubernetes gives it", async () => {
    const { token, expiresAt } = await tokens.issue(grant);
    expect(expiresAt).toEqual(new Date("2026-11-21T10:00:00Z"));
    expect(decodeJwt(token)).toMatchObject({
      iss: apiAudience,
      aud: [apiAudience],
      sub: "system:serviceaccount:team-a:bot",
      exp: expiresAt.getTime() / 1000,
      "kubernetes.io": { namespace: "team-a", serviceaccount: { name: "bot", uid: "u-1" } },
    });
    expect(await tokens.verify(token)).toMatchObject({
      user: {
        username: "system:serviceaccount:team-a:bot",
        uid: "u-1",
        groups: ["system:serviceaccounts", "system:serviceaccounts:team-a"],
        extra: { "authentication.kubernetes.io/credential-id": [`JTI=${decodeJwt(token).jti}`] },
      },
      audiences: [apiAudience],
    });
  });

  it("ends with its time, also when it was seen before", async () => {
    const { token } = await tokens.issue(grant);
    later(3599);
    expect(await tokens.verify(token)).toBeDefined();
    later(1);
    expect(await tokens.verify(token)).toBeUndefined();
    const fresh = new ServiceAccountTokens({ key: signingKey, reader: objects, clock: { now: () => now } });
    expect(await fresh.verify(token)).toBeUndefined();
  });

  it("goes on when the clock is set back to before it was issued", async () => {
    const { token } = await tokens.issue(grant);
    later(-24 * 3600);
    expect(await tokens.verify(token)).toBeDefined();
    const fresh = new ServiceAccountTokens({ key: signingKey, reader: objects, clock: { now: () => now } });
    expect(await fresh.verify(token)).toBeDefined();
    later(24 * 3600 + 3600);
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it("ends with its ServiceAccount, and is not inherited by the next of that name", async () => {
    const { token } = await tokens.issue(grant);
    expect(await tokens.verify(token)).toBeDefined();
    objects.remove(serviceAccounts, key);
    expect(await tokens.verify(token)).toBeUndefined();
    objects.put(serviceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata: { ...key, uid: "u-2" } });
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it("ends when its ServiceAccount is marked for deletion", async () => {
    const { token } = await tokens.issue(grant);
    const metadata = { ...key, uid: "u-1", deletionTimestamp: "2026-11-21T09:00:00Z" };
    objects.put(serviceAccounts, { apiVersion: "v1", kind: "ServiceAccount", metadata });
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it("ends with the Secret that it is bound to", async () => {
    const secret = { name: "s", uid: "s-1" };
    objects.put(secrets, { apiVersion: "v1", kind: "Secret", metadata: { ...secret, namespace: "team-a" } });
    const { token } = await tokens.issue({ ...grant, secret });
    expect(await tokens.verify(token)).toBeDefined();
    objects.remove(secrets, { namespace: "team-a", name: "s" });
    expect(await tokens.verify(token)).toBeUndefined();
  });

  it("says for whom it is, and leaves the judgement to the caller", async () => {
    const { token } = await tokens.issue({ ...grant, audiences: ["vault", "other"] });
    expect((await tokens.verify(token))?.audiences).toEqual(["vault", "other"]);
  });

  it("survives a restart", async () => {
    const { token } = await tokens.issue(grant);
    const again = await loadSigningKey(dataDir);
    expect(again.id).toBe(signingKey.id);
    const restarted = new ServiceAccountTokens({ key: again, reader: objects, clock: { now: () => now } });
    expect(await restarted.verify(token)).toBeDefined();
  });
});

describe("a forged ServiceAccount token", () => {
  const claims = (): JWTPayload => ({
    iss: apiAudience,
    aud: [apiAudience],
    sub: "system:serviceaccount:team-a:bot",
    jti: "j",
    iat: now.getTime() / 1000,
    nbf: now.getTime() / 1000,
    exp: now.getTime() / 1000 + 3600,
    "kubernetes.io": { namespace: "team-a", serviceaccount: { name: "bot", uid: "u-1" } },
  });
  const header = () => ({ alg: "ES256", kid: signingKey.id });
  const signed = (payload: JWTPayload) => new SignJWT(payload).setProtectedHeader(header()).sign(signingKey.privateKey);
  const encoded = (value: object) => base64url.encode(JSON.stringify(value));
  const publicPem = () => signingKey.publicKey.export({ type: "spki", format: "pem" }) as string;

  it("would be taken if it were signed like this", async () => {
    expect(await tokens.verify(await signed(claims()))).toBeDefined();
  });

  it.each<{ because: string; forge: () => string | Promise<string> }>([
    { because: "alg is none", forge: () => new UnsecuredJWT(claims()).encode() },
    {
      because: "alg is none, with our kid",
      forge: () => `${encoded({ alg: "none", kid: signingKey.id })}.${encoded(claims())}.`,
    },
    {
      because: "alg is HS256 over the public key",
      forge: () =>
        new SignJWT(claims())
          .setProtectedHeader({ alg: "HS256", kid: signingKey.id })
          .sign(new TextEncoder().encode(publicPem())),
    },
    {
      because: "another key signed it under our kid",
      forge: async () => {
        const other = await mkdtemp(join(tmpdir(), "slipway-other-"));
        const { privateKey } = await loadSigningKey(other);
        await rm(other, { recursive: true });
        return new SignJWT(claims()).setProtectedHeader(header()).sign(privateKey);
      },
    },
    {
      because: "its claims were exchanged",
      forge: async () => {
        const [head, , signature] = (await tokens.issue(grant)).token.split(".");
        return `${head}.${encoded({ ...claims(), sub: "system:serviceaccount:kube-system:admin" })}.${signature}`;
      },
    },
    { because: "one bit of the signature differs", forge: async () => flip((await tokens.issue(grant)).token) },
    { because: "its signature is gone", forge: async () => (await tokens.issue(grant)).token.replace(/[^.]*$/, "") },
    { because: "it carries a key of its own", forge: () => selfSigned(claims()) },
    { because: "it asks for an extension that nobody knows", forge: () => criticalExtension(claims()) },
    {
      because: "subject and ServiceAccount differ",
      forge: () => signed({ ...claims(), sub: "system:serviceaccount:team-a:root" }),
    },
    { because: "its issuer is another", forge: () => signed({ ...claims(), iss: "https://evil.example" }) },
    { because: "it never expires", forge: () => signed(without(claims(), "exp")) },
    { because: "it has no audience", forge: () => signed(without(claims(), "aud")) },
    { because: "it names no ServiceAccount", forge: () => signed(without(claims(), "kubernetes.io")) },
    { because: "it is a text", forge: () => "a.b.c" },
    { because: "it has four parts", forge: async () => `${(await tokens.issue(grant)).token}.x` },
    { because: "it is enormous", forge: () => `${"a".repeat(20_000)}.b.c` },
    { because: "it is empty", forge: () => "" },
  ])("is refused: $because", async ({ forge }) => {
    expect(await tokens.verify(await forge())).toBeUndefined();
  });

  async function selfSigned(payload: JWTPayload): Promise<string> {
    const other = await mkdtemp(join(tmpdir(), "slipway-other-"));
    const { privateKey, publicKey } = await loadSigningKey(other);
    await rm(other, { recursive: true });
    const jwk = publicKey.export({ format: "jwk" });
    return new SignJWT(payload).setProtectedHeader({ ...header(), jwk }).sign(privateKey);
  }

  function criticalExtension(payload: JWTPayload): Promise<string> {
    return new SignJWT(payload)
      .setProtectedHeader({ ...header(), crit: ["exotic"], exotic: true })
      .sign(signingKey.privateKey, { crit: { exotic: true } });
  }
});

describe("the signing key", () => {
  it("is readable by its owner alone", async () => {
    expect((await stat(join(dataDir, "service-account.key"))).mode & 0o777).toBe(0o600);
  });

  it("is one, however many ask for it first", async () => {
    const fresh = await mkdtemp(join(tmpdir(), "slipway-keys-"));
    const ids = await Promise.all(Array.from({ length: 4 }, async () => (await loadSigningKey(fresh)).id));
    expect(new Set(ids).size).toBe(1);
    await rm(fresh, { recursive: true });
  });

  it.each([
    { because: "the file is empty", content: "" },
    { because: "the file ends half-way", content: "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMB" },
  ])("is refused with a remedy when $because", async ({ content }) => {
    const file = join(dataDir, "service-account.key");
    await writeFile(file, content);
    await expect(loadSigningKey(dataDir)).rejects.toThrow(
      `${file} holds no P-256 private key; restore it, or remove it`,
    );
    expect(await readFile(file, "utf8")).toBe(content);
  });
});

function without(claims: JWTPayload, name: string): JWTPayload {
  return Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name));
}

function flip(token: string): string {
  const at = token.length - 20;
  return token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
}
