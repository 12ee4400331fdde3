import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, IMAGE, KEY } from "../../../test/support/deployment-world.ts";

const NEWER = "registry.test/files:2";
const NEWER_SPEC = { source: { image: { reference: NEWER } } };

async function connected(world = new DeploymentWorld(), spec: Parameters<DeploymentWorld["apply"]>[0] = {}) {
  world.apply(spec);
  await world.until(() => world.connected() && world.settled());
  world.engine.log.length = 0;
  world.events.length = 0;
  return world;
}

describe("a deployment's life", () => {
  it("goes from apply to Connected and back to nothing", async () => {
    const world = new DeploymentWorld();
    world.apply();
    await world.until(() => world.connected());
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.status.url).toBe("http://gateway.test/team-a/files/mcp");
    expect(world.status.workload).toMatchObject({ backend: "docker", generation: 1, restartCount: 0 });
    expect(world.status.workload).toMatchObject({
      transport: "streamable-http",
      endpoint: `http://127.0.0.1:${world.current().hostPort}/mcp`,
    });
    expect(world.engine.log).toEqual(["create current", "start current"]);
    world.delete();
    await world.until(() => world.deployments.get(KEY) === undefined);
    expect(world.containers()).toEqual([]);
    expect(world.phases).toEqual(["Deploying", "Connected", "Deleting"]);
  });

  it("costs no write once it is settled", async () => {
    const world = await connected();
    const { writes, deployment } = world;
    for (let i = 0; i < 100; i++) {
      world.enqueue();
      await world.pass(10_000, 5_000);
    }
    expect(world.writes).toBe(writes);
    expect(world.deployment.metadata.resourceVersion).toBe(deployment.metadata.resourceVersion);
  });

  it("costs no write when the controller starts again", async () => {
    const world = await connected();
    const { writes } = world;
    world.kill();
    world.boot();
    await world.pass(60_000);
    expect(world.writes).toBe(writes);
  });

  it("asks the Engine for nothing that it need not on its way to Running", async () => {
    const world = new DeploymentWorld();
    world.engine.deaf = true;
    world.apply();
    await world.clock.advance(10);
    expect(Object.fromEntries(world.engine.calls)).toEqual({ resolveImage: 1, ensureImage: 1, create: 1, start: 1 });
  });

  it("stops, keeps its container, and starts again with the same port", async () => {
    const world = await connected();
    const { id, hostPort } = world.current();
    world.apply({ desiredState: "Stopped" });
    await world.until(() => world.status.phase === "Stopped");
    expect(world.condition("Ready")).toBe("False Stopped");
    expect(world.status.url).toBeUndefined();
    expect(world.current()).toMatchObject({ id, state: { kind: "exited" } });
    const { writes } = world;
    world.enqueue();
    await world.pass(60_000);
    expect(world.writes).toBe(writes);
    world.apply();
    await world.until(() => world.connected());
    expect(world.current()).toMatchObject({ id, hostPort });
    expect(world.status.workload?.restartCount).toBe(0);
    expect(world.engine.log).toEqual(["stop current", "start current"]);
  });

  it("is another when it is deleted and made again under its name", async () => {
    const world = await connected();
    const [before] = world.containers();
    world.delete();
    await world.until(() => world.deployments.get(KEY) === undefined);
    await connected(world);
    expect(world.containers()).toHaveLength(1);
    expect(world.current().spec.owner.uid).not.toBe(before?.spec.owner.uid);
    expect(world.status.workload?.restartCount).toBe(0);
  });

  it("shows how a pull goes on, and writes that seldom", async () => {
    const world = new DeploymentWorld();
    world.engine.pullMs = 20_000;
    world.apply();
    await world.until(() => world.condition("Reconciling") === "True Pulling");
    expect(world.status.phase).toBe("Pending");
    const { writes } = world;
    await world.pass(8_000);
    expect(world.status.conditions?.find(({ type }) => type === "Ready")?.message).toMatch(/layers/);
    expect(world.writes - writes).toBeLessThanOrEqual(5);
    await world.until(() => world.connected());
  });
});

