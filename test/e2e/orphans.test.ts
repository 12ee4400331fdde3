import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type Docker from "dockerode";
import { GenericContainer, type StartedTestContainer, Wait } from "testcontainers";
import { Label } from "../../src/api/labels.ts";
import { eventually } from "../support/eventually.ts";
import { BUSYBOX_IMAGE, ensureBusyboxImage, ensureMcpImage, MCP_IMAGE } from "../support/images.ts";
import { Installation } from "../support/installation.ts";

jest.setTimeout(180_000);

describe("orphan collection", () => {
  let slipway: Installation;
  /** Somebody else's, running; and another Slipway's. */
  let stranger: StartedTestContainer;
  let ofAnother: Docker.Container;

  beforeAll(async () => {
    await Promise.all([ensureMcpImage(), ensureBusyboxImage()]);
    slipway = await Installation.start();
  });
  afterAll(async () => {
    await stranger?.stop();
    await ofAnother?.remove({ force: true });
    await slipway?.[Symbol.asyncDispose]();
  });

  it("removes what a deployment left, and nothing of anybody else", async () => {
    await slipway.deploy("alive");
    await slipway.untilPhase("alive", "Connected");
    const { Config } = await (await slipway.container("alive")).inspect();
    const orphaned = { ...Config.Labels, [Label.Uid]: randomUUID(), [Label.Name]: "lost" };
    const orphan = await create(orphaned);
    ofAnother = await create({ ...orphaned, [Label.Installation]: randomUUID() });
    stranger = await new GenericContainer(BUSYBOX_IMAGE)
      .withExposedPorts(8080)
      .withWaitStrategy(Wait.forHttp("/", 8080).forStatusCodeMatching((code) => code < 500))
      .start();

    // A search is made at each start.
    await slipway.process.terminate();
    await slipway.process.start();

    await eventually("the orphan is gone", async () => !(await exists(orphan)), {
      explain: () => slipway.explain("alive"),
    });
    expect(await exists(ofAnother)).toBe(true);
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
