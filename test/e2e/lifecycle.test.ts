import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage, Program, programCommand } from "../support/images.ts";
import { conditionOf, deployment, Installation, readyOf } from "../support/installation.ts";

jest.setTimeout(180_000);

const PATIENCE = { timeoutMs: 120_000 };

describe("the life of a deployment", () => {
  let slipway: Installation;

  beforeAll(async () => {
    await ensureMcpImage();
    slipway = await Installation.start();
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
  });

  it.concurrent.each([
    {
      because: "its image does not exist",
      name: "bad-image",
      bad: { source: { image: { reference: "slipway.test/nowhere:1", pullPolicy: "Never" } } },
      reason: "ImageNotFound",
    },
    {
      because: "it crashes",
      name: "bad-crash",
      bad: { command: programCommand(Program.crashes) },
      reason: "CrashLoopBackOff",
    },
    {
      because: "it speaks something else",
      name: "bad-garbage",
      bad: { command: programCommand(Program.garbage) },
      reason: "ProbeInvalidAnswer",
    },
  ])("goes on with the old version when $because", async ({ name, bad, reason }) => {
    await slipway.deploy(name);
    const before = await slipway.untilPhase(name, "Connected");
    const { id } = await slipway.container(name);

    await slipway.deploy(name, bad);
    const stalled = await slipway.until(
      name,
      ({ status }) => conditionOf(status, "Stalled")?.reason === reason,
      PATIENCE,
    );
    expect(stalled.status).toMatchObject({
      phase: "Connected",
      url: before.status?.url,
      workload: { id, generation: 1, endpoint: before.status?.workload?.endpoint },
    });
    expect(readyOf(stalled)?.status).toBe("True");
    expect((await slipway.engine.getContainer(id).inspect()).State.Running).toBe(true);

    await slipway.deploy(name, { command: null, env: [{ name: "TOOLS", value: "good" }] });
    const after = await slipway.until(
      name,
      ({ status }) => status?.phase === "Connected" && status.mcp?.toolNames?.includes("good") === true,
      PATIENCE,
    );
    expect(conditionOf(after.status, "Stalled")).toBeUndefined();
    const { url, workload: { endpoint } = {} } = before.status ?? {};
    expect(after.status).toMatchObject({ url, workload: { endpoint, generation: 3, restartCount: 0 } });
    await eventually("only the new one is left", async () => (await slipway.containers(name)).length === 1);
    await slipway.remove(name);
  });

  it.concurrent("rolls when a Secret that it uses changes", async () => {
    const secret = (tools: string) => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s" },
      stringData: { TOOLS: tools },
    });
    await slipway.kubectl.apply(secret("one"));
    await slipway.deploy("rolls", { envFrom: [{ secretRef: { name: "s" } }] });
    const before = await slipway.untilPhase("rolls", "Connected");
    expect(before.status?.mcp?.toolNames).toEqual(["one"]);
    await slipway.kubectl.apply(secret("one,two"));
    const after = await slipway.until(
      "rolls",
      ({ status }) => status?.phase === "Connected" && status.mcp?.toolNames?.length === 2,
    );
    const { url, workload: { endpoint } = {} } = before.status ?? {};
    expect(after.status).toMatchObject({ url, workload: { endpoint, restartCount: 0 } });
    const { Config } = await (await slipway.container("rolls")).inspect();
    expect(JSON.stringify(Config.Labels)).not.toContain("one,two");
    await slipway.remove("rolls");
  });

  it.concurrent("stops and starts with the same URL and data", async () => {
    await slipway.deploy("pausing", { volumes: [{ name: "data", mountPath: "/data", volume: {} }] });
    const before = await slipway.untilPhase("pausing", "Connected");
    const volumeOf = async () => {
      const { Mounts } = await (await slipway.container("pausing")).inspect();
      return Mounts.find(({ Destination }) => Destination === "/data")?.Name;
    };
    const volume = await volumeOf();

    await slipway.patch("pausing", { spec: { desiredState: "Stopped" } });
    const stopped = await slipway.untilPhase("pausing", "Stopped");
    expect(stopped.status?.url).toBeUndefined();
    expect((await slipway.containers("pausing")).filter(({ State }) => State === "running")).toEqual([]);

    await slipway.patch("pausing", { spec: { desiredState: "Running" } });
    const after = await slipway.untilPhase("pausing", "Connected");
    const { url, workload: { endpoint } = {} } = before.status ?? {};
    expect(after.status).toMatchObject({ url, workload: { endpoint, restartCount: 0 } });
    expect(await volumeOf()).toBe(volume);
    await slipway.remove("pausing");
  });

  it.concurrent("shows its log", async () => {
    await slipway.deploy("chatty", { env: [{ name: "GREETING", value: "hello from the log" }] });
    await slipway.untilPhase("chatty", "Connected");
    const kubeconfig = ["--kubeconfig", slipway.kubectl.kubeconfig];
    const all = await slipway.process.command("logs", "chatty", ...kubeconfig);
    expect(all).toMatchObject({ code: 0, stdout: expect.stringContaining("serves echo hello from the log") });
    const last = await slipway.process.command("logs", "chatty", "--tail", "1", ...kubeconfig);
    expect(last.stdout.trim().split("\n")).toHaveLength(1);
    const unknown = await slipway.process.command("logs", "nobody", ...kubeconfig);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining("nobody") });
    await slipway.remove("chatty");
  });

  it("goes on after a SIGTERM in the middle of a start", async () => {
    await slipway.deploy("interrupted");
    await sleep(150);
    expect(await slipway.process.terminate()).toBe(0);
    await slipway.process.start();
    const { status } = await slipway.untilPhase("interrupted", "Connected");
    expect(status?.workload?.restartCount).toBe(0);
    expect(await slipway.containers("interrupted")).toHaveLength(1);
    await slipway.remove("interrupted");
  });

  it("runs on while slipway is down, and is not touched when it comes back", async () => {
    await slipway.deploy("steady");
    const before = await slipway.untilPhase("steady", "Connected");
    await slipway.process.terminate();
    const answer = await fetch(before.status?.workload?.endpoint ?? "", {
      method: "POST",
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
    });
    expect(answer.status).toBe(200);
    await slipway.process.start();
    await sleep(3_000);
    const after = await slipway.get("steady");
    expect(after.metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    await slipway.remove("steady");
  });
});

