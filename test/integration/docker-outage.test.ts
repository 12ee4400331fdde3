import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { newOwner } from "../contract/backend.ts";
import { answersHttp, dockerDeployment, dockerUnderTest, within } from "../support/docker-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { ensureBusyboxImage } from "../support/images.ts";
import { OwnEngine } from "../support/own-engine.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

let engine: OwnEngine;

beforeAll(async () => {
  engine = await new OwnEngine().start();
  await ensureBusyboxImage(engine.client);
});

afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

describe("an Engine that goes away and comes back", () => {
  it("is told as it is, and everything goes on without a new backend", async () => {
    const backend = dockerUnderTest({ host: engine.host });
    await using use = await dockerDeployment("outage", { backend });
    const told = new Set<string>();
    const { id, address } = await use.launch();
    backend.watch(({ uid }) => told.add(uid), within(120_000));
    await eventually("what is there is told", () => told.has(use.owner.uid));

    await engine.stop();
    expect(await backend.health(within())).toMatchObject({
      available: false,
      reason: "BackendUnavailable",
      message: expect.stringContaining("systemctl start docker"),
    });
    await expect(backend.observe(newOwner(), within())).rejects.toMatchObject({
      name: "TransientError",
      reason: "BackendUnavailable",
    });

    told.clear();
    await engine.start();
    await eventually("all owners are named", () => told.has(use.owner.uid));
    expect(await backend.health(within())).toMatchObject({ available: true });
    await eventually("the Engine started it again by its restart policy", async () => {
      const workload = await use.observe();
      return workload.id === id && workload.address === address && answersHttp(workload.address ?? "");
    });

    await backend.stop(id, 1, within());
    await engine.stop();
    await engine.start();
    await eventually("the Engine answers", async () => (await backend.health(within())).available);
    expect((await use.observe()).state.kind).toBe("exited");
  });
});
