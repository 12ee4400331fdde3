import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type Docker from "dockerode";
import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { Label } from "../../src/api/labels.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage, MCP_IMAGE } from "../support/images.ts";
import { Installation } from "../support/installation.ts";

jest.setTimeout(180_000);

describe("orphan collection", () => {
  let slipway: Installation;
  /** Another program's, which runs. */
  let stranger: StartedTestContainer;
  /** Another Slipway's. */
  let others: Docker.Container;

  beforeAll(async () => {
    await ensureMcpImage();
    stranger = await new GenericContainer(MCP_IMAGE)
      .withExposedPorts(8080)
      // The image has no shell to look with.
      .withWaitStrategy(Wait.forHttp("/", 8080).forStatusCodeMatching(() => true))
      .start();
    slipway = await Installation.start();
  });
  afterAll(async () => {
    await others?.remove({ force: true });
    await stranger?.stop();
    await slipway?.[Symbol.asyncDispose]();
  });

  it("removes what a deployment left, and nothing of anybody else", async () => {
    await slipway.deploy("alive");
    await slipway.untilPhase("alive", "Connected");
    const { Config } = await (await slipway.container("alive")).inspect();
    const orphaned = { ...Config.Labels, [Label.Uid]: randomUUID(), [Label.Name]: "lost" };
    const orphan = await create(orphaned);
    others = await create({ ...orphaned, [Label.Installation]: randomUUID() });

    // A search is made at each start.
    await slipway.process.terminate();
    await slipway.process.start();

    await eventually("the orphan is gone", async () => !(await exists(orphan)), {
      explain: () => slipway.explain("alive"),
    });
    expect(await exists(others)).toBe(true);
    expect((await slipway.engine.getContainer(stranger.getId()).inspect()).State.Running).toBe(true);
    const { status } = await slipway.untilPhase("alive", "Connected");
    expect(status?.workload?.restartCount).toBe(0);
  });

  async function create(labels: Record<string, string>): Promise<Docker.Container> {
    return await slipway.engine.createContainer({ Image: MCP_IMAGE, Labels: labels });
  }
});

async function exists(container: Docker.Container): Promise<boolean> {
  try {
    await container.inspect();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return false;
    throw error;
  }
}
