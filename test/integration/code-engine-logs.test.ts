import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Aspect, LogOptions, Workload, WorkloadSpec } from "../../src/backends/backend.ts";
import { contractSpec, newOwner } from "../contract/backend.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { eventually } from "../support/eventually.ts";

const within = () => AbortSignal.timeout(30_000);
const IMAGE = "registry.test/files:1";
const LIMITS = { cpuMillis: 500, memoryBytes: 1e9, pids: 100 };

describe("logs of Code Engine", () => {
  let world: CodeEngineWorld;
  let logsInstanceId: string;
  let backend: ReturnType<CodeEngineWorld["backend"]>;

  beforeEach(async () => {
    world = await CodeEngineWorld.start({ timings: { idleMs: 1_000 } });
    world.emulator.images.define(/./, { log: ["begun"] });
    logsInstanceId = world.emulator.createLogsInstance();
    backend = withHistory();
  });
  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  function withHistory() {
    const spec = world.spec({ logsInstanceId });
    return world.backend({ spec: { ...spec, endpoints: { ...spec.endpoints, logs: world.emulator.logsUrl } } });
  }
  async function launch(patch: Partial<WorkloadSpec> = {}): Promise<{ spec: WorkloadSpec; workload: Workload }> {
    const owner = newOwner("files");
    const request = { reference: IMAGE, pullPolicy: "IfNotPresent", dockerConfig: undefined } as const;
    const image = await backend.resolveImage(request, within());
    await backend.ensureImage(owner, image, request);
    const spec = contractSpec({ owner, image, port: 8080, limits: LIMITS, visibility: "public", ...patch });
    const { id } = await backend.create(spec, { role: "current", hostPort: undefined }, within());
    await backend.start(id, within());
    return { spec, workload: await until(spec, ({ state }) => state.kind === "running") };
  }
  async function until(spec: WorkloadSpec, look: (workload: Workload) => boolean): Promise<Workload> {
    return await eventually("the workload is so", async () => {
      const [found] = await backend.observe(spec.owner, within());
      return found && look(found) ? found : undefined;
    });
  }
  const call = async ({ address }: Workload, path: string) => {
    await (await fetch(`http://${address}${path}`)).text();
  };
  function lines({ owner }: WorkloadSpec, options: Partial<LogOptions> = {}, signal = within(), of = backend) {
    return of.logs(owner, { tail: undefined, follow: false, timestamps: false, ...options }, signal);
  }
  const all = async (spec: WorkloadSpec, options: Partial<LogOptions> = {}) =>
    await Array.fromAsync(lines(spec, options));
  async function instances({ id }: Workload): Promise<string[]> {
    const { apps } = world.project;
    const app = apps.list().find(({ name }) => name === id);
    return (app?.revisions ?? []).flatMap((revision) => revision.instances.map(({ name }) => name));
  }
  async function asleep(workload: Workload): Promise<void> {
    await eventually("there is no instance", async () => (await instances(workload)).length === 0);
  }
  const history = async (of = backend): Promise<Aspect | undefined> =>
    (await of.health(within())).aspects?.find(({ type }) => type === "LogHistoryAvailable");
  const queries = () => world.emulator.calls.count({ surface: "logs" });
  /** A server that sleeps while nobody asks, has been asked for `/one`, and sleeps. */
  async function sleeper() {
    const { spec, workload } = await launch({ scaling: { min: 0, max: 1, concurrency: 10 } });
    await call(workload, "/one");
    await asleep(workload);
    return { spec, workload };
  }

  it("go back to instances that are no more", async () => {
    const { spec } = await sleeper();
    expect(await all(spec)).toEqual(["begun", "GET /one"]);
    expect(await all(spec, { tail: 1 })).toEqual(["GET /one"]);
    const [stamped = ""] = await all(spec, { timestamps: true });
    expect(stamped).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z begun$/);
  });

  it("tell a line once that both history and instance know", async () => {
    const { spec, workload } = await sleeper();
    await call(workload, "/two");
    expect(await all(spec)).toEqual(["begun", "GET /one", "begun", "GET /two"]);
    expect(await all(spec, { tail: 3 })).toEqual(["GET /one", "begun", "GET /two"]);
    await asleep(workload);
    expect(await all(spec)).toEqual(["begun", "GET /one", "begun", "GET /two"]);
  });

  it("need no history while instances have as much as is wanted", async () => {
    const { spec, workload } = await launch();
    await call(workload, "/one");
    await history();
    await eventually("the history was checked", async () => queries() > 0);
    const before = queries();
    expect(await all(spec, { tail: 2 })).toEqual(["begun", "GET /one"]);
    expect(queries()).toBe(before);
  });

  it("are those of all instances, by time", async () => {
    const { spec, workload } = await launch({ scaling: { min: 2, max: 2, concurrency: 1 } });
    await eventually("both run", async () => (await all(spec)).length === 2);
    for (const path of ["/one", "/two", "/three"]) await call(workload, path);
    const stamps = (await all(spec, { timestamps: true })).map((line) => line.split(" ")[0]);
    expect(stamps).toEqual(stamps.toSorted());
    expect((await all(spec)).slice(2)).toEqual(["GET /one", "GET /two", "GET /three"]);
    expect(await all(spec, { tail: 2 })).toEqual(["GET /two", "GET /three"]);
  });

  it.each([
    { because: "all is wanted", tail: undefined, first: ["begun", "GET /one"] },
    { because: "the end is wanted", tail: 1, first: ["GET /one"] },
    { because: "nothing old is wanted", tail: 0, first: [] },
  ])("go over to what comes, where $because", async ({ tail, first }) => {
    const { spec, workload } = await sleeper();
    const end = new AbortController();
    const seen: string[] = [];
    const looks = () => world.emulator.calls.count({ surface: "proxy" });
    const looksBefore = looks();
    const reading = (async () => {
      for await (const line of lines(spec, { tail, follow: true }, end.signal)) seen.push(line);
    })();
    const ended = expect(reading).rejects.toThrow("aborted");
    await eventually("what was before is there", async () => seen.length === first.length && looks() > looksBefore);
    await call(workload, "/two");
    await eventually("what came is there", async () => seen.includes("GET /two"));
    await call(workload, "/three");
    await eventually("what came then is there", async () => seen.includes("GET /three"));
    expect(seen.filter((line) => line !== "begun").slice(-2)).toEqual(["GET /two", "GET /three"]);
    expect(seen.slice(0, first.length)).toEqual(first);
    expect(seen.filter((line) => line === "GET /two")).toHaveLength(1);
    end.abort();
    await ended;
  });

  it("outlive their app", async () => {
    const { spec, workload } = await sleeper();
    await backend.stop(workload.id, 1, within());
    await eventually("it is stopped", async () => {
      const [found] = await backend.observe(spec.owner, within());
      return found?.state.kind === "exited" || found?.state.kind === "created";
    });
    expect(await all(spec)).toEqual(["begun", "GET /one"]);
  });

  it.each([
    { because: "it is broken", effect: { type: "status", status: 500 }, reason: "BackendError" },
    {
      because: "it is asked too often",
      effect: { type: "status", status: 429, retryAfterSeconds: 60 },
      reason: "Throttled",
    },
    { because: "it lets nobody in", effect: { type: "status", status: 403 }, reason: "Forbidden" },
  ] as const)("go on without the history when $because, and say so", async ({ effect, reason }) => {
    const { spec, workload } = await launch();
    await call(workload, "/two");
    world.emulator.faults.add({ surface: "logs", count: 10, effect });
    expect(await all(spec)).toEqual(["begun", "GET /two"]);
    const told = await history();
    expect(told).toMatchObject({ available: false, reason, message: expect.stringContaining("IBM Cloud Logs") });
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({ level: "warn", message: "logs are shown without their history" }),
    );
    const before = queries();
    expect(await all(spec)).toEqual(["begun", "GET /two"]);
    expect(queries()).toBe(before);
    expect(await history()).toEqual(told);
  });

  it("are checked for their history once, and then as they are read", async () => {
    expect(await history()).toBeUndefined();
    const told = await eventually("it was checked", () => history());
    expect(told).toMatchObject({ available: true, reason: "Available" });
    for (let looks = 0; looks < 5; looks += 1) await history();
    expect(queries()).toBe(1);
  });

  it("are live ones where no history is named, and a condition says how to have more", async () => {
    const plain = world.backend();
    const read = async (spec: WorkloadSpec) => await Array.fromAsync(lines(spec, {}, within(), plain));
    const { spec } = await sleeper();
    expect(await read(spec)).toEqual([]);
    const awake = await launch();
    await call(awake.workload, "/two");
    expect(await read(awake.spec)).toEqual(["begun", "GET /two"]);
    expect(await history(plain)).toMatchObject({
      available: false,
      reason: "NotConfigured",
      message: expect.stringContaining("spec.codeEngine.logsInstanceId"),
    });
    expect(queries()).toBe(0);
  });
});

