import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { ensureMcpImage, WEB_SERVER } from "../support/images.ts";
import { Installation, SANDBOXED } from "../support/installation.ts";
import { randomFrom } from "../support/random.ts";
import { Registry } from "../support/registry.ts";

jest.setTimeout(240_000);

/** The long form is for `make soak`. */
const KILLS = process.env.SLIPWAY_SOAK ? 50 : 8;
/** Set it to repeat what another run did. */
const SEED = Number(process.env.SLIPWAY_SEED ?? Date.now() % 1_000_000);

/** Of an image that is pulled; random, so that it takes about as long as its stage. */
const PAYLOAD_BYTES = 60_000_000;

/** How long each part of a deployment's life takes about, so that kills fall into all of it. */
const STAGES = { pull: 1_500, create: 800, update: 2_500, stop: 1_000, delete: 1_000 } as const;
type Stage = keyof typeof STAGES;

const random = randomFrom(SEED);
const kills = Array.from({ length: KILLS }, (_, index) => {
  const stages = Object.keys(STAGES) as Stage[];
  const stage = stages[index % stages.length] as Stage;
  // Each stage in turn with and without a sandbox.
  const confinement = (index + Math.floor(index / stages.length)) % 2 === 0 ? {} : SANDBOXED;
  return { index, stage, confinement, afterMs: Math.round(random() * STAGES[stage]) };
});

describe(`slipway up, killed with -9 (SLIPWAY_SEED=${SEED})`, () => {
  let slipway: Installation;
  let registry: Registry;

  beforeAll(async () => {
    registry = await Registry.start();
    await ensureMcpImage();
    slipway = await Installation.start();
  });
  afterAll(async () => {
    await slipway?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  });

  it.each(kills)(
    "ends where it should: kill $index, $afterMs ms into $stage",
    async ({ index, stage, confinement, afterMs }) => {
      const name = `life-${index}`;
      const act = await arrange(stage, name, confinement);
      await act();
      await sleep(afterMs);
      await slipway.process.kill9();
      await slipway.process.start();

      await expectEnd(stage, name);
      await slipway.kubectl.run(["delete", "runtimedeployment", name, "--ignore-not-found", "--wait=false"]);
      await slipway.untilGone(name);
      // The helper with which sandboxes are tried out is there for a moment.
      await eventually("nothing is left", async () => (await slipway.leftovers()).length === 0);
      await slipway.forgetImages(registry.address);
    },
  );

  /** Everything up to the write whose consequences are interrupted, and that write. */
  async function arrange(stage: Stage, name: string, confinement: object): Promise<() => Promise<unknown>> {
    if (stage === "pull") {
      const reference = await registry.publish(`team/${name}:1`, PAYLOAD_BYTES);
      return () => slipway.deploy(name, { source: { image: { reference } }, ...WEB_SERVER, ...confinement });
    }
    if (stage === "create") return () => slipway.deploy(name, { ...confinement });
    await slipway.deploy(name, { ...confinement, volumes: [{ name: "data", mountPath: "/data", volume: {} }] });
    await slipway.untilPhase(name, "Connected");
    if (stage === "update") return () => slipway.patch(name, { spec: { env: [{ name: "TOOLS", value: "new" }] } });
    if (stage === "stop") return () => slipway.patch(name, { spec: { desiredState: "Stopped" } });
    return () => slipway.kubectl.run(["delete", "runtimedeployment", name, "--wait=false"]);
  }

  async function expectEnd(stage: Stage, name: string): Promise<void> {
    if (stage === "delete") {
      await slipway.untilGone(name);
      return;
    }
    const settled = await slipway.until(name, ({ status, metadata }) => {
      const phase = stage === "stop" ? "Stopped" : stage === "pull" ? "Running" : "Connected";
      const current = status?.observedGeneration === metadata.generation;
      const rolled = stage !== "update" || status?.mcp?.toolNames?.includes("new") === true;
      return current && rolled && status?.phase === phase;
    });
    expect(await slipway.containers(name)).toHaveLength(1);
    expect(settled.status?.workload?.restartCount).toBe(0);
  }
});
