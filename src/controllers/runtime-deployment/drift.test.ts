import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, IMAGE } from "../../../test/support/deployment-world.ts";

type World = DeploymentWorld;

async function connected(spec: Parameters<World["apply"]>[0] = {}): Promise<World> {
  const world = new DeploymentWorld();
  world.apply(spec);
  await world.until(() => world.connected() && world.settled());
  world.engine.log.length = 0;
  world.events.length = 0;
  return world;
}

/** Without a sandbox the Engine starts a process again itself; in one, this controller does. */
describe.each(["unrestricted", "standard"])("drift of what runs under %s", (profile) => {
  const under = { guardrails: { profile } };

  it.each([
    {
      because: "stopped by hand",
      harm: (world: World) => world.engine.halt(world.current()),
      restarts: 1,
      event: "Restarted",
      repair: "ended",
    },
    {
      because: "killed behind the Engine's back",
      harm: (world: World) => world.engine.end(world.current(), 137),
      restarts: 1,
      event: "Restarted",
      // Without a sandbox the Engine starts it, and nothing is left to repair.
      repair: profile === "unrestricted" ? undefined : "ended",
    },
    {
      because: "removed",
      harm: (world: World) => world.engine.remove(world.current()),
      restarts: 1,
      event: "Recreated",
      repair: "gone",
    },
    {
      because: "paused",
      harm: (world: World) => {
        world.current().state = { kind: "paused" };
        world.engine.notify(world.current().spec.owner);
      },
      restarts: 0,
      event: "Repaired",
      repair: "paused",
    },
    {
      because: "renamed",
      harm: (world: World) => {
        world.current().renamed = true;
        world.engine.notify(world.current().spec.owner);
      },
      restarts: 0,
      event: "Repaired",
      repair: "name",
    },
    {
      because: "cut off its network",
      harm: (world: World) => {
        world.current().disconnected = true;
        world.engine.notify(world.current().spec.owner);
      },
      restarts: 0,
      event: "Repaired",
      repair: "network",
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
      repair: undefined,
    },
  ])("is repaired when the container was $because", async ({ harm, restarts, event, repair }) => {
    const world = await connected(under);
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
    expect(world.repairs).toEqual(repair === undefined ? [] : [`docker ${repair}`]);
  });

  it("is found without an event and without a probe, in time", async () => {
    const world = new DeploymentWorld();
    world.apply({ ...under, health: { probe: "none" } });
    await world.until(() => world.status.phase === "Running" && world.settled());
    world.engine.deaf = true;
    world.engine.remove(world.current());
    await world.until(() => world.containers().length === 1, { withinMs: 700_000 });
  });

  it("is found without an event where a probe sees nothing of it, in time", async () => {
    const world = await connected(under);
    world.engine.deaf = true;
    world.current().renamed = true;
    await world.until(() => !world.current().renamed, { withinMs: 1_900_000 });
  });

  it("counts what happened while the controller was down", async () => {
    const world = await connected(under);
    world.kill();
    world.engine.remove(world.current());
    world.boot();
    await world.until(() => world.connected() && world.settled() && world.status.workload?.restartCount === 1);
    expect(world.containers()).toHaveLength(1);
  });

  it("counts each of many restarts once", async () => {
    const world = await connected(under);
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
    const world = await connected(under);
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
    const world = await connected(under);
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
    const world = await connected({ ...under, restartPolicy: policy });
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
    const world = await connected({ ...under, restartPolicy: "OnFailure" });
    world.engine.halt(world.current(), 2);
    await world.until(() => world.connected() && world.status.workload?.restartCount === 1);
  });
});