describe("an update", () => {
  it("tries the newer revision beside the one that serves, and keeps the port", async () => {
    const world = await connected();
    const { hostPort } = world.current();
    world.engine.publish(NEWER);
    world.apply(NEWER_SPEC);
    await world.until(() => world.connected() && world.settled());
    expect(world.engine.log).toEqual([
      "create candidate",
      "start candidate",
      "delete candidate",
      "stop current",
      "delete current",
      "create current",
      "start current",
    ]);
    expect(world.current().hostPort).toBe(hostPort);
    expect(world.status.workload).toMatchObject({
      generation: 2,
      restartCount: 0,
      image: expect.stringContaining("@sha256"),
    });
    expect(world.events.filter(({ type }) => type === "Warning")).toEqual([]);
  });

  it.each([
    { because: "it never answers", program: { answers: "silent" }, reason: "ProbeTimeout" },
    { because: "it answers garbage", program: { answers: "garbage" }, reason: "ProbeInvalidAnswer" },
    {
      because: "it crashes",
      program: { answers: "silent", exits: { afterMs: 50, code: 3 } },
      reason: "CrashLoopBackOff",
    },
    { because: "it cannot start", program: { answers: "mcp", unstartable: "no such program" }, reason: "StartFailed" },
    {
      because: "it needs too much memory",
      program: { answers: "silent", exits: { afterMs: 50, code: 137, outOfMemory: true } },
      reason: "OutOfMemory",
    },
  ] as const)("leaves the old one serving when $because", async ({ program, reason }) => {
    const world = await connected();
    const { id } = world.current();
    world.engine.publish(NEWER, program);
    world.apply(NEWER_SPEC);
    await world.until(() => world.condition("Stalled") !== undefined);
    expect(world.condition("Stalled")).toBe(`True ${reason}`);
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.status.phase).toBe("Connected");
    expect(world.status.workload?.generation).toBe(1);
    await world.pass(1_800_000, 1_000);
    expect(world.current().id).toBe(id);
    expect(world.phases).toEqual(["Deploying", "Connected"]);
    const attempts = world.engine.log.filter((line) => line === "create candidate").length;
    expect(attempts).toBeGreaterThan(5);
    expect(attempts).toBeLessThan(25);

    world.apply();
    await world.until(() => world.settled() && world.condition("Stalled") === undefined);
    expect(world.containers()).toHaveLength(1);
    expect(world.current().id).toBe(id);
  });

  it("waits for an image that is missing, and takes it when it is there", async () => {
    const world = await connected();
    world.apply(NEWER_SPEC);
    await world.until(() => world.condition("Stalled") === "True ImageNotFound");
    expect(world.condition("Ready")).toBe("True Connected");
    const calls = world.engine.calls.get("resolveImage") ?? 0;
    await world.pass(60_000);
    expect((world.engine.calls.get("resolveImage") ?? 0) - calls).toBeLessThan(8);
    world.engine.publish(NEWER);
    await world.until(() => world.connected() && world.settled() && world.status.workload?.generation === 2);
    expect(world.condition("Stalled")).toBeUndefined();
  });

  it("repairs the old one while the newer one fails", async () => {
    const world = await connected();
    world.engine.publish(NEWER, { answers: "silent" });
    world.apply(NEWER_SPEC);
    await world.until(() => world.condition("Stalled") !== undefined);
    world.engine.halt(world.current());
    await world.until(() => world.condition("Ready") === "True Connected" && world.status.workload?.restartCount === 1);
    expect(world.condition("Stalled")).toBe("True ProbeTimeout");
  });

  it("takes the candidate away when the spec goes back to what runs", async () => {
    const world = await connected();
    const { id } = world.current();
    world.engine.publish(NEWER, { answers: "silent" });
    world.apply(NEWER_SPEC);
    await world.until(() => world.containers().length === 2);
    expect(world.condition("Reconciling")).toBe("True Verifying");
    world.apply();
    await world.until(() => world.settled() && world.containers().length === 1);
    expect(world.current().id).toBe(id);
    expect(world.status.workload?.generation).toBe(3);
  });

  it("replaces at once what does not serve", async () => {
    const world = new DeploymentWorld();
    world.engine.publish(IMAGE, { answers: "silent" });
    world.apply();
    await world.until(() => world.condition("Ready") === "False ProbeTimeout");
    world.engine.publish(NEWER);
    world.apply(NEWER_SPEC);
    await world.until(() => world.connected());
    expect(world.engine.log).not.toContain("create candidate");
  });

  it("protects a server that is down for a moment when the update comes", async () => {
    const world = await connected();
    await world.pass(3_600_000, 60_000);
    world.engine.publish(NEWER, { answers: "silent" });
    const { id } = world.current();
    world.engine.end(world.current(), 137);
    world.apply(NEWER_SPEC);
    await world.until(
      () => world.condition("Ready") === "True Connected" && world.condition("Reconciling") === "True Verifying",
    );
    expect(world.current().id).toBe(id);
  });

  it("runs the digest on though the tag moves", async () => {
    const world = await connected();
    const before = world.status.workload?.image;
    world.engine.publish(IMAGE, { answers: "mcp" }, "another content");
    world.enqueue();
    await world.pass(5_000);
    world.kill();
    world.boot();
    await world.pass(5_000);
    world.engine.remove(world.current());
    await world.until(() => world.status.workload?.restartCount === 1 && world.connected());
    expect(world.status.workload?.image).toBe(before);
  });

  it("rolls when a Secret changes, and not when it is only written again", async () => {
    const world = new DeploymentWorld();
    world.putSecret("token", { TOKEN: "hunter1" });
    await connected(world, { envFrom: [{ secretRef: { name: "token" } }] });
    const { id } = world.current();
    world.putSecret("token", { TOKEN: "hunter1" });
    await world.pass(5_000);
    expect(world.current().id).toBe(id);
    world.putSecret("token", { TOKEN: "hunter2" });
    await world.until(() => world.containers().length === 1 && world.current().id !== id && world.connected());
    expect(world.current().spec.env).toEqual({ TOKEN: "hunter2" });
    expect(world.status.workload?.restartCount).toBe(0);
    expect(JSON.stringify([world.status, world.events])).not.toMatch(/hunter/);
  });

  it("needs no trial by probe where nothing is probed", async () => {
    const world = new DeploymentWorld();
    world.apply({ health: { probe: "none" } });
    await world.until(() => world.status.phase === "Running");
    expect(world.condition("Ready")).toBe("True NotProbed");
    world.engine.publish(NEWER);
    world.apply({ health: { probe: "none" }, ...NEWER_SPEC });
    await world.until(() => world.settled() && world.status.workload?.generation === 2);
    expect(world.containers()).toHaveLength(1);
  });
});