describe("slipway up -f", () => {
  it("applies a folder of manifests before it is ready", async () => {
    await ensureMcpImage();
    const folder = mkdtempSync(join(tmpdir(), "slipway-manifests-"));
    try {
      const named = (name: string, namespace: string) => {
        const object = deployment(name) as { metadata: object };
        return JSON.stringify({ ...object, metadata: { name, namespace } });
      };
      writeFileSync(join(folder, "10-one.yaml"), named("one", "team-a"));
      writeFileSync(
        join(folder, "20-both.yaml"),
        `apiVersion: v1\nkind: Namespace\nmetadata: {name: team-a}\n---\n${named("two", "default")}`,
      );
      await using slipway = await Installation.start({ args: ["-f", folder] });
      const listed = await slipway.kubectl.run(["get", "rtd", "-A", "-o", "name"]);
      expect(listed.trim().split("\n").sort()).toEqual([
        "runtimedeployment.slipway.dev/one",
        "runtimedeployment.slipway.dev/two",
      ]);
      await slipway.untilPhase("two", "Connected");
      await slipway.kubectl.run(["wait", "-n", "team-a", "--for=condition=Ready", "rtd/one", "--timeout=60s"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses a manifest that cannot be read, and says which", async () => {
    await expect(Installation.start({ args: ["-f", "/nowhere.yaml"] })).rejects.toThrow("/nowhere.yaml");
  });
});