describe("a sandbox", () => {
  const standard = { guardrails: { profile: "standard" } };

  it.each<{ because: string; state: "running" | "exited" | "created" }>([
    { because: "running", state: "running" },
    { because: "ended, as after a restart of the Engine", state: "exited" },
    { because: "made, and not started yet", state: "created" },
  ])("that is lost is mended, with the workload that was $because", async ({ state }) => {
    const world = await connected(standard);
    const { id, hostPort } = world.current();
    world.current().cancel();
    if (state === "exited")
      world.current().state = { kind: "exited", exitCode: 137, outOfMemory: false, error: "", at: "" };
    if (state === "created") world.current().state = { kind: "created" };
    world.engine.loseSandbox(world.current());
    await world.until(
      () => world.connected() && world.settled() && world.containers()[0]?.id !== id && world.events.length > 0,
      { withinMs: 2_000 },
    );
    expect(world.engine.log).toEqual(state === "running" ? ["repair current", "start current"] : ["start current"]);
    expect(world.current()).toMatchObject({ hostPort, state: { kind: "running" } });
    expect(world.status.workload).toMatchObject({ id: world.current().id, restartCount: 1 });
    if (state === "running")
      expect(world.events).toContainEqual(
        expect.objectContaining({
          type: "Warning",
          reason: "Repaired",
          note: expect.stringMatching(/sandbox had ended/),
        }),
      );
    expect(world.events.filter(({ reason }) => reason === "Recreated")).toEqual([]);
  });

  it("that is lost while nobody looks is found, and counted once", async () => {
    const world = await connected(standard);
    world.kill();
    world.engine.loseSandbox(world.current());
    world.boot();
    await world.until(() => world.connected() && world.status.workload?.restartCount === 1);
    world.kill();
    world.boot();
    await world.pass(5_000);
    expect(world.status.workload?.restartCount).toBe(1);
  });

  it("that is lost again and again is mended ever less often", async () => {
    const world = await connected(standard);
    const add = world.engine.add.bind(world.engine);
    world.engine.add = (...args) => {
      const made = add(...args);
      world.clock.schedule(5, () => world.engine.loseSandbox(made));
      return made;
    };
    world.engine.loseSandbox(world.current());
    await world.pass(60_000);
    const repairs = world.engine.log.filter((line) => line === "repair current").length;
    expect(repairs).toBeGreaterThan(5);
    expect(repairs).toBeLessThan(15);
    expect(world.condition("Ready")).toMatch(/^False/);
  });

  it("of a candidate is mended, so that the trial can go on", async () => {
    const world = await connected(standard);
    world.engine.publish("registry.test/files:2", { answers: "silent" });
    world.apply({ ...standard, source: { image: { reference: "registry.test/files:2" } } });
    await world.until(() => world.containers().length === 2);
    const [candidate] = world.containers().filter(({ role }) => role === "candidate");
    if (!candidate) throw new Error("there is no candidate");
    world.engine.loseSandbox(candidate);
    world.engine.programs.clear();
    await world.until(() => world.connected() && world.settled() && world.status.workload?.generation === 2);
    expect(world.engine.log).toContain("repair candidate");
    expect(world.status.workload?.restartCount).toBe(0);
  });
});

describe("a process in a sandbox that ends by itself", () => {
  const standard = { guardrails: { profile: "standard" } };

  it("is started again at once", async () => {
    const world = await connected(standard);
    world.engine.end(world.current(), 1);
    await world.clock.advance(10);
    expect(world.current().state.kind).toBe("running");
    expect(world.condition("Ready")).toMatch(/^False (Starting|Probing)$/);
    await world.until(() => world.connected() && world.settled());
    expect(world.status.workload?.restartCount).toBe(1);
    expect(world.events.filter(({ reason }) => reason === "Restarted")).toHaveLength(1);
  });

  it("is never much later there than the Engine would have it", async () => {
    const starts = async (profile: string) => {
      const world = new DeploymentWorld();
      world.engine.publish(IMAGE, { answers: "silent", exits: { afterMs: 20, code: 3 } });
      const begun: number[] = [];
      const start = world.engine.start.bind(world.engine);
      world.engine.start = (container) => {
        begun.push(world.clock.monotonicMs());
        start(container);
      };
      world.apply({ guardrails: { profile } });
      await world.pass(200_000);
      return { world, begun };
    };
    const [engines, ours] = [await starts("unrestricted"), await starts("standard")];
    expect(ours.begun.length).toBeGreaterThanOrEqual(engines.begun.length);
    expect(ours.begun.length).toBeLessThanOrEqual(engines.begun.length + 2);
    engines.begun.forEach((at, index) => {
      expect(ours.begun[index]).toBeLessThan(at + 1_000);
    });
    for (const { world } of [engines, ours]) {
      expect(world.condition("Ready")).toBe("False CrashLoopBackOff");
      expect(world.status.phase).toBe("Error");
      const ready = world.status.conditions?.find(({ type }) => type === "Ready");
      expect(ready?.message).toMatch(/exit code 3, started again \d+ times; the next start waits; see: slipway logs/);
    }
    const lasting = ours.world.status.workload?.restartCount ?? 0;
    expect(lasting).toBe(ours.begun.length - 1);
  });

  it("begins anew at the shortest wait once it has lasted", async () => {
    const world = await connected(standard);
    for (let crash = 0; crash < 8; crash++) {
      world.engine.end(world.current(), 1);
      await world.until(() => world.current().state.kind === "running");
    }
    await world.pass(11_000);
    world.engine.end(world.current(), 1);
    await world.clock.advance(10);
    expect(world.current().state.kind).toBe("running");
  });

  it.each(["unrestricted", "standard"])("reads the same of its memory, under %s", async (profile) => {
    const world = await connected({ guardrails: { profile } });
    world.engine.end(world.current(), 137, true);
    await world.clock.advance(10);
    expect(world.condition("Ready")).toBe("False OutOfMemory");
    await world.until(() => world.connected() && world.settled());
  });
});
