import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, KEY, publicUrl } from "../../../test/support/deployment-world.ts";
import { deploymentDirectory } from "../../gateway/deployment-directory.ts";

/** What a gateway beside this controller has of the deployment. */
function served(world: DeploymentWorld) {
  const { namespace, name } = KEY;
  return deploymentDirectory(world.deployments, world.endpoints).get(namespace, name);
}

async function connected(world: DeploymentWorld): Promise<DeploymentWorld> {
  await world.until(() => world.connected() && world.settled());
  await world.pass(100);
  return world;
}

describe("how the gateway reaches what runs", () => {
  it("reads it in the status of a server that listens, also before a controller has looked", async () => {
    const world = new DeploymentWorld();
    world.apply();
    await connected(world);
    const before = served(world);
    const url = `http://127.0.0.1:${world.current().hostPort}/mcp`;
    expect(before).toMatchObject({ state: { ready: true }, upstream: { kind: "http", url } });
    world.kill();
    expect(served(world)).toEqual(before);
    world.boot();
    await world.pass(60_000);
    expect(served(world)).toEqual(before);
  });

  it("has it of the controller where a process is spoken to by its streams", async () => {
    const world = new DeploymentWorld();
    world.apply({ transport: { type: "stdio" } });
    await connected(world);
    expect(world.status).toMatchObject({ url: publicUrl(KEY), workload: { transport: "stdio" } });
    expect(world.status.workload?.endpoint).toBeUndefined();
    const { id } = world.current();
    const upstream = { kind: "stdio", backend: "docker", id, sessionMode: "Shared" };
    expect(served(world)).toMatchObject({ state: { ready: true }, upstream });
    // Its process ended and another was started.
    const instance = served(world)?.upstream?.instance;
    world.engine.end(world.current(), 1);
    await world.until(() => served(world)?.state.ready === true && served(world)?.upstream?.instance !== instance);
    expect(served(world)?.upstream).toMatchObject(upstream);
  });

  it("serves nobody by what an earlier controller knew, and goes on when the next one has looked", async () => {
    const world = new DeploymentWorld();
    world.apply({ transport: { type: "stdio" } });
    await connected(world);
    const before = served(world);
    world.endpoints.delete(KEY);
    expect(served(world)).toMatchObject({ state: { ready: false, reason: "Pending" }, upstream: undefined });
    world.kill();
    world.boot();
    await world.pass(1_000);
    expect(served(world)).toEqual(before);
  });

  it.each(["Stopped", "deleted"])("forgets what is %s", async (end) => {
    const world = new DeploymentWorld();
    world.apply({ transport: { type: "stdio" } });
    await connected(world);
    const { uid } = world.deployment.metadata;
    expect(world.endpoints.get(KEY, uid)).toBeDefined();
    if (end === "deleted") world.delete();
    else world.apply({ transport: { type: "stdio" }, desiredState: "Stopped" });
    await world.until(() => world.endpoints.get(KEY, uid) === undefined);
  });

  it("keeps to what runs while a newer spec with another transport is tried", async () => {
    const world = new DeploymentWorld();
    world.apply();
    await connected(world);
    const { endpoint } = world.status.workload ?? {};
    world.engine.publish("registry.test/files:2", { answers: "silent" });
    world.apply({
      source: { image: { reference: "registry.test/files:2" } },
      transport: { type: "sse", port: 8080, path: "/events" },
    });
    const ofTheFirst = { transport: "streamable-http", endpoint };
    await world.until(() => world.containers().length === 2);
    world.kill();
    world.boot();
    for (let i = 0; i < 100; i++) {
      await world.pass(1_000);
      expect(world.status.workload).toMatchObject(ofTheFirst);
      expect(served(world)).toMatchObject({ state: { ready: true }, upstream: { kind: "http", url: endpoint } });
    }
  });
});
