import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { FakeContextForge, type ForgeFault } from "../support/context-forge/fake-context-forge.ts";
import { randomFrom } from "../support/random.ts";
import { FILES, FILES_URL, FORGE, RegistrationWorld } from "../support/registration-world.ts";

const STORIES = process.env.SLIPWAY_SOAK ? 1_000 : 200;
const STEPS = 14;
const FAULTS: readonly ForgeFault[] = [
  ...(["lost answer", "lost answer", "reset"] as const),
  ...[{ status: 500 }, { status: 502 }, { status: 409, body: {} }, { text: "{" }],
];

let forge: FakeContextForge;

beforeAll(async () => {
  forge = await FakeContextForge.start({ connect: async () => 1 });
});

afterAll(async () => {
  await forge[Symbol.asyncDispose]();
});

/** What users, servers, people at the gateway and misfortune do, in any order. */
async function story(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  forge.entries.clear();
  forge.faults.length = 0;
  forge.start();
  forge.async = random() < 0.2;
  const theirs = random() < 0.3 ? forge.add({ name: "somebody", url: "http://somebody.test/mcp" }) : undefined;
  await using world = new RegistrationWorld(forge);
  world.putDeployment();
  let kills = Number.POSITIVE_INFINITY;
  world.onWrite = () => {
    if (kills-- <= 0) throw new Error("killed");
  };
  const look = async () => {
    try {
      await world.look();
    } catch (error) {
      if (!(error instanceof Error && error.message === "killed")) throw error;
      kills = Number.POSITIVE_INFINITY;
      await world.crash();
    }
  };
  const own = () => [...forge.entries.values()].filter((entry) => entry !== theirs);
  const exists = () => world.deployments.get(FILES)?.metadata.deletionTimestamp === undefined;
  const deeds: (() => unknown)[] = [
    ...[look, look, look, look],
    () => exists() && world.deployments.get(FILES) && world.putReady(random() < 0.7),
    () => exists() && world.putDeployment({ desiredState: pick(["Running", "Running", "Stopped"]) }),
    () => exists() && world.putDeployment({ registerWith: pick([[], [{ name: FORGE }], [{ name: FORGE }]]) }),
    () => world.clock.advance(pick([1_000, 30_000, 61_000])),
    () => world.crash(),
    () => {
      kills = Math.floor(random() * 3);
    },
    () => forge.fail(pick(["POST", "POST", "PUT", "DELETE", "GET"]), pick(FAULTS), /gateways/),
    () => forge.finish(),
    () => pick([() => forge.stop(), () => forge.start()])(),
    () => own().forEach((entry) => void forge.entries.delete(entry.id)),
    () => own().forEach((entry) => void Object.assign(entry, { enabled: false })),
    () => random() < 0.3 && world.deleteDeployment(),
  ];
  for (let steps = 0; steps < STEPS; steps++) {
    await pick(deeds)();
    expect(own().length).toBeLessThanOrEqual(1);
  }
  // Misfortune ends, and all comes to what is asked for.
  kills = Number.POSITIVE_INFINITY;
  forge.faults.length = 0;
  forge.async = false;
  forge.start();
  for (let looks = 0; looks < 4; looks++) {
    await forge.finish();
    await world.clock.advance(61_000);
    await world.settle();
  }
  const deployment = world.deployments.get(FILES);
  const wanted = deployment !== undefined && (deployment.spec.registerWith ?? []).length > 0;
  const ready = deployment?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True");
  const serves = wanted && ready === true && deployment.spec.desiredState === "Running";
  if (exists() === false) throw new Error("the deletion hangs");
  if (serves) expect(world.there().at(-1)).toBe(`on team.files ${FILES_URL.replace("127.0.0.1", "localhost")}`);
  else expect(own().filter(({ enabled }) => enabled)).toEqual([]);
  if (!wanted) expect(own()).toEqual([]);
  if (theirs) expect([...forge.entries.values()]).toContain(theirs);
}

describe("registration", () => {
  it(`comes to what is asked for in ${STORIES} stories of edits, faults and crashes, with never a second entry`, async () => {
    for (let seed = 1; seed <= STORIES; seed++) {
      try {
        await story(seed);
      } catch (error) {
        throw new Error(`story ${seed}`, { cause: error });
      }
    }
  }, 300_000);
});
