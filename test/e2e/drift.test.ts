import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type Docker from "dockerode";
import { ensureBusyboxImage, ensureMcpImage } from "../support/images.ts";
import { Installation } from "../support/installation.ts";

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
      const [network] = Object.keys((await container.inspect()).NetworkSettings.Networks);
      await engine.getNetwork(network ?? "").disconnect({ Container: container.id, Force: true });
    },
    restarts: 0,
    creates: 0,
    reason: "Repaired",
  },
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

  it.each(DRIFTS)("is repaired when $because", async ({ name, break: breakIt, restarts, creates, reason }) => {
    await slipway.deploy(name);
    const before = await slipway.untilPhase(name, "Connected");
    using happened = await slipway.engineEvents(name);

    await breakIt(await slipway.container(name), slipway.engine);

    await slipway.untilEvent(name, reason);
    const after = await slipway.until(
      name,
      ({ status }) => status?.phase === "Connected" && status.workload?.restartCount === restarts,
    );
    expect(after.status?.url).toBe(before.status?.url);
    expect(await answers(after.status?.url)).toBe(200);
    const { State, Name } = await (await slipway.container(name)).inspect();
    expect(State).toMatchObject({ Running: true, Paused: false });
    expect(Name).toMatch(/^\/slipway-/);
    expect(happened.count("create")).toBe(creates);
    await slipway.remove(name);
  });

  it("keeps running the digest when its tag is given to another image", async () => {
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

async function answers(url: string | undefined): Promise<number> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const response = await fetch(url ?? "", { method: "POST", body, signal: AbortSignal.timeout(10_000) });
  return response.status;
}
