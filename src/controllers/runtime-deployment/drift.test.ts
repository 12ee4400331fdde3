import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld } from "../../../test/support/deployment-world.ts";

type World = DeploymentWorld;

async function connected(spec: Parameters<World["apply"]>[0] = {}): Promise<World> {
  const world = new DeploymentWorld();
  world.apply(spec);
  await world.until(() => world.connected() && world.settled());
  world.engine.log.length = 0;
  world.events.length = 0;
  return world;
}

describe("drift", () => {
  it.each([
    {
      because: "stopped by hand",
      harm: (world: World) => world.engine.halt(world.current()),
      restarts: 1,
      event: "Restarted",
    },
    {
      because: "killed behind the Engine's back",
      harm: (world: World) => world.engine.end(world.current(), 137),
      restarts: 1,
      event: "Restarted",
    },
    {
      because: "removed",
      harm: (world: World) => world.engine.remove(world.current()),
      restarts: 1,
      event: "Recreated",
    },
    {
      because: "paused",
      harm: (world: World) => {
        world.current().state = { kind: "paused" };
        world.engine.notify(world.current().spec.owner);
      },
      restarts: 0,
      event: "Repaired",
    },
    {
      because: "renamed",
      harm: (world: World) => {
        world.current().renamed = true;
        world.engine.notify(world.current().spec.owner);
      },
      restarts: 0,
      event: "Repaired",
    },
    {
      because: "cut off its network",
      harm: (world: World) => {
        world.current().disconnected = true;
        world.engine.notify(world.current().spec.owner);
      },
      restarts: 0,
      event: "Repaired",
    },
    {
      because: "started again by an Engine that was restarted",
      harm: (world: World) => {
        const container = world.current();
        world.engine.halt(container);
        world.engine.start(container);
      },
      restarts: 1,
      event: "Restarted",
    },
  ])("is repaired when the container was $because", async ({ harm, restarts, event }) => {
    const world = await connected();
    const { hostPort } = world.current();
    harm(world);
    await world.until(() => world.connected() && world.settled() && world.events.length > 0, { withinMs: 2_000 });
    expect(world.containers()).toHaveLength(1);
    expect(world.current()).toMatchObject({
      hostPort,
      renamed: false,
      disconnected: false,
      state: { kind: "running" },
    });
    expect(world.status.workload?.restartCount).toBe(restarts);
    expect(world.events.filter(({ reason }) => reason === event)).toHaveLength(1);
  });

  it("is found without an event and without a probe, in time", async () => {
    const world = new DeploymentWorld();
    world.apply({ health: { probe: "none" } });
    await world.until(() => world.status.phase === "Running" && world.settled());
    world.engine.deaf = true;
    world.engine.remove(world.current());
    await world.until(() => world.containers().length === 1, { withinMs: 700_000 });
  });

  it("counts what happened while the controller was down", async () => {
    const world = await connected();
    world.kill();
    world.engine.remove(world.current());
    world.boot();
    await world.until(() => world.connected() && world.settled() && world.status.workload?.restartCount === 1);
    expect(world.containers()).toHaveLength(1);
  });

  it("counts each of many restarts once", async () => {
    const world = await connected();
    for (let i = 1; i <= 5; i++) {
      world.engine.end(world.current(), 1);
      await world.until(() => world.connected() && world.settled() && world.status.workload?.restartCount === i);
    }
    world.kill();
    world.boot();
    await world.pass(5_000);
    expect(world.status.workload?.restartCount).toBe(5);
  });

  it("stays Ready while the Engine is away and the server answers", async () => {
    const world = await connected();
    world.engine.reachable = false;
    world.enqueue();
    await world.pass(60_000);
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.condition("Reconciling")).toBe("True BackendUnavailable");
    expect(world.condition("WorkloadAvailable")).toBe("Unknown BackendUnavailable");
    world.engine.reachable = true;
    await world.until(() => world.settled(), { withinMs: 300_000 });
    expect(world.condition("WorkloadAvailable")).toBe("True Running");
    expect(world.status.workload?.restartCount).toBe(0);
    expect(world.engine.log).toEqual([]);
  });

  it("says that the backend is away when the server does not answer, either", async () => {
    const world = await connected();
    const container = world.current();
    world.engine.reachable = false;
    container.cancel();
    container.state = { kind: "exited", exitCode: 137, outOfMemory: false, error: "", at: "" };
    world.enqueue();
    await world.until(() => world.condition("Ready") === "False BackendUnavailable");
    expect(world.status.phase).toBe("Error");
    world.engine.reachable = true;
    await world.until(() => world.connected() && world.settled(), { withinMs: 400_000 });
    expect(world.status.workload?.restartCount).toBe(1);
    expect(world.containers()).toHaveLength(1);
  });

  it.each([
    { policy: "Never", code: 0, reason: "False Completed", phase: "Stopped" },
    { policy: "OnFailure", code: 0, reason: "False Completed", phase: "Stopped" },
    { policy: "Never", code: 3, reason: "False Exited", phase: "Error" },
  ] as const)("leaves a process that ended with $code under $policy", async ({ policy, code, reason, phase }) => {
    const world = await connected({ restartPolicy: policy });
    world.engine.end(world.current(), code);
    await world.until(() => world.status.phase === phase);
    expect(world.condition("Ready")).toBe(reason);
    const { writes } = world;
    world.enqueue();
    await world.pass(30_000);
    expect(world.engine.log).toEqual([]);
    expect(world.writes).toBe(writes);
  });

  it("starts a process again that failed under OnFailure", async () => {
    const world = await connected({ restartPolicy: "OnFailure" });
    world.engine.halt(world.current(), 2);
    await world.until(() => world.connected() && world.status.workload?.restartCount === 1);
  });
});
