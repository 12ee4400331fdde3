import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, it, jest } from "@jest/globals";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { ensureSandboxImage } from "../../scripts/sandbox-image.ts";
import type { WorkloadSpec } from "../../src/backends/backend.ts";
import type { NetworkRules } from "../../src/guardrails/confinement.ts";
import { UNCONFINED } from "../contract/backend.ts";
import {
  answersHttp,
  type DockerDeployment,
  dockerDeployment,
  dockerUnderTest,
  within,
} from "../support/docker-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { RemovingEngine } from "../support/removing-engine.ts";

// A loaded machine takes its time for containers.
jest.setTimeout(180_000);

const engine = engineClient();

beforeAll(async () => {
  await ensureSandboxImage(() => undefined);
});

const closed = (ingressPorts: readonly number[] = [8080]): NetworkRules => ({
  egress: { kind: "closed" },
  ingressPorts,
});
const restricted = (network = closed()): Partial<WorkloadSpec> => ({ confinement: { ...UNCONFINED, network } });

/** A deployment whose network lets connections to its port in, and nothing out. */
async function sandboxed(name: string, given: Parameters<typeof dockerDeployment>[1] = {}): Promise<DockerDeployment> {
  return await dockerDeployment(name, { ...given, spec: { ...restricted(), ...given.spec } });
}

/** The container whose network a workload joined. */
async function sandboxOf(id: string): Promise<string> {
  const { HostConfig } = await engine.getContainer(id).inspect();
  expect(HostConfig.NetworkMode).toMatch(/^container:[0-9a-f]{64}$/);
  return (HostConfig.NetworkMode ?? "").slice("container:".length);
}

async function containersOf({ owner }: DockerDeployment): Promise<Record<string, string>[]> {
  const label = [`slipway.dev/uid=${owner.uid}`];
  const listed = await engine.listContainers({ all: true, filters: { label } });
  return listed.map(({ Labels, State }) => ({ role: Labels["slipway.dev/role"] ?? "", state: State }));
}

/** Names of the network interfaces that a workload's process has. */
async function interfacesOf(id: string): Promise<string> {
  return await busybox(id, "ls", "/sys/class/net");
}

/** What one of busybox' programs says inside a workload. */
async function busybox(id: string, ...command: string[]): Promise<string> {
  const Cmd = ["/bin/busybox", ...command];
  const exec = await engine.getContainer(id).exec({ Cmd, AttachStdout: true, Tty: true });
  const stream = await exec.start({ Tty: true });
  const chunks = await Array.fromAsync(stream as AsyncIterable<Buffer>);
  return Buffer.concat(chunks).toString("utf8");
}

async function isReached(use: DockerDeployment): Promise<void> {
  const { address, drift, state } = await use.observe();
  expect({ drift, state }).toEqual({ drift: [], state: { kind: "running" } });
  await eventually("it answers", () => answersHttp(address ?? ""));
}

