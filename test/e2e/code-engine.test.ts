import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { buildQuickstartImage } from "../../examples/quickstart/build-image.ts";
import { CodeEngineEmulator } from "../support/code-engine/emulator.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { apiKeySecret, codeEngineBackend, quickstartOnCodeEngine } from "../support/code-engine-manifests.ts";
import { eventually } from "../support/eventually.ts";
import { conditionOf, Installation, readyOf } from "../support/installation.ts";

jest.setTimeout(240_000);

const NAMES = ["public", "private", "project", "mover", "sleeper"];
const PATIENCE = { timeoutMs: 90_000 };

describe("Code Engine, as far as its emulator is it", () => {
  let emulator: CodeEngineEmulator;
  let slipway: Installation;
  const keys: string[] = [];

  beforeAll(async () => {
    await buildQuickstartImage(() => undefined);
    emulator = await CodeEngineEmulator.start({ docker: "real", timings: { idleMs: 3_000 } });
    emulator.createProject({ name: "tools" });
    const apiKey = emulator.createApiKey();
    keys.push(apiKey);
    slipway = await Installation.start();
    const codeEngine = {
      endpoints: { logs: emulator.logsUrl },
      logsInstanceId: emulator.createLogsInstance(),
    };
    await slipway.kubectl.apply(...codeEngineBackend({ emulator, apiKey, codeEngine }));
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    await emulator?.[Symbol.asyncDispose]();
  });

  it("connects the quickstart when it is public, with a container behind it", async () => {
    await slipway.kubectl.apply(quickstartOnCodeEngine("public", { exposure: { visibility: "public" } }));
    const { status } = await slipway.untilPhase("public", "Connected", PATIENCE);
    expect(status).toMatchObject({
      workload: { backend: "ibm", restartCount: 0 },
      mcp: { serverInfo: { name: "mcp-servers/everything" } },
      guardrails: { limits: { cpu: "125m", memory: "250M" } },
    });
    const client = new Client({ name: "test", version: "1" });
    await client.connect(new StreamableHTTPClientTransport(new URL(status?.url ?? "")));
    const { content } = await client.callTool({ name: "echo", arguments: { message: "ahoy" } });
    await client.close();
    expect(content).toEqual([{ type: "text", text: expect.stringContaining("ahoy") }]);
  });

  it.each(["private", "project"])("runs it by the platform's word when it is for the %s", async (visibility) => {
    await slipway.kubectl.apply(quickstartOnCodeEngine(visibility, { exposure: { visibility } }));
    const found = await slipway.untilPhase(visibility, "Running", PATIENCE);
    expect(readyOf(found)).toMatchObject({ status: "True", reason: "PlatformReady" });
    expect(conditionOf(found.status, "McpConnected")).toMatchObject({
      status: "Unknown",
      reason: "EndpointNotReachable",
    });
  });

  it("makes nothing of what a strict profile wants and Code Engine cannot", async () => {
    await slipway.kubectl.apply({
      apiVersion: "slipway.dev/v1alpha1",
      kind: "GuardrailProfile",
      metadata: { name: "strict" },
      spec: { enforcement: "Strict", filesystem: { readOnlyRoot: true } },
    });
    emulator.calls.clear();
    await slipway.kubectl.apply(quickstartOnCodeEngine("strict", { guardrails: { profile: "strict" } }));
    const refused = await slipway.untilFailing("strict", "GuardrailNotEnforced");
    expect(refused.message).toContain("filesystem.readOnlyRoot");
    expect(emulator.calls.writes()).toEqual([]);
    await slipway.kubectl.run(["delete", "rtd", "strict", "--wait=false"]);
    await slipway.untilGone("strict");
  });

  it("shows its logs, and what it uses", async () => {
    const kubeconfig = ["--kubeconfig", slipway.kubectl.kubeconfig];
    const { stdout } = await slipway.process.command("logs", "public", "--tail", "20", ...kubeconfig);
    expect(stdout).toMatch(/\S/);
    const { stdout: shown } = await slipway.process.command("status", "public", ...kubeconfig);
    expect(shown).toMatch(/^Use: +1 instance, CPU \d+m of \d+m?, memory \d+Mi? of \d/m);
  });

  it("goes on with another key when its own is revoked", async () => {
    const before = await slipway.get("public");
    const other = emulator.createApiKey();
    for (const key of keys) emulator.revokeApiKey(key);
    await slipway.kubectl.apply(apiKeySecret(other));
    keys.push(other);
    await slipway.patch("public", { spec: { env: [{ name: "ROTATED", value: "yes" }] } });
    const after = await slipway.until(
      "public",
      ({ metadata, status }) => status?.phase === "Connected" && status.workload?.generation === metadata.generation,
      PATIENCE,
    );
    expect(after.status?.url).toBe(before.status?.url);
    expect(after.status?.workload?.endpoint).toBe(before.status?.workload?.endpoint);
    expect(after.status?.workload).toMatchObject({ id: before.status?.workload?.id, restartCount: 0 });
  });

  it.concurrent("lets a server go to sleep that answered once, and leaves it there", async () => {
    const spec = { exposure: { visibility: "public" }, scaling: { min: 0, max: 1 } };
    await slipway.kubectl.apply(quickstartOnCodeEngine("sleeper", spec));
    const found = await slipway.until("sleeper", (each) => readyOf(each)?.reason === "ScaledToZero", PATIENCE);
    expect(found.status).toMatchObject({ phase: "Running", mcp: { serverInfo: { name: "mcp-servers/everything" } } });
    const admin = new PlainClient(emulator.handlers, emulator.createApiKey());
    const [project] = (await admin.get("/projects")).body.projects as { id: string }[];
    const path = `/projects/${project?.id}/apps/${found.status?.workload?.id}/instances`;
    const count = async () => ((await admin.get(path)).body.instances as unknown[]).length;
    await eventually("there is no instance", async () => (await count()) === 0);
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(await count()).toBe(0);
    const kubeconfig = ["--kubeconfig", slipway.kubectl.kubeconfig];
    const told = async () => {
      const { code, stdout, stderr } = await slipway.process.command("logs", "sleeper", ...kubeconfig);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return stdout !== "";
    };
    await eventually("its log is found in the history", told, { explain: () => slipway.explain("sleeper") });
    const answer = await fetch(found.status?.url ?? "", { method: "POST", body: "{}" });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(await count()).toBe(1);
    await answer.body?.cancel();
  });

  it.concurrent("stops, so that nothing serves, and starts under the same URL", async () => {
    const before = await slipway.get("public");
    await slipway.patch("public", { spec: { desiredState: "Stopped" } });
    await slipway.untilPhase("public", "Stopped", PATIENCE);
    await expect(fetch(before.status?.workload?.endpoint ?? "")).rejects.toThrow("fetch failed");
    expect((await fetch(before.status?.url ?? "", { method: "POST", body: "{}" })).status).toBe(503);
    await slipway.patch("public", { spec: { desiredState: "Running" } });
    const after = await slipway.untilPhase("public", "Connected", PATIENCE);
    expect(after.status?.url).toBe(before.status?.url);
  });

  it.concurrent("moves from Docker to Code Engine and back, and stays the same deployment", async () => {
    const spec = { backend: "docker", exposure: { visibility: "public" } };
    await slipway.kubectl.apply(quickstartOnCodeEngine("mover", spec));
    const first = await slipway.untilPhase("mover", "Connected", PATIENCE);
    expect(conditionOf(first.status, "Accepted")?.message).toContain("spec.exposure.visibility has no effect");
    const on = (backend: string) =>
      slipway.until(
        "mover",
        ({ status }) => status?.phase === "Connected" && status.workload?.backend === backend,
        PATIENCE,
      );

    await slipway.patch("mover", { spec: { backend: "ibm" } });
    const second = await on("ibm");
    expect(await slipway.containers("mover")).toEqual([]);
    await slipway.patch("mover", { spec: { backend: "docker" } });
    const third = await on("docker");
    expect(await slipway.containers("mover")).toHaveLength(1);
    const apps = () => emulator.calls.matching({ method: "POST", path: "/apps" }).length;
    expect(apps()).toBeGreaterThan(0);
    for (const each of [second, third]) {
      expect(each.metadata.uid).toBe(first.metadata.uid);
      expect(each.status?.workload?.restartCount).toBe(0);
    }
  });

  it("leaves a revision in place that serves when the next one cannot be had", async () => {
    const takeBack = emulator.failures.add({
      kind: "revision",
      reason: "fetch_image_failed_unknown_manifest",
      image: /:missing$/,
    });
    await slipway.patch("public", { spec: { source: { image: { reference: "slipway.local/everything:missing" } } } });
    const stalled = await slipway.until(
      "public",
      ({ status }) => conditionOf(status, "Stalled") !== undefined,
      PATIENCE,
    );
    takeBack();
    expect(readyOf(stalled)).toMatchObject({ status: "True", reason: "Connected" });
    expect(conditionOf(stalled.status, "Stalled")).toMatchObject({ reason: "ImageNotFound" });
  });

  it("leaves nothing in the project when deployments are deleted, and tells the key to nobody", async () => {
    for (const name of NAMES) {
      await slipway.kubectl.run(["delete", "rtd", name, "--wait=false"]);
    }
    for (const name of NAMES) await slipway.untilGone(name);
    const admin = new PlainClient(emulator.handlers, emulator.createApiKey());
    await eventually("the project is empty", async () => {
      const [project] = (await admin.get("/projects")).body.projects as { id: string }[];
      const kinds = ["apps", "secrets", "config_maps"] as const;
      const lists = await Promise.all(
        kinds.map(async (kind) => (await admin.get(`/projects/${project?.id}/${kind}`)).body[kind]),
      );
      const left = (lists as { name: string }[][]).flat();
      return left.length === 0;
    });
    const told = await slipway.kubectl.run(["get", "events,runtimebackends", "--all-namespaces", "--output", "json"]);
    for (const key of keys) expect(`${slipway.process.output}${told}`).not.toContain(key);
  });
});
