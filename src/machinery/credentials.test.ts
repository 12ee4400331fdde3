import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { answer, FakeApi, refuse } from "../../test/support/fake-api.ts";
import { configMaps } from "../api/core.ts";
import { createCredentialSource } from "./credentials.ts";
import { createKubeClient } from "./http-kube-client.ts";
import { loadKubeTarget } from "./kubeconfig.ts";

let directory: string;
let nowMs: number;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-credentials-"));
  nowMs = 0;
});

afterEach(() => rm(directory, { recursive: true, force: true }));

async function source(user: object, cluster: object = {}) {
  const kubeconfigText = JSON.stringify({
    "current-context": "a",
    clusters: [{ name: "a", cluster: { server: "https://a.example.com", ...cluster } }],
    users: [{ name: "a", user }],
    contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
  });
  return createCredentialSource(await loadKubeTarget({ kubeconfigText }, {}), () => nowMs);
}

/** An exec plugin that counts its runs into a file and answers the count as a token. */
async function plugin(): Promise<{ exec: object; runs: () => Promise<number> }> {
  const counter = join(directory, "runs");
  const script = join(directory, "plugin.mjs");
  await writeFile(
    script,
    `import { appendFileSync, readFileSync } from "node:fs";
     appendFileSync(${JSON.stringify(counter)}, "x");
     const info = JSON.parse(process.env.KUBERNETES_EXEC_INFO);
     const token = info.apiVersion + "/" + process.env.EXTRA + "/" + readFileSync(${JSON.stringify(counter)}).length;
     console.log(JSON.stringify({ status: { token } }));`,
  );
  const apiVersion = "client.authentication.k8s.io/v1";
  const exec = { apiVersion, command: process.execPath, args: [script], env: [{ name: "EXTRA", value: "e" }] };
  return { exec, runs: async () => (await readFile(counter, "utf8")).length };
}

describe("credentials", () => {
  it.each([
    { because: "a token", user: { token: "t\n" }, headers: { Authorization: "Bearer t" } },
    { because: "name and password", user: { username: "u", password: "p" }, headers: { Authorization: "Basic dTpw" } },
    {
      because: "another identity",
      user: { token: "t", as: "jane" },
      headers: { Authorization: "Bearer t", "Impersonate-User": "jane" },
    },
    {
      because: "another identity in groups",
      user: { token: "t", as: "jane", "as-groups": ["security", "ops"] },
      headers: { Authorization: "Bearer t", "Impersonate-User": "jane", "Impersonate-Group": ["security", "ops"] },
    },
    { because: "nobody", user: {}, headers: {} },
  ])("are what the user entry says: $because", async ({ user, headers }) => {
    expect((await (await source(user)).current()).headers).toEqual(headers);
  });

  it("hold the material of the TLS connection", async () => {
    const file = join(directory, "key");
    await writeFile(file, "KEY");
    const base64 = (text: string) => Buffer.from(text).toString("base64");
    const credentials = await source(
      { "client-certificate-data": base64("CERT"), "client-key": file },
      { "certificate-authority-data": base64("CA"), "tls-server-name": "kube", "insecure-skip-tls-verify": true },
    );
    expect((await credentials.current()).tls).toEqual({
      ca: Buffer.from("CA"),
      cert: Buffer.from("CERT"),
      key: Buffer.from("KEY"),
      servername: "kube",
      rejectUnauthorized: false,
    });
  });

  it("follow a token file that is replaced, and read it no more often than needed", async () => {
    const tokenFile = join(directory, "token");
    await writeFile(tokenFile, "one\n");
    const credentials = await source({ tokenFile });
    expect((await credentials.current()).headers.Authorization).toBe("Bearer one");
    await writeFile(tokenFile, "two\n");
    nowMs = 9_999;
    expect((await credentials.current()).headers.Authorization).toBe("Bearer one");
    nowMs = 10_000;
    expect((await credentials.current()).headers.Authorization).toBe("Bearer two");
    await writeFile(tokenFile, "three\n");
    credentials.renew();
    expect((await credentials.current()).headers.Authorization).toBe("Bearer three");
  });

  it("are tried again after they could not be read", async () => {
    const tokenFile = join(directory, "token");
    const credentials = await source({ tokenFile });
    await expect(credentials.current()).rejects.toThrow("ENOENT");
    await writeFile(tokenFile, "one");
    expect((await credentials.current()).headers.Authorization).toBe("Bearer one");
  });

  it("come from an exec plugin, which runs once for all who wait", async () => {
    const { exec, runs } = await plugin();
    const credentials = await source({ exec });
    const all = await Promise.all(Array.from({ length: 16 }, () => credentials.current()));
    expect(new Set(all.map(({ headers }) => headers.Authorization))).toEqual(
      new Set(["Bearer client.authentication.k8s.io/v1/e/1"]),
    );
    nowMs = 60_000;
    await credentials.current();
    expect(await runs()).toBe(1);
    credentials.renew();
    expect((await credentials.current()).headers.Authorization).toContain("/2");
  });

  it("come from the client library where a provider is rare", async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const token = `${part({ alg: "none" })}.${part({ exp: Math.ceil(Date.now() / 1000) + 3_600 })}.x`;
    const credentials = await source({ "auth-provider": { name: "oidc", config: { "id-token": token } } });
    expect((await credentials.current()).headers).toEqual({ Authorization: `Bearer ${token}` });
  });

  it("are read anew when the server refuses them, once", async () => {
    await using api = await FakeApi.start();
    const tokenFile = join(directory, "token");
    await writeFile(tokenFile, "old");
    using client = await createKubeClient({ kubeconfigText: api.kubeconfig({ tokenFile }) });
    api.failNext("any", async (response, request) => {
      await writeFile(tokenFile, "new");
      refuse(401, "Unauthorized")(response, request);
    });
    await client.list(configMaps);
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual(["Bearer old", "Bearer new"]);
    api.failNext("any", refuse(401, "Unauthorized"), refuse(401, "Unauthorized"), answer(200, "{}"));
    await expect(client.list(configMaps)).rejects.toMatchObject({ code: 401 });
    expect(api.requests).toHaveLength(4);
  });
});