describe("a workload whose network is restricted", () => {
  it("lives in the network of a sandbox, and neither is started by the Engine", async () => {
    await using use = await sandboxed("in-sandbox");
    const started = await use.launch();
    await isReached(use);
    expect(await use.observe()).toEqual(started);
    const sandbox = await sandboxOf(started.id);
    for (const id of [started.id, sandbox]) {
      const { HostConfig, Config } = await engine.getContainer(id).inspect();
      expect(HostConfig.RestartPolicy?.Name).toBe("no");
      expect(Config.Labels["slipway.dev/uid"]).toBe(use.owner.uid);
    }
    expect(await containersOf(use)).toHaveLength(2);
  });

  it("was started after its sandbox's rules were loaded", async () => {
    await using use = await sandboxed("order");
    const { id, startedAt = "" } = await use.launch();
    const { State } = await engine.getContainer(await sandboxOf(id)).inspect();
    expect(Date.parse(State.StartedAt)).toBeLessThan(Date.parse(startedAt));
  });

  it("is reached by nobody where nothing may come in", async () => {
    await using use = await sandboxed("closed-ingress", { spec: restricted(closed([])) });
    const { address, hostPort, id } = await use.launch();
    expect(address).toBeUndefined();
    expect((await use.observe()).drift).toEqual([]);
    await expect(answersHttp(`127.0.0.1:${hostPort}`)).rejects.toThrow("fetch failed");
    const { NetworkSettings } = await engine.getContainer(await sandboxOf(id)).inspect();
    expect(NetworkSettings.Ports).toEqual({});
  });

  it("is stopped and removed together with its sandbox", async () => {
    await using use = await sandboxed("together");
    const { id } = await use.launch();
    await use.backend.stop(id, 1, within());
    expect((await containersOf(use)).map(({ state }) => state)).toEqual(["exited", "exited"]);
    await use.backend.start(id, within());
    await isReached(use);
    await use.backend.delete(id, within());
    expect(await containersOf(use)).toEqual([]);
  });

  it("runs beside a candidate, each in a sandbox of its own", async () => {
    await using use = await sandboxed("candidate");
    const { id } = await use.launch();
    const candidate = await use.launch({ hash: "newer" }, { role: "candidate" });
    expect(await sandboxOf(candidate.id)).not.toBe(await sandboxOf(id));
    await eventually("the candidate answers", () => answersHttp(candidate.address ?? ""));
    await use.backend.delete(candidate.id, within());
    await isReached(use);
    expect(await containersOf(use)).toHaveLength(2);
  });

  it("moves to another port, with another sandbox, when the chosen one is lost before the first start", async () => {
    await using use = await sandboxed("sandbox-port-lost");
    const preferred = (await use.launch()).hostPort;
    await eventually("nothing is left", () => use.backend.purge(use.owner, within()));
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(preferred, "127.0.0.1", resolve));
    try {
      const started = await use.launch();
      expect(started.hostPort).not.toBe(preferred);
      expect(started).toMatchObject({ hash: use.spec.hash, state: { kind: "running" }, drift: [] });
      await isReached(use);
      expect(await containersOf(use)).toHaveLength(2);
    } finally {
      thief.close();
    }
  });

  it("waits for a port that clients know", async () => {
    await using use = await sandboxed("sandbox-port-kept");
    const { id, hostPort } = await use.launch();
    await use.backend.stop(id, 1, within());
    const thief = createServer();
    await new Promise<void>((resolve) => thief.listen(hostPort, "127.0.0.1", resolve));
    await expect(use.backend.start(id, within())).rejects.toMatchObject({ reason: "PortConflict" });
    expect((await use.observe()).state.kind).toBe("exited");
    await new Promise((resolve) => thief.close(resolve));
    expect(await use.backend.start(id, within())).toMatchObject({ id, hostPort, state: { kind: "running" } });
  });

  it("is made once though replies are lost", async () => {
    await using use = await sandboxed("sandbox-lost-replies");
    const options = { role: "current", hostPort: undefined } as const;
    for (const afterMs of [0, 5, 20, 60, 150]) {
      const attempt = use.backend.create(use.spec, options, AbortSignal.timeout(afterMs));
      await attempt.catch((error: unknown) =>
        expect(error).toHaveProperty("name", expect.stringMatching(/Timeout|Abort/)),
      );
    }
    const { id } = await use.backend.create(use.spec, options, within());
    expect(await use.backend.create(use.spec, options, within())).toMatchObject({ id });
    await use.backend.start(id, within());
    await isReached(use);
    // What nobody waits for any more the Engine still works on; it would appear after the end of this test.
    await sleep(1_000);
    expect(await containersOf(use)).toHaveLength(2);
  });
});

