import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, IMAGE, KEY } from "../../../../test/support/deployment-world.ts";
import type { Container } from "../../../../test/support/memory-engine.ts";
import { randomFrom } from "../../../../test/support/random.ts";
import { stateOf } from "../../../approvals/state.ts";
import { jsonEqual } from "../../../machinery/json-equal.ts";
import { reviewedIn } from "./image.ts";

const STORIES = process.env.SLIPWAY_SOAK ? 1_000 : 250;
const MOVES = 10;
const SETTINGS = { namespace: KEY.namespace, name: "settings" };

/** Whether somebody has said yes to just this by now. */
function isApproved(world: DeploymentWorld, { spec }: Container): boolean {
  return [...world.stored.values()].some((approval) => {
    const { image, args, configMaps } = reviewedIn(approval);
    return (
      stateOf(approval, world.keys, world.clock.now()).phase === "Approved" &&
      image === spec.image.pinned &&
      jsonEqual(args ?? [], spec.args ?? []) &&
      configMaps?.[0]?.data?.MODE === spec.env.MODE
    );
  });
}

/** A life of edits, decisions, moved tags and faults, in an order that nobody would write down. */
async function story(seed: number): Promise<{ started: number; offences: string[] }> {
  const random = randomFrom(seed);
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const world = new DeploymentWorld();
  const offences: string[] = [];
  const told: string[] = [];
  let started = 0;
  const start = world.engine.start.bind(world.engine);
  world.engine.start = (container) => {
    started++;
    if (!isApproved(world, container)) offences.push(`${container.spec.args} after ${told.join(", ")}`);
    start(container);
  };
  world.putPolicy("images", { serviceAccountRequests: "Allow" });
  world.putConfigMap(SETTINGS, { MODE: "0" });
  world.apply({ envFrom: [{ configMapRef: { name: "settings" } }] });
  await world.pass(200, 50);
  // Most begin with something that runs.
  if (random() < 0.7 && world.question) {
    world.decide("Approved");
    await world.pass(500, 50);
  }
  const moves = {
    edit: () => world.apply({ args: [pick(["a", "b", "c"])], envFrom: [{ configMapRef: { name: "settings" } }] }),
    approve: () => world.question && world.decide("Approved", { by: pick(["ann", "bea"]) }),
    approveAny: () => {
      const name = pick([...world.stored.keys(), undefined]);
      const approval = world.stored.get(name ?? "");
      const isPending = approval && stateOf(approval, world.keys, world.clock.now()).phase === "Pending";
      if (name !== undefined && isPending) world.decide("Approved", { name });
    },
    reject: () => random() < 0.3 && world.question && world.decide("Rejected"),
    pass: () => {
      const ms = pick([1, 50, 400, 3_000]);
      return world.pass(ms, Math.max(1, ms / 8));
    },
    crash: () => {
      world.crashAt = world.steps + Math.floor(random() * 12);
    },
    revive: () => world.revive(),
    moveTag: () => void world.engine.publish(IMAGE, { answers: "mcp" }, String(random())),
    settings: () => world.putConfigMap(SETTINGS, { MODE: pick(["0", "1"]) }),
    halt: () => world.containers()[0] && world.engine.halt(world.containers()[0] as Container),
    remove: () => world.containers()[0] && world.engine.remove(world.containers()[0] as Container),
    narrow: () => world.putPolicy("images", { onChange: pick(["Stop", "KeepRunning"]) }),
  };
  const names = Object.keys(moves) as (keyof typeof moves)[];
  for (let at = 0; at < MOVES; at++) {
    const name = pick<keyof typeof moves>([...names, "pass", "pass", "approve", "approve", "edit"]);
    told.push(name);
    await moves[name]();
  }
  world.revive();
  await world.pass(2_000, 250);
  world.kill();
  for (const container of world.containers()) container.cancel();
  return { started, offences };
}

describe("any order of edits, decisions and crashes", () => {
  it(`starts nothing that was not approved by then, in ${STORIES} of them`, async () => {
    let started = 0;
    for (let seed = 1; seed <= STORIES; seed++) {
      const told = await story(seed);
      started += told.started;
      expect({ seed, offences: told.offences }).toEqual({ seed, offences: [] });
    }
    // It would say nothing of a world in which nothing starts.
    expect(started).toBeGreaterThan(STORIES);
  }, 900_000);
});
