import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { API_VERSION, type RuntimeBackend } from "../../src/api/v1alpha1/index.ts";
import { addPerson, policy, untilAsked } from "../support/approval-people.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage } from "../support/images.ts";
import { conditionOf, deployment, Installation } from "../support/installation.ts";
import { OwnEngine } from "../support/own-engine.ts";

jest.setTimeout(300_000);

/** How long the Engine stays away: past the waits of the first retries, which are where a loop would show. */
const OUTAGE_MS = process.env.SLIPWAY_SOAK ? 120_000 : 20_000;
/** Two for the news that it is away, and as many in reserve; an Engine that is asked in a loop makes hundreds. */
const MOST_WRITES = 4;

describe("an Engine that goes away", () => {
  let engine: OwnEngine;
  let slipway: Installation;

  beforeAll(async () => {
    engine = await new OwnEngine().start();
    await ensureMcpImage(engine.client);
    slipway = await Installation.start({ engine: engine.client });
    await slipway.kubectl.apply({
      apiVersion: API_VERSION,
      kind: "RuntimeBackend",
      metadata: { name: "own" },
      spec: { type: "docker", docker: { host: engine.host } },
    });
    await slipway.kubectl.run(["wait", "--for=condition=Available", "runtimebackend/own", "--timeout=60s"]);
  });
  afterAll(async () => {
    // What was made on it can only be removed while it runs.
    await engine?.start();
    await slipway?.[Symbol.asyncDispose]();
    await engine?.[Symbol.asyncDispose]();
  });

  it("brings its workloads back when it is restarted", async () => {
    await slipway.deploy("restarted", { backend: "own" });
    const before = await slipway.untilPhase("restarted", "Connected");
    const { id } = await slipway.container("restarted");

    await engine.stop();
    await engine.start();

    const after = await slipway.until(
      "restarted",
      ({ status }) => status?.phase === "Connected" && status.workload?.restartCount === 1,
      { timeoutMs: 120_000 },
    );
    expect(after.status?.url).toBe(before.status?.url);
    expect(after.status?.workload?.endpoint).toBe(before.status?.workload?.endpoint);
    expect((await slipway.container("restarted")).id).toBe(id);
    await slipway.untilEvent("restarted", "Restarted");
    await slipway.remove("restarted");
  });

  it("is reported while it is down, and everything goes on afterwards", async () => {
    await slipway.deploy("patient", { backend: "own" });
    const before = await slipway.untilPhase("patient", "Connected");
    const { id } = await slipway.container("patient");

    await engine.stop();
    const reported = await slipway.untilFailing("patient", "BackendUnavailable");
    expect(reported.message).toContain(engine.socket);
    const backend = await eventually("the backend is reported", async () => {
      const found = await slipway.kubectl.get<RuntimeBackend>("runtimebackend", "own");
      return found.status?.conditions?.find(({ type, status }) => type === "Available" && status === "False");
    });
    expect(backend.message).toContain(engine.socket);
    const [writes] = await Promise.all([slipway.countWrites("patient", OUTAGE_MS), sleep(OUTAGE_MS)]);
    expect(writes).toBeLessThanOrEqual(MOST_WRITES);

    await engine.start();
    const after = await slipway.until(
      "patient",
      ({ status }) => status?.phase === "Connected" && status.workload?.restartCount === 1,
      { timeoutMs: 120_000 },
    );
    expect(after.status?.url).toBe(before.status?.url);
    expect(after.status?.workload?.endpoint).toBe(before.status?.workload?.endpoint);
    expect((await slipway.container("patient")).id).toBe(id);
    await slipway.kubectl.run(["wait", "--for=condition=Available", "runtimebackend/own", "--timeout=60s"]);
    await slipway.remove("patient");
  });

  it("starts what was approved again, and nothing else, when it is restarted while a newer version waits", async () => {
    const approver = await addPerson(slipway, "sam", { roles: ["slipway-approver"], groups: ["security"] });
    const developer = await addPerson(slipway, "dana", { roles: ["slipway-developer"] });
    await slipway.kubectl.apply(policy("production"));
    await slipway.kubectl.run(["wait", "--for=condition=Accepted", "approvalpolicy/production", "--timeout=60s"]);
    const version = (value: string) => deployment("gated", { backend: "own", env: [{ name: "VERSION", value }] });
    await developer.kubectl.apply(version("approved"));
    const { metadata } = await untilAsked(slipway, "gated");
    await approver.slipway("approve", metadata.name, "--reason", "looked at it");
    await slipway.untilPhase("gated", "Connected");
    await developer.kubectl.apply(version("waiting"));
    await untilAsked(slipway, "gated");
    const { id } = await slipway.container("gated");

    await engine.stop();
    await engine.start();

    await slipway.until("gated", ({ status }) => status?.phase === "Connected" && status.workload?.restartCount === 1, {
      timeoutMs: 120_000,
    });
    const { Id, Config } = await (await slipway.container("gated")).inspect();
    expect(Id).toBe(id);
    expect(Config.Env).toContain("VERSION=approved");
    expect(conditionOf((await slipway.get("gated")).status, "Approved")).toMatchObject({
      status: "False",
      reason: "PendingApproval",
    });
    await slipway.remove("gated");
    await slipway.kubectl.run(["delete", "approvalpolicy", "production"]);
  });
});
