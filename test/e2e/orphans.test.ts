import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type Docker from "dockerode";
import { Label } from "../../src/api/labels.ts";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage, MCP_IMAGE } from "../support/images.ts";
import { Installation } from "../support/installation.ts";

jest.setTimeout(180_000);

describe("orphan collection", () => {
  let slipway: Installation;
  const foreign: Docker.Container[] = [];

  beforeAll(async () => {
    await ensureMcpImage();
    slipway = await Installation.start();
  });
  afterAll(async () => {
    for (const container of foreign) await container.remove({ force: true });
    await slipway?.[Symbol.asyncDispose]();
  });

  it("removes what a deployment left, and nothing of anybody else", async () => {
    await slipway.deploy("alive");
    await slipway.untilPhase("alive", "Connected");
    const { Config } = await (await slipway.container("alive")).inspect();
    const orphaned = { ...Config.Labels, [Label.Uid]: randomUUID(), [Label.Name]: "lost" };
    const ofAnother = { ...orphaned, [Label.Installation]: randomUUID() };
    const orphan = await create(orphaned);
    foreign.push(await create({}), await create(ofAnother));

    // A search is made at each start.
    await slipway.process.terminate();
    await slipway.process.start();

    await eventually("the orphan is gone", async () => !(await exists(orphan)), {
      explain: () => slipway.explain("alive"),
    });
    for (const container of foreign) expect(await exists(container)).toBe(true);
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
