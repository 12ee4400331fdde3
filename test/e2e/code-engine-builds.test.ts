import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { CodeEngineEmulator } from "../support/code-engine/emulator.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { codeEngineBackend } from "../support/code-engine-manifests.ts";
import { eventually } from "../support/eventually.ts";
import { GitServer } from "../support/git-server.ts";
import { ensureMcpImage, MCP_IMAGE } from "../support/images.ts";
import { conditionOf, Installation } from "../support/installation.ts";
import { REGISTRY_USER, Registry } from "../support/registry.ts";

jest.setTimeout(240_000);

const PATIENCE = { timeoutMs: 120_000 };
const PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nnobody-may-see-this\n-----END OPENSSH PRIVATE KEY-----\n";

/** A server whose only tool has this name. */
const serving = (tool: string) => `FROM ${MCP_IMAGE}\nARG GREETING\nENV TOOLS=${tool} GREETING=$GREETING\n`;
const FAILING = `FROM ${MCP_IMAGE}\nRUN ["/usr/bin/node", "-e", "console.log('no such luck'); process.exit(3)"]\n`;

function deployment(name: string, git: Record<string, unknown>, spec: Record<string, unknown> = {}) {
  return {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeDeployment",
    metadata: { name, namespace: "default" },
    spec: {
      backend: "ibm",
      source: { git: { push: { repository: "registry.test/team/files", secretRef: { name: "push" } }, ...git } },
      resources: { cpu: "250m", memory: "512M" },
      ...spec,
    },
  };
}

