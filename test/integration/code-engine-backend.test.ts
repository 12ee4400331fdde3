import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Workload, WorkloadSpec } from "../../src/backends/backend.ts";
import { contractSpec, newOwner } from "../contract/backend.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { eventually } from "../support/eventually.ts";

const within = () => AbortSignal.timeout(30_000);
const IMAGE = "registry.test/files:1";
const SECRET = "not-for-everybody";

describe("the Code Engine backend", () => {
  let world: CodeEngineWorld;
  let backend: ReturnType<CodeEngineWorld["backend"]>;
  let admin: PlainClient;

  beforeEach(async () => {
    world = await CodeEngineWorld.start();
    backend = world.backend();
    admin = new PlainClient(world.emulator.handlers, world.emulator.createApiKey());
  });
  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  const home = () => `/projects/${world.project.id}`;
  async function names(kind: "apps" | "secrets" | "config_maps"): Promise<string[]> {
    const { body } = await admin.get(`${home()}/${kind}`);
    return (body[kind] as { name: string }[]).map(({ name }) => name);
  }
  async function newSpec(patch: Partial<WorkloadSpec> = {}): Promise<WorkloadSpec> {
    const owner = newOwner("files");
    const request = { reference: IMAGE, pullPolicy: "IfNotPresent", dockerConfig: undefined } as const;
    const image = await backend.resolveImage(request, within());
    await backend.ensureImage(owner, image, request);
    const limits = { cpuMillis: 500, memoryBytes: 1e9, pids: 100 };
    return contractSpec({ owner, image, port: 8080, limits, visibility: "public", ...patch });
  }
  async function until(spec: WorkloadSpec, look: (workload: Workload) => boolean, on = backend): Promise<Workload> {
    return await eventually("the workload is so", async () => {
      const [found] = await on.observe(spec.owner, within());
      return found && look(found) ? found : undefined;
    });
  }
  const serves = ({ state, rollout }: Workload) => state.kind === "running" && !rollout;
  async function launch(spec: WorkloadSpec): Promise<Workload> {
    const { id } = await backend.create(spec, { role: "current", hostPort: undefined }, within());
    await backend.start(id, within());
    return await until(spec, serves);
  }
  /** As a controller does: again, until it works. */
  async function insist<T>(work: () => Promise<T>): Promise<T> {
    return await eventually("it works", work);
  }

  it("keeps secret values out of apps, records and errors, and in secrets", async () => {
    const spec = await newSpec({ env: { MODE: "fast", TOKEN: SECRET }, secretVariables: new Set(["TOKEN"]) });
    const { id } = await launch(spec);
    const app = await admin.get(`${home()}/apps/${id}`);
    expect(JSON.stringify(app.body)).not.toContain(SECRET);
    for (const name of await names("config_maps")) {
      expect(JSON.stringify((await admin.get(`${home()}/config_maps/${name}`)).body)).not.toContain(SECRET);
    }
    const [secret = ""] = await names("secrets");
    expect((await admin.get(`${home()}/secrets/${secret}`)).body.data).toEqual({ TOKEN: SECRET });
    expect(JSON.stringify(world.log.lines)).not.toContain(SECRET);
  });

  it.each([
    { because: "its record was made and nobody heard of it", method: "POST", path: "/config_maps" },
    { because: "its app was made and nobody heard of it", method: "POST", path: "/apps" },
    { because: "its record was changed and nobody heard of it", method: "PUT", path: /\/config_maps\/[^/]+$/ },
  ])("ends with one app where $because", async ({ method, path }) => {
    const spec = await newSpec();
    const fault = world.emulator.faults.add({ method, path, count: 3, effect: { type: "reset", when: "after" } });
    const { id } = await insist(() => backend.create(spec, { role: "current", hostPort: undefined }, within()));
    await insist(() => backend.start(id, within()));
    await until(spec, serves);
    expect(fault.hits).toBeGreaterThan(0);
    expect(await names("apps")).toEqual([id]);
    expect(await names("config_maps")).toEqual([id]);
  });

  it("ends with what was asked for where the answer to a change was lost", async () => {
    const spec = await newSpec();
    const { id } = await launch(spec);
    world.emulator.faults.add({ method: "PATCH", path: /\/apps\//, effect: { type: "reset", when: "after" } });
    const newer = { ...spec, hash: "newer", generation: 2 };
    await insist(() => backend.update(id, newer, within()));
    expect(await until(spec, (each) => each.hash === "newer" && serves(each))).toMatchObject({ generation: 2 });
    expect(await names("apps")).toEqual([id]);
  });

  it("is done with a removal whose answer was lost", async () => {
    const spec = await newSpec();
    await launch(spec);
    world.emulator.faults.add({ method: "DELETE", path: /\/apps\//, effect: { type: "reset", when: "after" } });
    await insist(async () => (await backend.purge(spec.owner, within())) || undefined);
    expect(await names("apps")).toEqual([]);
    await eventually("all is gone", async () => (await names("config_maps")).length === 0);
  });

  it("never touches an app of its name that somebody else made", async () => {
    const spec = await newSpec();
    const { id } = await backend.create(spec, { role: "current", hostPort: undefined }, within());
    const foreign = { name: id, image_reference: "registry.test/other:1" };
    await admin.post(`${home()}/apps`, foreign);
    await expect(backend.start(id, within())).rejects.toMatchObject({ message: expect.stringContaining("left alone") });
    await eventually("it is purged", () => backend.purge(spec.owner, within()));
    expect((await admin.get(`${home()}/apps/${id}`)).body).toMatchObject({ image_reference: foreign.image_reference });
  });

  it("finds what others change, and sets it back", async () => {
    const spec = await newSpec();
    const { id } = await launch(spec);
    const app = await admin.get(`${home()}/apps/${id}`);
    const ifMatch = String(app.body.entity_tag);
    await admin.patch(`${home()}/apps/${id}`, { image_port: 9000 }, { ifMatch });
    const fresh = world.backend();
    const drifted = await until(spec, ({ drift }) => drift.length > 0, fresh);
    expect(drifted.drift).toEqual([{ kind: "spec", message: expect.stringContaining("image_port") }]);
    await fresh.repair(drifted, within());
    await until(spec, (each) => serves(each) && each.drift.length === 0, fresh);
    expect((await admin.get(`${home()}/apps/${id}`)).body).toMatchObject({ image_port: 8080 });
  });

  it("changes who reaches it without another revision", async () => {
    const first = await newSpec({ env: { MODE: "fast" }, processHash: "process" });
    const before = await launch(first);
    const revisions = async () => {
      const { body } = await admin.get(`${home()}/apps/${before.id}/revisions`);
      return (body.revisions as { name: string }[]).map(({ name }) => name);
    };
    const were = await revisions();
    const parts = [await names("secrets"), await names("config_maps")];
    for (const [visibility, address] of [
      ["project", expect.stringContaining(".svc.cluster.local:80")],
      ["private", expect.stringContaining(".private.us-south.codeengine.appdomain.cloud")],
      ["public", before.address],
    ] as const) {
      const newer: WorkloadSpec = { ...first, visibility, hash: visibility, generation: first.generation + 1 };
      await backend.update(before.id, newer, within());
      const after = await until(newer, (each) => each.hash === visibility && serves(each));
      expect(after).toMatchObject({ address, startedAt: before.startedAt, generation: 2, drift: [] });
      const [found] = await world.backend().observe(first.owner, within());
      expect(found).toEqual(after);
    }
    expect(await revisions()).toEqual(were);
    expect([await names("secrets"), await names("config_maps")]).toEqual(parts);
  });

  it("sets back who reaches it where that change was recorded and not made", async () => {
    const first = await newSpec({ processHash: "process" });
    const { id } = await launch(first);
    world.emulator.faults.add({ method: "PATCH", path: /\/apps\//, effect: { type: "status", status: 400 } });
    const newer: WorkloadSpec = { ...first, visibility: "project", hash: "newer" };
    await expect(backend.update(id, newer, within())).rejects.toThrow();
    const drifted = await until(newer, ({ drift }) => drift.length > 0, world.backend());
    expect(drifted).toMatchObject({ hash: "newer", drift: [{ message: expect.stringContaining("managed_domain") }] });
    await backend.repair(drifted, within());
    await until(newer, (each) => serves(each) && each.drift.length === 0);
    expect((await admin.get(`${home()}/apps/${id}`)).body).toMatchObject({ managed_domain_mappings: "local" });
  });

  it("probes as the spec asks, and forgets what it asks no longer", async () => {
    const often = { periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2, initialDelaySeconds: 1 };
    const probe = { kind: "http", path: "/", ...often } as const;
    const first = await newSpec({ readiness: probe, liveness: probe });
    const { id } = await launch(first);
    const asked = { path: "/", port: 8080, interval: 5, timeout: 3, failure_threshold: 2, initial_delay: 1 };
    const app = await admin.get(`${home()}/apps/${id}`);
    expect(app.body).toMatchObject({ probe_readiness: asked, probe_liveness: asked });
    const { readiness: _, liveness: __, ...rest } = first;
    await backend.update(id, { ...rest, hash: "newer" }, within());
    const after = await until(rest, (each) => each.hash === "newer" && serves(each));
    expect(after.drift).toEqual([]);
    const { body } = await admin.get(`${home()}/apps/${id}`);
    expect(body).not.toHaveProperty("probe_liveness");
    expect(body.probe_readiness).toMatchObject({ type: "tcp", interval: 5, timeout: 2, failure_threshold: 3 });
    expect(body.probe_readiness).not.toHaveProperty("path");
    expect(body.probe_readiness).not.toHaveProperty("initial_delay");
  });

  it("finds a probe that others change", async () => {
    const spec = await newSpec();
    const { id } = await launch(spec);
    const app = await admin.get(`${home()}/apps/${id}`);
    const changed = { probe_readiness: { type: "http", path: "/x" } };
    await admin.patch(`${home()}/apps/${id}`, changed, { ifMatch: String(app.body.entity_tag) });
    const { drift } = await until(spec, (each) => each.drift.length > 0, world.backend());
    expect(drift).toEqual([{ kind: "spec", message: expect.stringContaining("probe_readiness") }]);
  });

  it("leaves what serves when a newer revision fails, says why, and tries again when asked", async () => {
    const spec = await newSpec();
    const { id } = await launch(spec);
    const takeBack = world.emulator.failures.add({
      kind: "revision",
      reason: "container_failed_exit_code_1",
      name: id,
    });
    const newer = { ...spec, hash: "newer", generation: 2 };
    await backend.update(id, newer, within());
    const failed = await until(spec, ({ rollout }) => rollout?.trouble !== undefined);
    expect(failed).toMatchObject({
      hash: "first",
      state: { kind: "running" },
      rollout: {
        hash: "newer",
        trouble: { reason: "CrashLoopBackOff", message: expect.stringContaining("exit code 1") },
      },
    });
    takeBack();
    await backend.update(id, newer, within());
    expect(await until(spec, serves)).toMatchObject({ hash: "newer" });
  });

  it("says why nothing comes up at all", async () => {
    const spec = await newSpec();
    world.emulator.failures.add({ kind: "revision", reason: "fetch_image_failed_wrong_pull_credentials" });
    const { id } = await backend.create(spec, { role: "current", hostPort: undefined }, within());
    await backend.start(id, within());
    expect(await until(spec, ({ state }) => state.kind === "failed")).toMatchObject({
      state: { reason: "ImagePullUnauthorized", message: expect.stringContaining("pullSecretRef") },
    });
  });

  it("names the quota that is reached", async () => {
    await world[Symbol.asyncDispose]();
    world = await CodeEngineWorld.start({ quotas: { apps: 40 } });
    backend = world.backend();
    admin = new PlainClient(world.emulator.handlers, world.emulator.createApiKey());
    for (let count = 0; count < 40; count++)
      await admin.post(`${home()}/apps`, { name: `other-${count}`, image_reference: "registry.test/other:1" });
    const spec = await newSpec();
    const { id } = await backend.create(spec, { role: "current", hostPort: undefined }, within());
    await expect(backend.start(id, within())).rejects.toMatchObject({
      reason: "QuotaExceeded",
      retryAfterMs: expect.any(Number),
      message: expect.stringContaining("40 apps"),
    });
  });

  it("is unavailable while its key is refused, and says what to do", async () => {
    expect(await backend.health(within())).toMatchObject({ available: true });
    const key = world.emulator.createApiKey();
    const other = world.backend({ apiKey: key });
    world.emulator.revokeApiKey(key);
    expect(await other.health(within())).toMatchObject({
      available: false,
      reason: "BackendUnavailable",
      message: expect.stringContaining("apiKeySecretRef"),
    });
    expect((await other.health(within())).message).not.toContain(key);
  });

  it.each([
    { because: "there is no such project", project: { name: "other" }, message: /no active one of that name/ },
    { because: "two have that name", project: { name: "twice" }, message: /2 have that name/ },
    { because: "it was deleted", project: { name: "gone" }, message: /soft_deleted in us-south/ },
  ])("is unavailable where $because", async ({ project, message }) => {
    world.emulator.createProject({ name: "twice" });
    world.emulator.createProject({ name: "twice" });
    world.emulator.createProject({ name: "gone", status: "soft_deleted" });
    const other = world.backend({ spec: world.spec({ project }) });
    expect(await other.health(within())).toMatchObject({ available: false, message: expect.stringMatching(message) });
  });

  it("notices that its project is deleted while it runs, and that it is restored", async () => {
    const spec = await newSpec();
    const { id } = await launch(spec);
    world.project.status = "soft_deleted";
    const newer = { ...spec, hash: "newer", generation: 2 };
    await expect(backend.update(id, newer, within())).rejects.toMatchObject({ name: "TransientError" });
    expect(await backend.health(within())).toMatchObject({
      available: false,
      message: expect.stringContaining("soft deleted"),
    });
    world.project.status = "active";
    await insist(async () => (await backend.health(within())).available || undefined);
    await insist(() => backend.update(id, newer, within()));
    expect(await until(spec, serves)).toMatchObject({ hash: "newer" });
  });

  it("waits as long as it is told to where too much is asked", async () => {
    const spec = await newSpec();
    const effect = { type: "status", status: 429, retryAfterSeconds: 90 } as const;
    world.emulator.faults.add({ method: "POST", path: "/config_maps", effect });
    const create = backend.create(spec, { role: "current", hostPort: undefined }, within());
    await expect(create).rejects.toMatchObject({ reason: "BackendUnavailable", retryAfterMs: 90_000 });
  });

  it("waits for an app that takes minutes to go", async () => {
    await world[Symbol.asyncDispose]();
    world = await CodeEngineWorld.start({ timings: { deletionMs: 1_500 } });
    backend = world.backend({ pace: { restMs: 60_000, busyMs: 25, goneMs: 50 } });
    admin = new PlainClient(world.emulator.handlers, world.emulator.createApiKey());
    const spec = await newSpec();
    const { id } = await launch(spec);
    await backend.stop(id, 1, within());
    expect(await backend.observe(spec.owner, within())).toMatchObject([{ state: { kind: "running" } }]);
    await expect(backend.start(id, within())).rejects.toMatchObject({
      message: expect.stringContaining("still being deleted"),
    });
    await until(spec, ({ state }) => state.kind === "exited");
    await backend.start(id, within());
    await until(spec, serves);
  });

  it("meets the changes of others without a loss of either", async () => {
    const spec = await newSpec();
    const { id } = await launch(spec);
    world.emulator.faults.add({ method: "PATCH", path: /\/apps\//, effect: { type: "status", status: 412 } });
    await backend.update(id, { ...spec, hash: "newer", generation: 2 }, within());
    expect(await until(spec, (each) => each.hash === "newer" && serves(each))).toMatchObject({ generation: 2 });
  });
});