describe("a workload that somebody else removes", () => {
  it("is made again in the sandbox, and with the files, that it leaves behind", async () => {
    const settings = { kind: "files", files: { settings: Buffer.from("kept") }, secret: false } as const;
    const mounts = [{ name: "config", path: "/etc/app", readOnly: true, ...settings }];
    await using removing = await RemovingEngine.start();
    const backend = dockerUnderTest({ host: removing.host });
    await using use = await sandboxed("removed-meanwhile", { backend, spec: { mounts } });
    const before = await use.launch();
    const sandbox = await sandboxOf(before.id);
    removing.leaving = before.id;
    expect(await backend.observe(use.owner, within())).toEqual([]);
    const { id } = await use.launch();
    expect(id).not.toBe(before.id);
    expect(await sandboxOf(id)).toBe(sandbox);
    expect(await busybox(id, "cat", "/etc/app/settings")).toBe("kept");
    await isReached(use);
  });
});

describe("what happens to a sandbox", () => {
  it.each([
    { what: "killed", act: (id: string) => engine.getContainer(id).kill(), sameWorkload: true },
    { what: "restarted", act: (id: string) => engine.getContainer(id).restart({ t: 0 }), sameWorkload: true },
    { what: "removed", act: (id: string) => engine.getContainer(id).remove({ force: true }), sameWorkload: false },
  ])("$what: the workload has loopback only until the repair, which restarts it", async ({ act, sameWorkload }) => {
    await using use = await sandboxed("sandbox-lost");
    const before = await use.launch();
    await act(await sandboxOf(before.id));
    expect(await interfacesOf(before.id)).toMatch(/^lo\s*$/);
    const drifted = await use.observe();
    expect(drifted.drift.map(({ kind }) => kind)).toEqual(["sandbox"]);
    expect(drifted.address).toBeUndefined();
    await use.backend.repair(drifted, within());
    await isReached(use);
    const after = await use.observe();
    expect(after).toMatchObject({ hash: before.hash, hostPort: before.hostPort, address: before.address });
    expect(after.guardrails).toEqual(before.guardrails);
    expect(after.id === before.id).toBe(sameWorkload);
    expect(after.startedAt).not.toBe(before.startedAt);
    expect(await containersOf(use)).toHaveLength(2);
  });

  it.each([
    { what: "paused", act: (id: string) => engine.getContainer(id).pause(), kind: "sandbox" },
    {
      what: "renamed",
      act: (id: string) => engine.getContainer(id).rename({ name: `x-${id.slice(0, 8)}` }),
      kind: "name",
    },
    {
      what: "cut off",
      act: (id: string) => engine.getNetwork("slipway").disconnect({ Container: id }),
      kind: "network",
    },
  ])("$what: it is drift, and repaired without a restart", async ({ act, kind }) => {
    await using use = await sandboxed("sandbox-drifted");
    const before = await use.launch();
    const sandbox = await sandboxOf(before.id);
    await act(sandbox);
    const drifted = await use.observe();
    expect(drifted.drift.map((each) => each.kind)).toEqual([kind]);
    await use.backend.repair(drifted, within());
    expect(await use.observe()).toEqual(before);
    await isReached(use);
  });

  it.each([
    { what: "is still there", act: async () => undefined, same: true },
    { what: "had ended, too", act: (id: string) => engine.getContainer(id).kill(), same: true },
    { what: "was removed", act: (id: string) => engine.getContainer(id).remove({ force: true }), same: false },
  ])("a workload that ended is started again when its sandbox $what", async ({ act, same }) => {
    await using use = await sandboxed("ended");
    const before = await use.launch();
    const sandbox = await sandboxOf(before.id);
    await engine.getContainer(before.id).kill();
    await act(sandbox);
    expect(await use.observe()).toMatchObject({ state: { kind: "exited" }, drift: [] });
    const again = await use.backend.start(before.id, within());
    expect(again.id === before.id).toBe(same);
    await isReached(use);
    expect(await containersOf(use)).toHaveLength(2);
  });

  it("no hand can start a workload without it", async () => {
    await using use = await sandboxed("by-hand");
    const { id } = await use.launch();
    await use.backend.stop(id, 1, within());
    await expect(engine.getContainer(id).start()).rejects.toThrow("cannot join network of a non running container");
    await engine.getContainer(await sandboxOf(id)).remove({ force: true });
    await expect(engine.getContainer(id).start()).rejects.toThrow("No such container");
  });

  it("a workload that was made without one, before the Engine had them, is ended and put into one", async () => {
    await using use = await sandboxed("without");
    const { id } = await use.launch();
    const { Config, HostConfig, Name } = await engine.getContainer(id).inspect();
    await eventually("nothing is left", () => use.backend.purge(use.owner, within()));
    const bare = await engine.createContainer({
      ...Config,
      Hostname: "",
      name: Name.slice(1),
      HostConfig: { ...HostConfig, NetworkMode: "slipway" },
    } as Parameters<typeof engine.createContainer>[0]);
    await bare.start();
    const drifted = await use.observe();
    expect(drifted).toMatchObject({ drift: [{ kind: "sandbox" }], address: undefined });
    await use.backend.repair(drifted, within());
    await isReached(use);
    expect(await sandboxOf((await use.observe()).id)).toBeDefined();
  });
});