describe("images that Code Engine builds from git, as far as its emulator is it", () => {
  let git: GitServer;
  let registry: Registry;
  let emulator: CodeEngineEmulator;
  let slipway: Installation;
  let admin: PlainClient;
  let home: string;
  let firstCommit: string;

  beforeAll(async () => {
    await ensureMcpImage();
    git = await GitServer.start();
    registry = await Registry.start({ credentials: true });
    firstCommit = await git.commit("team/files", { "server/Dockerfile": serving("first") });
    await git.commit("team/broken", { Dockerfile: FAILING });
    emulator = await CodeEngineEmulator.start({
      docker: "real",
      gitAliases: { "https://git.example/": git.url, "git@git.example:": git.url },
      imageAliases: { "registry.test/": `${registry.address}/` },
    });
    home = `/projects/${emulator.createProject({ name: "tools" }).id}`;
    admin = new PlainClient(emulator.handlers, emulator.createApiKey());
    slipway = await Installation.start();
    const secret = (name: string, type: string, stringData: object) => ({
      ...{ apiVersion: "v1", kind: "Secret", metadata: { name, namespace: "default" } },
      ...{ type, stringData },
    });
    const auths = { "registry.test": REGISTRY_USER };
    await slipway.kubectl.apply(
      secret("push", "kubernetes.io/dockerconfigjson", { ".dockerconfigjson": JSON.stringify({ auths }) }),
    );
    await slipway.kubectl.apply(secret("key", "kubernetes.io/ssh-auth", { "ssh-privatekey": PRIVATE_KEY }));
    const codeEngine = { endpoints: { registry: `http://${registry.address}` } };
    await slipway.kubectl.apply(...codeEngineBackend({ emulator, apiKey: emulator.createApiKey(), codeEngine }));
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    await emulator?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
    await git?.[Symbol.asyncDispose]();
  });

  async function toolsOf(url: string): Promise<string[]> {
    const client = new Client({ name: "test", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    const { tools } = await client.listTools();
    await client.close();
    return tools.map(({ name }) => name);
  }
  async function left(): Promise<string[]> {
    const kinds = ["apps", "builds", "build_runs", "secrets", "config_maps", "jobs"] as const;
    const lists = await Promise.all(
      kinds.map(async (kind) => (await admin.get(`${home}/${kind}`)).body[kind] as { name: string }[]),
    );
    return lists.flat().map(({ name }) => name);
  }

  it("run, made from the commit that their status names", async () => {
    const source = { url: "https://git.example/team/files", contextDir: "server", buildArgs: { GREETING: "ahoy" } };
    await slipway.kubectl.apply(deployment("files", source, { exposure: { visibility: "public" } }));
    const { status } = await slipway.untilPhase("files", "Connected", PATIENCE);
    expect(status?.build).toMatchObject({
      phase: "Succeeded",
      attempt: 1,
      commit: firstCommit,
      image: expect.stringMatching(/^registry\.test\/team\/files@sha256:[0-9a-f]{64}$/),
    });
    expect(await toolsOf(status?.url ?? "")).toEqual(["first"]);
    const [run] = (await admin.get(`${home}/build_runs`)).body.build_runs as { status_details: object }[];
    const digest = status?.build?.image?.split("@")[1];
    expect(run?.status_details).toMatchObject({ output_digest: digest, git_commit_sha: firstCommit });
  });

  it("print what they did", async () => {
    const kubeconfig = ["--kubeconfig", slipway.kubectl.kubeconfig];
    const { stdout } = await slipway.process.command("logs", "files", "--build", ...kubeconfig);
    expect(stdout).toContain("Cloning https://git.example/team/files");
    expect(stdout).toContain("ENV TOOLS=first");
  });

  it("are made anew of a branch that has moved when that is asked for", async () => {
    const second = await git.commit("team/files", { "server/Dockerfile": serving("second") });
    await slipway.patch("files", { metadata: { annotations: { "slipway.dev/rebuild": "1" } } });
    const after = await slipway.until(
      "files",
      ({ status }) => status?.phase === "Connected" && status.build?.commit === second,
      PATIENCE,
    );
    await eventually("the new one serves", async () => (await toolsOf(after.status?.url ?? "")).includes("second"));
    const runs = async () => (await admin.get(`${home}/build_runs`)).body.build_runs as unknown[];
    await eventually("the older run is gone", async () => (await runs()).length === 1);
  });

  it.concurrent("clone with a key", async () => {
    const source = { url: "git@git.example:team/files", contextDir: "server", credentialsRef: { name: "key" } };
    await slipway.kubectl.apply(deployment("keyed", source));
    const { status } = await slipway.untilPhase("keyed", "Running", PATIENCE);
    expect(status?.build).toMatchObject({ phase: "Succeeded" });
  });

  it.concurrent("say why they fail, with the end of what they printed", async () => {
    await slipway.kubectl.apply(deployment("broken", { url: "https://git.example/team/broken" }));
    const { status } = await slipway.until(
      "broken",
      (each) => conditionOf(each.status, "Stalled") !== undefined,
      PATIENCE,
    );
    expect(conditionOf(status, "Stalled")).toMatchObject({
      status: "True",
      reason: "BuildFailed",
      message: expect.stringContaining("a step of the build failed"),
    });
    expect(status?.build).toMatchObject({
      phase: "Failed",
      reason: "BuildFailed",
      logTail: expect.arrayContaining(["no such luck"]),
    });
  });

  it("are refused before any call where there is nowhere to push to", async () => {
    emulator.calls.clear();
    const source = { url: "https://git.example/team/files", push: undefined };
    await slipway.kubectl.apply(deployment("nowhere", source));
    const refused = await slipway.untilFailing("nowhere", "InvalidSpec");
    expect(refused.message).toContain("spec.source.git.push: must be set for Code Engine");
    expect(emulator.calls.writes()).toEqual([]);
  });

  it("leave nothing in the project, and show no secret to anybody", async () => {
    const names = ["files", "keyed", "broken", "nowhere"];
    for (const name of names) await slipway.kubectl.run(["delete", "rtd", name, "--wait=false"]);
    for (const name of names) await slipway.untilGone(name);
    await eventually("the project is empty", async () => (await left()).length === 0);
    const told = await slipway.kubectl.run(["get", "events,runtimebackends", "--all-namespaces", "--output", "json"]);
    for (const secret of [REGISTRY_USER.password, "nobody-may-see-this"])
      expect(`${slipway.process.output}${told}`).not.toContain(secret);
  });
});