describe("use of Code Engine", () => {
  const MiB = 1024 * 1024;

  async function used(patch: Partial<WorkloadSpec> = {}, idleMs = 30_000) {
    const world = await CodeEngineWorld.start({ timings: { idleMs } });
    const usage = { cpuNanoCores: 120_000_000, memoryBytes: 64 * MiB };
    world.emulator.images.define(/./, { usage });
    const backend = world.backend();
    const owner = newOwner("files");
    const request = { reference: IMAGE, pullPolicy: "IfNotPresent", dockerConfig: undefined } as const;
    const image = await backend.resolveImage(request, within());
    await backend.ensureImage(owner, image, request);
    const spec = contractSpec({ owner, image, port: 8080, limits: LIMITS, visibility: "public", ...patch });
    const { id } = await backend.create(spec, { role: "current", hostPort: undefined }, within());
    await backend.start(id, within());
    const aspect = async () => (await backend.health(within())).aspects?.find(({ type }) => type === "UsageAvailable");
    return {
      world,
      backend,
      owner,
      aspect,
      async until(instances: number) {
        return await eventually(`${instances} instances run`, async () => {
          const found = await backend.usage(owner, within());
          return found?.instances === instances ? found : undefined;
        });
      },
      [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
    };
  }

  it("is that of all instances, without what the platform runs beside them", async () => {
    await using use = await used({ scaling: { min: 2, max: 2, concurrency: 1 } });
    expect(await use.aspect()).toBeUndefined();
    expect(await use.until(2)).toEqual({ instances: 2, cpuMillis: 240, memoryBytes: 128 * MiB });
    expect(await use.aspect()).toMatchObject({ available: true });
  });

  it("is nothing at no instance, and not known of what is not there", async () => {
    await using use = await used({ scaling: { min: 0, max: 1, concurrency: 1 } }, 100);
    expect(await use.until(0)).toEqual({ instances: 0, cpuMillis: 0, memoryBytes: 0 });
    expect(await use.backend.usage(newOwner("other"), within())).toBeUndefined();
  });

  it.each([
    { because: "refuses", status: 403, reason: "Forbidden" },
    { because: "is down", status: 503, reason: "BackendError" },
  ])("is the number of instances alone where the proxy $because, and a condition says so", async (given) => {
    const { status, reason } = given;
    await using use = await used();
    const fault = use.world.emulator.faults.add({ surface: "proxy", count: 100, effect: { type: "status", status } });
    expect(await use.until(1)).toEqual({ instances: 1, cpuMillis: undefined, memoryBytes: undefined });
    const told = await use.aspect();
    expect(told).toMatchObject({ available: false, reason, message: expect.stringContaining(`HTTP ${status}`) });
    await use.until(1);
    expect(await use.aspect()).toEqual(told);
    fault.remove();
    await use.until(1);
    expect(await use.aspect()).toMatchObject({ available: true });
  });
});
