import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, KEY } from "../../../test/support/deployment-world.ts";
import type { Drain } from "./drainer.ts";

const NEWER = { source: { image: { reference: "registry.test/files:2" } } };

/** A gateway at which one call is under way until `answer` is called. */
class Clients implements Drain {
  readonly asked: string[] = [];
  resumed = 0;
  #answers: (() => void)[] = [];

  async drain({ name }: { name: string }, isReplaced: boolean) {
    this.asked.push(`${name} ${isReplaced ? "replaced" : "ended"}`);
    return { ended: new Promise<void>((resolve) => void this.#answers.push(resolve)) };
  }

  resume(): void {
    this.resumed++;
  }

  answer(): void {
    for (const answer of this.#answers) answer();
  }
}

async function served(spec: Parameters<DeploymentWorld["apply"]>[0] = {}) {
  const world = new DeploymentWorld();
  world.engine.publish("registry.test/files:2");
  world.putBackend("other", false);
  world.apply(spec);
  await world.until(() => world.connected() && world.settled());
  const clients = new Clients();
  world.drain = clients;
  world.engine.log.length = 0;
  return { world, clients };
}

const ends: { because: string; spec: Parameters<DeploymentWorld["apply"]>[0]; asked: string }[] = [
  { because: "what is newer has proved itself", spec: NEWER, asked: "files replaced" },
  { because: "it moves", spec: { backend: "other" }, asked: "files replaced" },
  { because: "it shall stop", spec: { desiredState: "Stopped" }, asked: "files ended" },
];

describe("what serves is not ended while its clients wait for answers", () => {
  it.each(ends)("when $because", async ({ spec, asked }) => {
    const { world, clients } = await served();
    const { id } = world.current();
    world.apply(spec);
    await world.until(() => clients.asked.length > 0);
    await world.pass(25_000);
    expect(clients.asked).toEqual([asked]);
    expect(world.engine.containers.get(id)?.state.kind).toBe("running");
    clients.answer();
    await world.pass(2_000);
    expect(world.engine.containers.get(id)?.state.kind).not.toBe("running");
    await world.until(() => world.settled());
    expect(world.status.workload?.restartCount).toBe(0);
    expect(clients.resumed).toBe(0);
  });

  it.each(ends)("but no longer than it takes: when $because", async ({ spec }) => {
    const { world } = await served();
    const { id } = world.current();
    world.apply(spec);
    await world.until(() => world.engine.containers.get(id)?.state.kind !== "running", { withinMs: 60_000 });
  });

  it("when it is deleted", async () => {
    const { world, clients } = await served();
    world.delete();
    await world.until(() => clients.asked.length > 0);
    await world.pass(10_000);
    expect(clients.asked).toEqual(["files ended"]);
    expect(world.condition("Ready")).toBe("False Deleting");
    expect(world.containers()).toHaveLength(1);
    clients.answer();
    await world.until(() => world.deployments.get(KEY) === undefined);
    expect(world.containers()).toEqual([]);
  });

  it("says so, and that it serves on", async () => {
    const { world, clients } = await served();
    world.apply(NEWER);
    await world.until(() => world.condition("Reconciling") === "True Draining");
    expect(world.condition("Ready")).toBe("True Connected");
    const { writes } = world;
    await world.pass(20_000);
    expect(world.writes).toBe(writes);
    clients.answer();
    await world.until(() => world.settled() && world.connected());
    expect(world.status.workload?.generation).toBe(2);
  });

  it("and a controller that was killed meanwhile counts no restart", async () => {
    const { world, clients } = await served();
    world.apply(NEWER);
    await world.until(() => world.condition("Reconciling") === "True Draining");
    world.kill();
    world.boot();
    await world.until(() => clients.asked.length > 1);
    clients.answer();
    await world.until(() => world.settled() && world.connected());
    expect(world.status.workload).toMatchObject({ generation: 2, restartCount: 0 });
  });
});

it("lets clients go on where what is asked for is what runs again", async () => {
  const { world, clients } = await served();
  world.apply(NEWER);
  await world.until(() => clients.asked.length > 0);
  const { id } = world.current();
  world.apply();
  await world.until(() => world.settled());
  expect(clients.resumed).toBe(1);
  expect(world.current().id).toBe(id);
});

it("does not wait for the clients of what has failed", async () => {
  const { world, clients } = await served();
  world.engine.end(world.current(), 1);
  await world.until(() => world.connected() && world.status.workload?.restartCount === 1);
  world.engine.remove(world.current());
  await world.until(() => world.connected() && world.status.workload?.restartCount === 2);
  expect(clients.asked).toEqual([]);
});

const forbidden: { because: string; forbid: (world: DeploymentWorld) => void }[] = [
  {
    because: "what is asked for awaits approval, and nothing is to run meanwhile",
    forbid(world) {
      world.putPolicy("images", { onChange: "Stop" });
      world.apply(NEWER);
    },
  },
  { because: "it is wider than its namespace allows by now", forbid: (world) => world.bound("restricted") },
];

it.each(forbidden)("ends at once what nobody lets run: $because", async ({ forbid }) => {
  const { world, clients } = await served();
  const { id } = world.current();
  forbid(world);
  await world.until(() => world.engine.containers.get(id)?.state.kind !== "running", { withinMs: 5_000 });
  expect(clients.asked).toEqual([]);
});
