import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, KEY } from "../../../test/support/deployment-world.ts";

describe("a deployment's life", () => {
  it("goes from apply to Connected and back to nothing", async () => {
    const world = new DeploymentWorld();
    world.apply();
    await world.until(() => world.connected());
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.status.url).toBe(`http://127.0.0.1:${world.current().hostPort}/mcp`);
    expect(world.engine.log).toEqual(["create current", "start current"]);
    world.delete();
    await world.until(() => world.deployments.get(KEY) === undefined);
    expect(world.containers()).toEqual([]);
    expect(world.phases).toEqual(["Deploying", "Connected", "Deleting"]);
  });
});
