import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import type { Owner } from "../../src/backends/backend.ts";
import type { BuildRequest, BuildState } from "../../src/backends/build.ts";
import { DEFAULT_PACE } from "../../src/backends/code-engine/code-engine-config.ts";
import { newOwner } from "../contract/backend.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { FakeClock } from "../support/fake-clock.ts";

jest.setTimeout(120_000);

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;
/** As often as the controllers look again at a build that goes on. */
const LOOK_MS = 10_000;

const auths = { "registry.test": { username: "pusher", password: "open sesame" } };
const REQUEST: BuildRequest = {
  key: "first",
  source: {
    url: "https://git.example/team/files",
    revision: undefined,
    contextDir: "",
    dockerfile: "Dockerfile",
    credentials: undefined,
  },
  buildArgs: {},
  push: { repository: "registry.test/team/files", dockerConfig: JSON.stringify({ auths }) },
  timeoutSeconds: 600,
};

/** Both sides have one clock, and the pace is that of production. */
describe("builds in the course of time", () => {
  let clock: FakeClock;
  let world: CodeEngineWorld;
  let backend: ReturnType<CodeEngineWorld["backend"]>;
  let owner: Owner;

  beforeEach(async () => {
    clock = new FakeClock();
    world = await CodeEngineWorld.start({ clock, timings: { workStepMs: 60_000 } });
    backend = world.backend({ clock, pace: DEFAULT_PACE });
    owner = newOwner("files");
  });
  afterEach(async () => await world[Symbol.asyncDispose]());

  /** In steps, each with a moment for what travels over sockets. */
  async function pass(ms: number, stepMs: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += stepMs) {
      await clock.advance(stepMs);
      await sleep(5);
    }
  }
  async function settle<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const marked = work.finally(() => {
      done = true;
    });
    marked.catch(() => undefined);
    while (!done) await pass(100, 100);
    return await marked;
  }
  const ask = (of = owner, request = REQUEST): Promise<BuildState> =>
    settle(backend.ensureBuild(of, request, 1, never));
  async function finish(of = owner): Promise<BuildState> {
    for (;;) {
      const state = await ask(of);
      if (state.kind === "built" || state.kind === "failed") return state;
      await pass(LOOK_MS, 1_000);
    }
  }
  const reads = () => world.emulator.calls.matching({ method: "GET", path: /\/build_runs\// });

  it("ask ever more rarely while they go on, and never when they are over", async () => {
    const watch = new AbortController();
    const told: string[] = [];
    world.emulator.failures.add({ kind: "build-run", reason: "timeout" });
    backend.watch(({ uid }) => told.push(uid), watch.signal);
    await ask();
    world.emulator.calls.clear();
    for (let passed = 0; passed < 600_000; passed += LOOK_MS) {
      await pass(LOOK_MS, 1_000);
      await ask();
    }
    const gaps = reads().map(({ at }) => at.getTime());
    const seconds = gaps.slice(1).map((at, index) => (at - (gaps[index] ?? 0)) / 1_000);
    expect(Math.min(...seconds)).toBeGreaterThanOrEqual(8);
    expect(seconds.slice(5).every((gap) => gap >= 26 && gap <= 41)).toBe(true);
    expect(await finish()).toMatchObject({ kind: "failed", reason: "BuildTimeout" });
    expect(told).toContain(owner.uid);
    world.emulator.calls.clear();
    await pass(HOUR_MS, 30_000);
    expect(world.emulator.calls.matching({ path: /\/(builds|build_runs)(\/|$)/ })).toEqual([]);
    expect(world.emulator.calls.writes()).toEqual([]);
    watch.abort();
  });

  it("are made again where Code Engine has forgotten that they are done", async () => {
    expect(await finish()).toMatchObject({ kind: "built" });
    await pass(3.1 * HOUR_MS, 300_000);
    const fresh = world.backend({ clock, pace: DEFAULT_PACE });
    const again = await settle(fresh.ensureBuild(owner, REQUEST, 1, never));
    expect(again).toMatchObject({ kind: "waiting" });
    expect(await finish()).toMatchObject({ kind: "built" });
  });

  it.each(["builds", "build_runs"] as const)("make room among %s that are known to be done", async (kind) => {
    const mine = await finish();
    await pass(700_000, 50_000);
    const { project } = world;
    const token = await settle(tokenFor());
    for (let count = 0; count < 99; count++) {
      const body = {
        name: `other-${count}`,
        output_image: "registry.test/a/other",
        output_secret: "other",
        strategy_type: "dockerfile",
        source_url: "https://git.example/other",
      };
      const request = new Request(`http://localhost/v2/projects/${project.id}/${kind}?version=2026-06-15`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      await world.emulator.handlers.api(request);
      // So many at once do not run.
      if (kind === "build_runs" && count % 9 === 8) await pass(60_000, 60_000);
    }
    const another = newOwner("another");
    await expect(ask(another)).rejects.toMatchObject({
      reason: "QuotaExceeded",
      message: expect.stringContaining("Slipway removes 1 of its own"),
    });
    await pass(5_000, 1_000);
    expect(await ask(another)).toMatchObject({ kind: "waiting" });
    expect(mine.kind).toBe("built");
  });

  async function tokenFor(): Promise<string> {
    const body = new URLSearchParams({
      grant_type: "urn:ibm:params:oauth:grant-type:apikey",
      apikey: world.apiKey,
    });
    const answer = await fetch(`${world.emulator.iamUrl}/identity/token`, { method: "POST", body });
    return ((await answer.json()) as { access_token: string }).access_token;
  }
});
