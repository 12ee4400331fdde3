import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { type KubeconfigSource, loadKubeTarget } from "./kubeconfig.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-kubeconfig-"));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

function kubeconfig({
  name = "a",
  cluster = {},
  user = {},
}: {
  name?: string;
  cluster?: object;
  user?: object;
} = {}): string {
  return JSON.stringify({
    "current-context": name,
    clusters: [{ name, cluster: { server: `https://${name}.example.com:6443`, ...cluster } }],
    users: [{ name, user: { token: `token-of-${name}`, ...user } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
  });
}

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

describe("the target of a kubeconfig", () => {
  it("is its current context", async () => {
    const { cluster, user } = await loadKubeTarget({ kubeconfigText: kubeconfig() }, {});
    expect([cluster.server, user.token]).toEqual(["https://a.example.com:6443", "token-of-a"]);
  });

  it("has paths that are relative to the file", async () => {
    const cluster = { "certificate-authority": "ca.pem" };
    const user = { "client-certificate": "tls/cert.pem", "client-key": "/abs/key.pem", tokenFile: "token" };
    const path = await file("config", kubeconfig({ cluster, user }));
    const target = await loadKubeTarget({ kubeconfigPath: path }, {});
    expect(target.cluster.caFile).toBe(join(directory, "ca.pem"));
    expect(target.user).toMatchObject({
      certFile: join(directory, "tls/cert.pem"),
      keyFile: "/abs/key.pem",
      authProvider: { name: "tokenFile", config: { tokenFile: join(directory, "token") } },
    });
    expect(target.user.token).toBeUndefined();
  });

  it("comes from the files of KUBECONFIG, where the first that says something wins", async () => {
    const first = await file("first", kubeconfig({ name: "a" }));
    const second = await file("second", kubeconfig({ name: "b" }));
    const KUBECONFIG = [join(directory, "missing"), first, second].join(":");
    expect((await loadKubeTarget({}, { KUBECONFIG })).cluster.name).toBe("a");
  });

  it("is the pod's service account where there is no kubeconfig", async () => {
    const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
    const target = await loadKubeTarget({}, env);
    expect(target.cluster.server).toBe("https://[fd00::1]:443");
    expect(await loadKubeTarget({ inCluster: true }, { ...env, KUBECONFIG: "/nowhere" })).toEqual(target);
  });

  const secret = "hunter2";
  const refusals: { because: string; source: KubeconfigSource; says: string }[] = [
    { because: "nothing names one", source: {}, says: "KUBECONFIG" },
    { because: "the file is missing", source: { kubeconfigPath: "/nowhere/config" }, says: "/nowhere/config" },
    { because: "it is not YAML", source: { kubeconfigText: `{token: ${secret}` }, says: "not YAML" },
    { because: "it is no kubeconfig", source: { kubeconfigText: "[]" }, says: "not a kubeconfig" },
    { because: "no context is chosen", source: { kubeconfigText: "{}" }, says: "current-context" },
    {
      because: "the context is not there",
      source: { kubeconfigText: kubeconfig().replace('"current-context":"a"', '"current-context":"x"') },
      says: 'context "x"',
    },
    {
      because: "it has no server",
      source: { kubeconfigText: kubeconfig({ cluster: { server: "" } }) },
      says: "server",
    },
    {
      because: "the server is no URL",
      source: { kubeconfigText: kubeconfig({ cluster: { server: "kube:6443" } }) },
      says: "https",
    },
    {
      because: "credentials would travel in the clear",
      source: { kubeconfigText: kubeconfig({ cluster: { server: "http://kube.example.com" } }) },
      says: "not encrypted",
    },
  ];

  it.each(refusals)("is refused with the remedy: $because", async ({ source, says }) => {
    const error: unknown = await loadKubeTarget(source, {}).catch((cause: unknown) => cause);
    expect(String(error)).toContain(says);
    expect(String(error)).not.toContain(secret);
  });
});
