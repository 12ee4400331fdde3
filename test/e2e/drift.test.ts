import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type Docker from "dockerode";
import { ensureBusyboxImage, ensureMcpImage } from "../support/images.ts";
import { Installation, SANDBOXED } from "../support/installation.ts";

jest.setTimeout(180_000);

interface Drift {
  readonly because: string;
  readonly name: string;
  readonly break: (container: Docker.Container, engine: Docker) => Promise<unknown>;
  /** Starts that nobody asked for. */
  readonly restarts: number;
  /** Containers that have to be made. */
  readonly creates: number;
  /** Of the event that tells of it. */
  readonly reason: string;
}

const DRIFTS: readonly Drift[] = [
  {
    because: "its process was killed",
    name: "process-killed",
    break: async (container) => process.kill((await container.inspect()).State.Pid, "SIGKILL"),
    restarts: 1,
    creates: 0,
    reason: "Restarted",
  },
  {
    because: "somebody stopped it",
    name: "stopped",
    break: (container) => container.stop({ t: 1 }),
    restarts: 1,
    creates: 0,
    reason: "Restarted",
  },
  {
    because: "somebody killed it through the Engine, which then leaves it",
    name: "killed",
    break: (container) => container.kill(),
    restarts: 1,
    creates: 0,
    reason: "Restarted",
  },
  {
    because: "somebody removed it",
    name: "removed",
    break: (container) => container.remove({ force: true }),
    restarts: 1,
    creates: 1,
    reason: "Recreated",
  },
  {
    because: "somebody paused it",
    name: "paused",
    break: (container) => container.pause(),
    restarts: 0,
    creates: 0,
    reason: "Repaired",
  },
  {
    because: "somebody renamed it",
    name: "renamed",
    break: (container) => container.rename({ name: `mine-${Date.now()}` }),
    restarts: 0,
    creates: 0,
    reason: "Repaired",
  },
  {
    because: "somebody disconnected its network",
    name: "disconnected",
    break: async (container, engine) => {
      const connected = await connectedContainer(container, engine);
      const [network] = Object.keys((await connected.inspect()).NetworkSettings.Networks);
      await engine.getNetwork(network ?? "").disconnect({ Container: connected.id, Force: true });
    },
    restarts: 0,
    creates: 0,
    reason: "Repaired",
  },
];

/** What somebody may do to the sandbox of a workload: each costs the workload a restart, and a removed one a new container. */
const SANDBOX_DRIFTS: readonly Drift[] = [
  {
    because: "its sandbox was killed",
    name: "sandbox-killed",
    break: async (container, engine) => (await connectedContainer(container, engine)).kill(),
    restarts: 1,
    creates: 0,
    reason: "Repaired",
  },
  {
    because: "its sandbox was restarted",
    name: "sandbox-restarted",
    break: async (container, engine) => (await connectedContainer(container, engine)).restart({ t: 0 }),
    restarts: 1,
    creates: 0,
    reason: "Repaired",
  },
  {
    because: "its sandbox was removed",
    name: "sandbox-removed",
    break: async (container, engine) => (await connectedContainer(container, engine)).remove({ force: true }),
    restarts: 1,
    creates: 2,
    reason: "Repaired",
  },
];

const cases = [
  ...DRIFTS.map((drift) => ({ ...drift, confinement: {}, where: "on its own" })),
  ...DRIFTS.map((drift) => ({ ...drift, name: `inside-${drift.name}`, confinement: SANDBOXED, where: "in a sandbox" })),
  ...SANDBOX_DRIFTS.map((drift) => ({ ...drift, confinement: SANDBOXED, where: "in a sandbox" })),
];

describe("a container that somebody changed", () => {
  let slipway: Installation;

  beforeAll(async () => {
    await ensureMcpImage();
    slipway = await Installation.start();
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
  });

  it.concurrent.each(cases)("$where is repaired when $because", async ({ confinement, ...drift }) => {
    const { name, break: breakIt, restarts, creates, reason } = drift;
    await slipway.deploy(name, { ...confinement });
    const before = await slipway.untilPhase(name, "Connected");
    using happened = await slipway.engineEvents(name);

    await breakIt(await slipway.container(name), slipway.engine);

    await slipway.untilEvent(name, reason);
    const after = await slipway.until(
      name,
      ({ status }) => status?.phase === "Connected" && status.workload?.restartCount === restarts,
    );
    expect(after.status?.url).toBe(before.status?.url);
    expect(after.status?.workload?.endpoint).toBe(before.status?.workload?.endpoint);
    expect(await answers(after.status?.workload?.endpoint)).toBe(200);
    const { State, Name } = await (await slipway.container(name)).inspect();
    expect(State).toMatchObject({ Running: true, Paused: false });
    expect(Name).toMatch(/^\/slipway-/);
    expect(happened.count("create")).toBe(creates);
    await slipway.remove(name);
  });

  it.concurrent("keeps running the digest when its tag is given to another image", async () => {
    const tag = "slipway.test/retagged:1";
    await ensureMcpImage(slipway.engine, tag);
    await slipway.deploy("retagged", { source: { image: { reference: tag, pullPolicy: "Never" } } });
    const before = await slipway.untilPhase("retagged", "Connected");

    await slipway.engine.getImage(await ensureBusyboxImage()).tag({ repo: "slipway.test/retagged", tag: "1" });
    await (await slipway.container("retagged")).remove({ force: true });

    const after = await slipway.until(
      "retagged",
      ({ status }) => status?.phase === "Connected" && status.workload?.restartCount === 1,
    );
    expect(after.status?.workload?.image).toBe(before.status?.workload?.image);
    expect(await slipway.containers("retagged")).toHaveLength(1);
    await slipway.remove("retagged");
    await slipway.forgetImage(tag);
  });
});

/** The container that holds the network: its sandbox where it has one. */
async function connectedContainer(container: Docker.Container, engine: Docker): Promise<Docker.Container> {
  const { NetworkMode = "" } = (await container.inspect()).HostConfig;
  const [kind, id = ""] = NetworkMode.split(":");
  return kind === "container" ? engine.getContainer(id) : container;
}

async function answers(url: string | undefined): Promise<number> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const response = await fetch(url ?? "", { method: "POST", body, signal: AbortSignal.timeout(10_000) });
  return response.status;
}
