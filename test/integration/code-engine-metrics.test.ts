import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Owner } from "../../src/backends/backend.ts";
import type { Usage } from "../../src/backends/usage.ts";
import { contractSpec, newOwner } from "../contract/backend.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { eventually } from "../support/eventually.ts";

const within = () => AbortSignal.timeout(30_000);
const LIMITS = { cpuMillis: 500, memoryBytes: 1e9, pids: 100 };

describe("requests on Code Engine", () => {
  let world: CodeEngineWorld;
  let backend: ReturnType<CodeEngineWorld["backend"]>;

  beforeEach(async () => {
    world = await CodeEngineWorld.start({ timings: { metricStepMs: 50 } });
    backend = watched();
  });
  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  function watched({ instance = world.emulator.createMonitoringInstance(), prefix = "", apiKey = world.apiKey } = {}) {
    const spec = world.spec({ monitoringInstanceId: instance });
    const monitoring = `${world.emulator.monitoringUrl}${prefix}`;
    return world.backend({ apiKey, spec: { ...spec, endpoints: { ...spec.endpoints, monitoring } } });
  }
  async function launch(): Promise<{ owner: Owner; call: () => Promise<number> }> {
    const owner = newOwner("files");
    const request = {
      reference: "registry.test/files:1",
      pullPolicy: "IfNotPresent",
      dockerConfig: undefined,
    } as const;
    const image = await backend.resolveImage(request, within());
    await backend.ensureImage(owner, image, request);
    const spec = contractSpec({ owner, image, port: 8080, limits: LIMITS, visibility: "public" });
    const { id } = await backend.create(spec, { role: "current", hostPort: undefined }, within());
    await backend.start(id, within());
    const { address } = await eventually("it runs", async () => {
      const [found] = await backend.observe(owner, within());
      return found?.state.kind === "running" ? found : undefined;
    });
    return { owner, call: async () => (await fetch(`http://${address}/`)).status };
  }
  async function untilRequests(owner: Owner, total: number, of = backend): Promise<Usage> {
    return await eventually(`${total} requests are known`, async () => {
      const found = await of.usage(owner, within());
      return found?.requests?.total === total ? found : undefined;
    });
  }
  const aspect = async (of = backend) =>
    (await of.health(within())).aspects?.find(({ type }) => type === "MetricsAvailable");
  const queries = () => world.emulator.calls.count({ surface: "monitoring" });

  it("are those that the app answered, with their time, beside what it uses", async () => {
    const { owner, call } = await launch();
    for (let calls = 0; calls < 3; calls += 1) await call();
    const { requests, ...used } = await untilRequests(owner, 3);
    expect(used).toEqual({ instances: 1, cpuMillis: expect.any(Number), memoryBytes: expect.any(Number) });
    expect(requests).toMatchObject({ byStatus: { "2xx": 3 }, spanSeconds: 600 });
    expect(Date.now() - Date.parse(requests?.until ?? "")).toBeLessThan(30_000);
    expect(await aspect()).toMatchObject({ available: true, message: "IBM Cloud Monitoring answered the last query" });
  });

  it("are found below a prefix, too", async () => {
    const { owner, call } = await launch();
    await call();
    await untilRequests(owner, 1, watched({ prefix: "/api" }));
  });

  it.each([
    { because: "is broken", effect: { type: "status", status: 500 }, reason: "BackendError" },
    {
      because: "is asked too often",
      effect: { type: "status", status: 429, retryAfterSeconds: 60 },
      reason: "Throttled",
    },
    { because: "lets nobody in", effect: { type: "status", status: 403 }, reason: "Forbidden" },
    { because: "breaks the connection", effect: { type: "reset", when: "before" }, reason: "BackendError" },
  ] as const)("are missing alone when monitoring $because, which a condition says", async ({ effect, reason }) => {
    const { owner } = await launch();
    await untilRequests(owner, 0);
    world.emulator.faults.add({ surface: "monitoring", count: 100, effect });
    expect(await backend.usage(owner, within())).toEqual({
      ...{ instances: 1, cpuMillis: expect.any(Number), memoryBytes: expect.any(Number) },
    });
    const told = await aspect();
    expect(told).toMatchObject({ available: false, reason, message: expect.stringContaining("IBM Cloud Monitoring") });
    const before = queries();
    expect(await backend.usage(owner, within())).toMatchObject({ instances: 1 });
    expect(queries()).toBe(before);
    expect(await aspect()).toEqual(told);
  });

  it("are not another instance's to tell, and nothing else suffers", async () => {
    const { owner } = await launch();
    const other = watched({ instance: crypto.randomUUID() });
    expect(await other.usage(owner, within())).toMatchObject({ instances: 1 });
    expect(await aspect(other)).toMatchObject({
      ...{ available: false, reason: "Forbidden", message: expect.stringContaining("monitoringInstanceId") },
    });
    expect(await other.health(within())).toMatchObject({ available: true });
  });

  it("are checked once, and then as somebody asks", async () => {
    expect(await aspect()).toBeUndefined();
    const told = await eventually("it was checked", () => aspect());
    expect(told).toMatchObject({ available: true, message: expect.stringContaining("platform metrics") });
    for (let looks = 0; looks < 5; looks += 1) await aspect();
    expect(queries()).toBe(1);
  });

  it("are not asked for where no instance is named, and a condition says how to know them", async () => {
    const { owner } = await launch();
    const before = queries();
    const plain = world.backend();
    expect(await plain.usage(owner, within())).not.toHaveProperty("requests");
    expect(await aspect(plain)).toMatchObject({
      ...{ available: false, reason: "NotConfigured" },
      message: expect.stringContaining("spec.codeEngine.monitoringInstanceId"),
    });
    expect(queries()).toBe(before);
  });
});