describe("a sandbox that cannot be had", () => {
  const image = "slipway.test/no-such-sandbox:1";

  it("keeps restricted workloads from starting, and no others", async () => {
    const backend = dockerUnderTest({ sandbox: { image, addressHoldSeconds: 60 } });
    await using use = await dockerDeployment("no-sandbox", { backend });
    await expect(use.launch(restricted())).rejects.toMatchObject({
      name: "TransientError",
      reason: "SandboxUnavailable",
      message: expect.stringContaining(image),
    });
    expect(await containersOf(use)).toEqual([]);
    const { available, capabilities } = await backend.health(within());
    expect(available).toBe(true);
    expect(capabilities?.guardrails.features["network.closedEgress"]).toEqual({
      enforcement: "Enforced",
      reason: expect.stringContaining(image),
    });
    expect(await use.launch()).toMatchObject({ state: { kind: "running" } });
  });

  it("leaves nothing that its Engine refuses", async () => {
    await using use = await sandboxed("refused");
    const limits = { ...use.spec.limits, memoryBytes: 1024 };
    await expect(use.launch({ limits })).rejects.toMatchObject({ name: "TerminalError", reason: "InvalidSpec" });
    expect(await containersOf(use)).toEqual([]);
  });
});

describe("a watcher", () => {
  it("hears of a sandbox's end, and no echo of what calls of ours do", async () => {
    await using use = await sandboxed("watched");
    const stop = new AbortController();
    const told: string[] = [];
    const before = await use.launch();
    use.backend.watch(({ uid }) => told.push(uid), stop.signal);
    await eventually("what is there is told", () => told.includes(use.owner.uid));
    const count = () => told.filter((uid) => uid === use.owner.uid).length;
    await sleep(500);
    let seen = count();
    await engine.getContainer(await sandboxOf(before.id)).kill();
    await eventually("the end is told", () => count() > seen);
    await sleep(500);
    seen = count();
    await use.backend.repair(await use.observe(), within());
    await eventually("the workload's end is told", () => count() > seen);
    await sleep(500);
    // Its process ended, and the Engine says so once; of the starts their callers know.
    expect(count()).toBe(seen + 1);
    seen = count();
    await use.backend.stop(before.id, 1, within());
    await eventually("the workload's end is told", () => count() > seen);
    await sleep(500);
    expect(count()).toBe(seen + 1);
    await use.backend.start(before.id, within());
    seen = count();
    await engine.getContainer(await sandboxOf(before.id)).kill();
    await eventually("an end right after a start is told", () => count() > seen);
    stop.abort();
  });
});

describe("the collection of orphans", () => {
  it("leaves a sandbox alone that a workload may yet join", async () => {
    const backend = dockerUnderTest({}, { installation: "sandbox-orphans" });
    await using use = await sandboxed("young", { backend });
    const { id } = await use.launch();
    await engine.getContainer(id).remove({ force: true });
    expect(await backend.collectOrphans(() => true, within())).toEqual([]);
    expect(await containersOf(use)).toEqual([{ role: "sandbox", state: "running" }]);
    expect(await backend.collectOrphans(() => false, within())).toEqual([use.owner]);
    expect(await containersOf(use)).toEqual([]);
  });
});
