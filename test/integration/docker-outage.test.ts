import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { ensureSandboxImage } from "../../scripts/sandbox-image.ts";
import { ownSandboxImage } from "../../src/backends/docker/sandbox/sandbox-settings.ts";
import { newOwner, UNCONFINED } from "../contract/backend.ts";
import { answersHttp, dockerDeployment, dockerUnderTest, within } from "../support/docker-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { ensureBusyboxImage } from "../support/images.ts";
import { ended, exchange } from "../support/line-exchange.ts";
import { OwnEngine } from "../support/own-engine.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

let engine: OwnEngine;

beforeAll(async () => {
  engine = await new OwnEngine().start();
  await ensureBusyboxImage(engine.client);
  // Made on the machine's own Engine: this one's containers have no way out.
  await ensureSandboxImage(() => undefined);
  await text(await engine.client.loadImage(await engineClient().getImage(ownSandboxImage()).get()));
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

  it.each(["stop", "kill9"] as const)(
    "ends the streams of servers, which are there again after it (%s)",
    async (end) => {
      const backend = dockerUnderTest({ host: engine.host });
      const spec = { command: ["/bin/busybox", "cat"], stdio: true };
      await using use = await dockerDeployment("stdio-outage", { backend, spec });
      const { id } = await use.launch();
      const shared = await backend.attach(id, within());
      const own = await backend.attachOwn(id, within());
      for (const stream of [shared, own]) expect(await exchange(stream, "before", within())).toBe("before");
      await Promise.all([engine[end](), ended(shared, within()), ended(own, within())]);
      await engine.start();
      backend.watch(() => undefined, within(120_000));
      await eventually(
        "the own process is gone",
        async () => (await engine.client.listContainers({ all: true })).length === 1,
      );
      // An Engine that was killed may not start it again by itself.
      await backend.start(id, within());
      expect(await exchange(await backend.attach(id, within()), "after", within())).toBe("after");
    },
  );

  it("starts nothing again whose network a sandbox holds, and start does so in order", async () => {
    const backend = dockerUnderTest({ host: engine.host, sandbox: { addressHoldSeconds: 60, dns: ["192.0.2.53"] } });
    const network = { egress: { kind: "closed" }, ingressPorts: [8080] } as const;
    const spec = { confinement: { ...UNCONFINED, network } };
    await using use = await dockerDeployment("sandboxed-outage", { backend, spec });
    const { id, address } = await use.launch();
    await eventually("it answers", () => answersHttp(address ?? ""));
    const label = [`slipway.dev/uid=${use.owner.uid}`];
    const states = async () => {
      const listed = await engine.client.listContainers({ all: true, filters: { label } });
      return listed.map(({ State }) => State);
    };
    await engine.stop();
    await engine.start();
    await eventually("the Engine answers", async () => (await backend.health(within())).available);
    expect(await states()).toEqual(["exited", "exited"]);
    expect(await use.observe()).toMatchObject({ id, state: { kind: "exited" }, drift: [], address: undefined });
    const again = await backend.start(id, within());
    expect(again).toMatchObject({ id, address, state: { kind: "running" }, drift: [] });
    await eventually("it answers", () => answersHttp(again.address ?? ""));
  });
});
