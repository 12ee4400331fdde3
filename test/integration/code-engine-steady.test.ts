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

it.each([
  { because: "is alone in its project", egress: "Unmanaged" },
  { because: "is alone in a project whose rules for egress are kept", egress: "Managed" },
] as const)(
  "costs at most twelve calls an hour for an app that $because, none of which writes",
  async ({ egress }) => {
    const clock = new FakeClock();
    await using world = await CodeEngineWorld.start({ clock });
    const monitoringInstanceId = world.emulator.createMonitoringInstance();
    const spec = world.spec({ egress, monitoringInstanceId, logsInstanceId: world.emulator.createLogsInstance() });
    const endpoints = { ...spec.endpoints, logs: world.emulator.logsUrl, monitoring: world.emulator.monitoringUrl };
    const backend = world.backend({ clock, pace: DEFAULT_PACE, spec: { ...spec, endpoints } });
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
    const keepEgress = async (): Promise<boolean> => {
      await settle(backend.manageEgress({ profile: "closed", egress: { kind: "closed" } }, never));
      const { aspects = [] } = await settle(backend.health(never));
      return aspects.every(({ type, available }) => type !== "EgressManaged" || available);
    };
    while (!(await keepEgress())) await pass(clock, 5_000, 1_000);
    backend.watch(({ uid }) => told.push(uid), watch.signal);
    const owner = newOwner("files");
    const request = {
      reference: "registry.test/files:1",
      pullPolicy: "IfNotPresent",
      dockerConfig: undefined,
    } as const;
    const image = await settle(backend.resolveImage(request, never));
    await settle(backend.ensureImage(owner, image, request));
    const limits = { cpuMillis: 500, memoryBytes: 1e9, pids: 100 };
    const workload = contractSpec({ owner, image, port: 8080, limits, visibility: "public" });
    const { id } = await settle(backend.create(workload, { role: "current", hostPort: undefined }, never));
    await settle(backend.start(id, never));
    await pass(clock, 60_000, 1_000);
    expect(await settle(backend.observe(owner, never))).toMatchObject([{ state: { kind: "running" }, drift: [] }]);
    expect(told).toContain(owner.uid);

    world.emulator.calls.clear();
    for (let passed = 0; passed < HOUR_MS; passed += HEALTH_MS) {
      await pass(clock, HEALTH_MS, 5_000);
      expect(await keepEgress()).toBe(true);
      expect(await settle(backend.health(never))).toMatchObject({ available: true });
      if (passed % RESYNC_MS === 0) await settle(backend.observe(owner, never));
    }
    const calls = world.emulator.calls.matching();
    expect(calls.map(({ method, path }) => `${method} ${path}`).length).toBeLessThanOrEqual(12);
    expect(calls.length).toBeGreaterThan(6);
    expect(world.emulator.calls.writes()).toEqual([]);
    for (const surface of ["proxy", "logs", "monitoring"] as const)
      expect({ surface, calls: world.emulator.calls.count({ surface }) }).toEqual({ surface, calls: 0 });
    watch.abort();
  },
  120_000,
);
