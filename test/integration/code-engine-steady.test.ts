import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "@jest/globals";
import { DEFAULT_PACE } from "../../src/backends/code-engine/code-engine-config.ts";
import { contractSpec, newOwner } from "../contract/backend.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { FakeClock } from "../support/fake-clock.ts";

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;
/** As often as the controllers look at the health of a backend, and at a deployment though nothing happened. */
const HEALTH_MS = 30_000;
const RESYNC_MS = 300_000;

/** Lets time pass that both sides share, in steps, each with a moment for what travels over sockets. */
async function pass(clock: FakeClock, ms: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await clock.advance(stepMs);
    await sleep(5);
  }
}

it("costs at most twelve calls an hour for an app that is alone in its project, none of which writes", async () => {
  const clock = new FakeClock();
  await using world = await CodeEngineWorld.start({ clock });
  const backend = world.backend({ clock, pace: DEFAULT_PACE });
  const watch = new AbortController();
  const told: string[] = [];
  const settle = async <T>(work: Promise<T>): Promise<T> => {
    let done = false;
    const marked = work.finally(() => {
      done = true;
    });
    while (!done) await pass(clock, 100, 100);
    return await marked;
  };
  backend.watch(({ uid }) => told.push(uid), watch.signal);
  const owner = newOwner("files");
  const request = { reference: "registry.test/files:1", pullPolicy: "IfNotPresent", dockerConfig: undefined } as const;
  const image = await settle(backend.resolveImage(request, never));
  await settle(backend.ensureImage(owner, image, request));
  const limits = { cpuMillis: 500, memoryBytes: 1e9, pids: 100 };
  const spec = contractSpec({ owner, image, port: 8080, limits, visibility: "public" });
  const { id } = await settle(backend.create(spec, { role: "current", hostPort: undefined }, never));
  await settle(backend.start(id, never));
  await pass(clock, 60_000, 1_000);
  expect(await settle(backend.observe(owner, never))).toMatchObject([{ state: { kind: "running" }, drift: [] }]);
  expect(told).toContain(owner.uid);

  world.emulator.calls.clear();
  for (let passed = 0; passed < HOUR_MS; passed += HEALTH_MS) {
    await pass(clock, HEALTH_MS, 5_000);
    expect(await settle(backend.health(never))).toMatchObject({ available: true });
    if (passed % RESYNC_MS === 0) await settle(backend.observe(owner, never));
  }
  const calls = world.emulator.calls.matching();
  expect(calls.map(({ method, path }) => `${method} ${path}`).length).toBeLessThanOrEqual(12);
  expect(calls.length).toBeGreaterThan(6);
  expect(world.emulator.calls.writes()).toEqual([]);
  watch.abort();
}, 120_000);
