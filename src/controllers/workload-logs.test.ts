import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, KEY } from "../../test/support/deployment-world.ts";
import { GIT, letBuild } from "../../test/support/git-source.ts";
import { MemoryBackend } from "../../test/support/memory-backend.ts";
import type { LiveBackend } from "./backend-registry.ts";
import { WorkloadLogs } from "./workload-logs.ts";

const OPTIONS = { tail: undefined, follow: false, timestamps: false, build: false };

/** What is told; undefined where nothing could be. */
async function read(world: DeploymentWorld, build: boolean, builds = true): Promise<string[] | undefined> {
  const backend = new MemoryBackend(world.engine, { place: "docker" });
  const silent = { logs: backend.logs.bind(backend) };
  const live = { name: "docker", instance: 1, backend: builds ? backend : silent } as unknown as LiveBackend;
  const registry = {
    get: (name: string) => (name === "docker" ? live : undefined),
    problem: () => undefined,
    suspect: () => undefined,
    strays: () => [],
    vacated: () => undefined,
  };
  const logs = new WorkloadLogs({ deployments: world.deployments, backends: world.backends, registry });
  const signal = AbortSignal.timeout(5_000);
  const lines = await logs.logs(KEY.namespace, KEY.name, { ...OPTIONS, build }, signal);
  return lines && (await Array.fromAsync(lines));
}

describe("the logs of a deployment", () => {
  it("are of what runs, or of its build", async () => {
    const world = new DeploymentWorld();
    letBuild(world);
    world.apply({ source: { git: GIT } });
    await world.until(() => world.connected() && world.settled());
    expect(await read(world, false)).toEqual([`log of ${world.current().id}`]);
    expect(await read(world, true)).toEqual(["step 1", "step 2"]);
  });

  it("are none of a build where nothing is built, or the backend cannot tell", async () => {
    const world = new DeploymentWorld();
    expect(await read(world, true)).toBeUndefined();
    world.apply();
    await world.until(() => world.connected() && world.settled());
    expect(await read(world, true)).toBeUndefined();
    letBuild(world);
    world.apply({ source: { git: GIT } });
    await world.until(() => world.status.build?.phase === "Succeeded" && world.settled());
    expect(await read(world, true, false)).toBeUndefined();
  });
});
