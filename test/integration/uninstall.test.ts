import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { uninstall } from "../../src/cli/uninstall.ts";
import { UsageError } from "../../src/cli/usage-error.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { Kubectl } from "../support/kubectl.ts";

let server: TestApiServer;
let kubectl: Kubectl;
beforeEach(async () => {
  server = await startTestApiServer();
  kubectl = new Kubectl(server.kubeconfig);
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const deployment = (namespace: string, name: string, finalizers: readonly string[] = []) => ({
  apiVersion: "slipway.dev/v1alpha1",
  kind: "RuntimeDeployment",
  metadata: { name, namespace, finalizers },
  spec: { source: { image: { reference: "x:1" } } },
});

const gateway = (name: string, finalizers: readonly string[] = []) => ({
  apiVersion: "slipway.dev/v1alpha1",
  kind: "McpGateway",
  metadata: { name, finalizers },
  spec: {
    ...{ type: "contextforge", url: "https://forge.example.com" },
    tokenSecretRef: { namespace: "slipway-system", name: "forge", key: "token" },
  },
});

async function run(options: { drain?: boolean; gateways?: boolean; timeout?: string } = {}) {
  const said = { stdout: "", stderr: "" };
  const into = (stream: keyof typeof said) => ({
    write(chunk: string | Uint8Array) {
      said[stream] += String(chunk);
      return true;
    },
  });
  const context = { stdout: into("stdout"), stderr: into("stderr"), env: {}, signal: new AbortController().signal };
  const code = await uninstall({ kubeconfig: server.kubeconfig, timeout: "240", ...options }, context);
  return { code, ...said };
}

describe("slipway uninstall", () => {
  it("has nothing against it where nothing is left", async () => {
    expect(await run()).toEqual({ code: 0, stdout: "no RuntimeDeployment is left\n", stderr: "" });
  });

  it("has nothing against it where the kind is not there", async () => {
    await kubectl.run(["delete", "crd", "runtimedeployments.slipway.dev"]);
    expect((await run({ drain: true })).code).toBe(0);
  });

  it("names what is left in every namespace, and touches nothing", async () => {
    await kubectl.run(["create", "namespace", "team-a"]);
    await kubectl.apply(deployment("default", "files"), deployment("team-a", "search"));
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toContain("2 RuntimeDeployments left");
    expect(stderr).toContain("  default/files\n  team-a/search\n");
    expect(await kubectl.run(["get", "rtd", "-A", "-o", "name"])).toMatch(/files\n.*search/);
  });

  it("tells fifty names, and how many more there are", async () => {
    const many = Array.from({ length: 53 }, (_, index) => deployment("default", `d${index}`));
    await kubectl.apply(...many);
    const { stderr } = await run();
    expect(stderr.match(/^ {2}default\//gm)).toHaveLength(50);
    expect(stderr).toMatch(/and 3 more\n$/);
  });

  it("drains: deletes all, and waits for what holds them", async () => {
    await kubectl.apply(deployment("default", "files"), deployment("default", "held", ["example.com/held"]));
    const draining = run({ drain: true });
    // What a controller does when nothing is left outside.
    await kubectl.run(["wait", "rtd/held", "--for=jsonpath={.metadata.deletionTimestamp}", "--timeout=30s"]);
    await kubectl.run(["patch", "rtd", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
    expect(await draining).toEqual({
      code: 0,
      stdout: "deleting 2 RuntimeDeployments\nno RuntimeDeployment is left\n",
      stderr: "",
    });
  });

  it("names what is held when its time is over", async () => {
    await kubectl.apply(deployment("default", "files"), deployment("default", "held", ["example.com/held"]));
    const { code, stderr } = await run({ drain: true, timeout: "1" });
    expect(code).toBe(1);
    expect(stderr).toContain("1 RuntimeDeployment still there after 1 s");
    expect(stderr).toContain("  default/held\n");
    await kubectl.run(["patch", "rtd", "held", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
  });

  it("counts gateways where their kind is to go, since a finalizer would hold that up", async () => {
    await kubectl.apply(gateway("forge", ["slipway.dev/registrations"]));
    expect((await run()).code).toBe(0);
    const { code, stderr } = await run({ gateways: true });
    expect(code).toBe(1);
    expect(stderr).toContain("1 McpGateway left");
    expect(stderr).toContain("  forge\n");
    const draining = run({ gateways: true, drain: true });
    await kubectl.run(["wait", "mcpgateway/forge", "--for=jsonpath={.metadata.deletionTimestamp}", "--timeout=30s"]);
    await kubectl.run(["patch", "mcpgateway", "forge", "--type=merge", "-p", '{"metadata":{"finalizers":null}}']);
    expect(await draining).toEqual({
      code: 0,
      stdout: "no RuntimeDeployment is left\ndeleting 1 McpGateway\nno McpGateway is left\n",
      stderr: "",
    });
  });

  it.each(["", "soon", "0", "1.5"])("takes --timeout %j for a mistake", async (timeout) => {
    await expect(run({ timeout })).rejects.toThrow(UsageError);
  });

  it("needs no more rights than the chart gives it", async () => {
    const user = new Kubectl(await server.addUser("uninstaller"));
    const rights = [
      "create",
      "clusterrole",
      "uninstall",
      "--verb=list,delete",
      "--resource=runtimedeployments.slipway.dev",
    ];
    await kubectl.run(rights);
    await kubectl.run(["create", "clusterrolebinding", "uninstall", "--clusterrole=uninstall", "--user=uninstaller"]);
    await kubectl.apply(deployment("default", "files"));
    const context = {
      stdout: { write: () => true },
      stderr: { write: () => true },
      env: {},
      signal: new AbortController().signal,
    };
    expect(await uninstall({ kubeconfig: user.kubeconfig, drain: true, timeout: "60" }, context)).toBe(0);
  });
});
