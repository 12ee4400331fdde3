import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  type App,
  appLogQuery,
  appSelector,
  type BuildPrototype,
  buildRunSelector,
  CodeEngineClient,
  type CodeEngineClientOptions,
  CodeEngineError,
  type ProjectClient,
  type ProjectProxy,
  subdomainOf,
  USER_CONTAINER,
} from "../../src/backends/code-engine/client/index.ts";
import { CodeEngineEmulator } from "../support/code-engine/emulator.ts";
import { failureOf } from "../support/code-engine-script.ts";
import { eventually } from "../support/eventually.ts";
import { witnessed } from "../support/secrets/witnessed.ts";

const options = { signal: new AbortController().signal };
const image = "icr.io/codeengine/helloworld";
const timings = {
  deletionMs: 100,
  schedulingMs: 10,
  instanceStartMs: 20,
  retryMs: 20,
  // Far above what a busy machine needs: a deadline that is missed is a failure.
  initialScaleDeadlineMs: 20_000,
  workStepMs: 20,
};

let emulator: CodeEngineEmulator;
let apiKey: string;
let client: CodeEngineClient;
let project: ProjectClient;

function connect(own: Partial<CodeEngineClientOptions> = {}): CodeEngineClient {
  const overrides = { api: emulator.apiUrl, iam: emulator.iamUrl, proxy: emulator.proxyUrl };
  const retry = { attempts: 4, baseMs: 10, capMs: 2_000 };
  const budget = { concurrent: 5, perSecond: 1_000, burst: 1_000, reserve: 0, queue: 300 };
  const made = new CodeEngineClient({ apiKey, region: "us-south", overrides, retry, budget, ...own });
  return witnessed(made, { name: "client" });
}

beforeEach(async () => {
  // What the client sends is all that there is to send.
  emulator = await CodeEngineEmulator.start({ timings, switches: { strictBodies: true } });
  apiKey = emulator.createApiKey();
  emulator.createProject({ name: "other" });
  emulator.createProject({ name: "tools" });
  client = connect();
  const { id } = await client.resolveProject({ name: "tools" }, options);
  project = client.project(id);
});

afterEach(async () => {
  client[Symbol.dispose]();
  await emulator[Symbol.asyncDispose]();
});

async function settled(name: string): Promise<App> {
  return await eventually(`${name} to settle`, async () => {
    const app = await project.apps.get(name, options);
    return app.status === "deploying" ? undefined : app;
  });
}

describe("an application", () => {
  it("lives: created, ready, changed, gone", async () => {
    await project.secrets.create({ format: "generic", name: "s", data: { TOKEN: "hidden" } }, options);
    await project.configMaps.create({ name: "c", data: { a: "1" } }, options);
    const created = await project.apps.create(
      {
        ...{ name: "files", image_reference: image, image_port: 8080, managed_domain_mappings: "local_public" },
        ...{ run_commands: ["/bin/server"], run_arguments: ["--port", "8080"], run_as_user: 1000 },
        ...{ run_service_account: "none", run_compute_resource_token_enabled: false },
        run_env_variables: [
          { type: "literal", name: "A", value: "b" },
          { type: "secret_key_reference", name: "T", reference: "s", key: "TOKEN" },
          { type: "config_map_full_reference", reference: "c", prefix: "C_" },
        ],
        run_volume_mounts: [{ type: "secret", reference: "s", mount_path: "/etc/s" }],
        ...{ scale_cpu_limit: "0.25", scale_memory_limit: "0.5G", scale_ephemeral_storage_limit: "400M" },
        ...{ scale_min_instances: 1, scale_max_instances: 2, scale_initial_instances: 1, scale_concurrency: 10 },
        ...{ scale_concurrency_target: 5, scale_request_timeout: 600, scale_down_delay: 60 },
        probe_readiness: { type: "http", path: "/health", port: 8080, interval: 5 },
        probe_liveness: { type: "tcp", port: 8080 },
      },
      options,
    );
    expect(created).toMatchObject({ name: "files", scale_memory_limit: "0.5G", run_as_user: 1000 });

    const ready = await settled("files");
    expect(ready).toMatchObject({ status: "ready", status_details: { latest_ready_revision: "files-00001" } });
    const revision = await project.revisions("files").get("files-00001", options);
    expect(revision).toMatchObject({ status: "ready", status_details: { actual_instances: 1 } });
    const [instance] = await Array.fromAsync(project.instances("files").list(options));
    expect(instance).toMatchObject({ status: "running", revision_name: "files-00001" });

    const tagged = { ...options, entityTag: ready.entity_tag };
    const changed = await project.apps.patch("files", { run_env_variables: [], scale_down_delay: null }, tagged);
    expect(changed.run_env_variables).toEqual([]);
    const stale = await failureOf(project.apps.patch("files", { image_port: 8081 }, tagged));
    expect(stale).toMatchObject({ kind: "conflict", status: 412, uncertain: false, trace: expect.any(String) });

    expect(await project.apps.delete("files", options)).toBe("accepted");
    await eventually("it to be gone", async () => (await project.apps.delete("files", options)) === "absent");
    expect(await failureOf(project.apps.get("files", options))).toMatchObject({ kind: "notFound", status: 404 });
  });

  it("that fails tells so in its revision", async () => {
    emulator.failures.add({ kind: "revision", name: "bad", reason: "fetch_image_failed_unknown_manifest" });
    await project.apps.create({ name: "bad", image_reference: image }, options);
    expect(await settled("bad")).toMatchObject({ status: "failed", status_details: { reason: "no_revision_ready" } });
    expect(await project.revisions("bad").get("bad-00001", options)).toMatchObject({
      status_details: { reason: "fetch_image_failed_unknown_manifest" },
    });
  });

  it.each([
    { because: "the image has a registry's port", wrong: { image_reference: "localhost:5000/x/mine" } },
    { because: "CPU and memory are no pair", wrong: { scale_cpu_limit: "1", scale_memory_limit: "1G" } },
    { because: "the name is none", wrong: { name: "Files" } },
  ])("is refused when $because", async ({ wrong }) => {
    const error = await failureOf(project.apps.create({ name: "files", image_reference: image, ...wrong }, options));
    expect(error).toMatchObject({ kind: "terminal", status: 400, target: expect.any(String) });
  });
});

describe("what is kept", () => {
  it("replaces secrets and config maps whole, with the tag of what was read", async () => {
    const registry = { server: "icr.io", username: "iamapikey", password: "first-password" };
    await project.secrets.create({ format: "registry", name: "r", data: registry }, options);
    const { entity_tag: entityTag } = await project.secrets.get("r", options);
    const data = { ...registry, password: "second-password" };
    await project.secrets.replace("r", { format: "registry", data }, { ...options, entityTag });
    expect((await project.secrets.get("r", options)).data?.reveal()).toEqual(data);
    const [listed] = await Array.fromAsync(project.secrets.list({ ...options, format: "registry" }));
    expect(listed).toMatchObject({ name: "r", format: "registry" });

    const map = await project.configMaps.create({ name: "hashes", data: { a: "1" } }, options);
    await project.configMaps.replace("hashes", { data: { b: "2" } }, { ...options, entityTag: map.entity_tag });
    expect((await project.configMaps.get("hashes", options)).data).toEqual({ b: "2" });
  });

  it("is listed to its last page", async () => {
    await using large = await CodeEngineEmulator.start({ quotas: { configMaps: 250 } });
    apiKey = large.createApiKey();
    const { id } = large.createProject({ name: "large" });
    using other = connect({ overrides: { api: large.apiUrl, iam: large.iamUrl } });
    const { configMaps } = other.project(id);
    const names = Array.from({ length: 205 }, (_, index) => `map-${index}`).sort();
    await Promise.all(names.map((name) => configMaps.create({ name, data: {} }, options)));
    const listed = await Array.fromAsync(configMaps.list(options));
    expect(listed.map(({ name }) => name).sort()).toEqual(names);
  });
});

describe("a build", () => {
  const recipe: Omit<BuildPrototype, "name"> = {
    ...{ output_image: "icr.io/space/built", output_secret: "r", strategy_type: "dockerfile", strategy_size: "small" },
    ...{ source_type: "git", source_url: "https://example.com/org/repo", source_revision: "main", timeout: 300 },
    run_build_params: [{ type: "literal", name: "A", value: "b" }],
  };

  beforeEach(async () => {
    const data = { server: "icr.io", username: "iamapikey", password: "the-password" };
    await project.secrets.create({ format: "registry", name: "r", data }, options);
  });

  async function finished(name: string) {
    return await eventually(`${name} to finish`, async () => {
      const run = await project.buildRuns.get(name, options);
      return run.status === "succeeded" || run.status === "failed" ? run : undefined;
    });
  }

  it("is made, changed, and run; its run tells a digest and has a log", async () => {
    const build = await project.builds.create({ name: "b", ...recipe }, options);
    const tagged = { ...options, entityTag: build.entity_tag };
    expect(await project.builds.patch("b", { timeout: 60, source_revision: null }, tagged)).toMatchObject({
      timeout: 60,
    });
    await project.buildRuns.create({ name: "b-1", build_name: "b" }, options);
    const run = await finished("b-1");
    expect(run).toMatchObject({ status: "succeeded", build_name: "b" });
    expect(run.status_details?.output_digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    const listed = await Array.fromAsync(project.buildRuns.list({ ...options, build_name: "b" }));
    expect(listed.map(({ name }) => name)).toEqual(["b-1"]);
    const [pod] = await Array.fromAsync((await proxy()).pods(buildRunSelector("b-1"), options));
    expect(pod?.spec?.containers.concat(pod.spec.initContainers).map(({ name }) => name)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^step-/)]),
    );
    expect(await project.buildRuns.delete("b-1", options)).toBe("accepted");
  });

  it("may be run without one, and fail for a reason", async () => {
    emulator.failures.add({ kind: "build-run", name: "once", reason: "missing_code_repo_access" });
    await project.buildRuns.create({ name: "once", ...recipe }, options);
    expect(await finished("once")).toMatchObject({
      ...{ status: "failed", status_details: { reason: "missing_code_repo_access" } },
    });
  });
});

describe("the way out", () => {
  it("is opened, changed and closed", async () => {
    const { outboundDestinations: ways } = project;
    for await (const { name } of ways.list(options)) await ways.delete(name, options);
    await eventually("all to be closed", async () => (await Array.fromAsync(ways.list(options))).length === 0);
    await ways.create({ type: "cidr_block", name: "db", cidr_block: "192.0.2.0/25" }, options);
    const ready = await eventually("it to be open", async () => {
      const way = await ways.get("db", options);
      return way.status === "ready" ? way : undefined;
    });
    const tagged = { ...options, entityTag: ready.entity_tag };
    const changed = await ways.patch("db", { type: "cidr_block", cidr_block: "192.0.2.0/24" }, tagged);
    expect(changed).toMatchObject({ name: "db", cidr_block: "192.0.2.0/24" });
    const covered = { type: "cidr_block", name: "covered", cidr_block: "192.0.2.7/32" } as const;
    expect(await failureOf(ways.create(covered, options))).toMatchObject({
      kind: expect.stringMatching(/terminal|conflict/),
    });
  });
});

/** Of the project, found as a backend finds it. */
async function proxy(): Promise<ProjectProxy> {
  const app = await project.apps.create({ name: "probe", image_reference: image }, options);
  const subdomain = subdomainOf(app);
  if (subdomain === undefined) throw new Error("no subdomain");
  return project.proxy(subdomain);
}

describe("logs and metrics", () => {
  it("come from the pods that exist", async () => {
    const pods = await proxy();
    await settled("probe");
    const [pod] = await Array.fromAsync(pods.pods(appSelector("probe"), options));
    if (pod === undefined) throw new Error("no pod");
    expect(pod.status?.phase).toBe("Running");
    const request = { pod: pod.metadata.name, container: USER_CONTAINER, timestamps: true };
    expect(await Array.fromAsync(pods.podLogs(request, options))).toEqual([
      expect.stringMatching(/^\d{4}-.*listens on 8080$/),
    ]);

    const controller = new AbortController();
    const followed = pods.podLogs({ ...request, timestamps: false, follow: true }, { signal: controller.signal });
    expect((await followed.next()).value).toMatch(/listens/);
    const next = failureOf(followed.next());
    controller.abort(new Error("enough"));
    expect(await next).toEqual(new Error("enough"));

    const usage = await pods.usage(appSelector("probe"), options);
    expect(usage.find(({ container }) => container === USER_CONTAINER)).toMatchObject({
      ...{ pod: pod.metadata.name, vcpu: expect.any(Number), memoryBytes: expect.any(Number) },
    });
    expect(await failureOf(pods.podLogs({ ...request, pod: "nobody" }, options).next())).toMatchObject({
      ...{ kind: "notFound", said: expect.stringContaining('pods "nobody" not found') },
    });
  });

  it("are kept by an instance of IBM Cloud Logs", async () => {
    const logs = client.cloudLogs({ instanceId: emulator.createLogsInstance(), override: emulator.logsUrl });
    await proxy();
    await settled("probe");
    const query = appLogQuery({ projectId: project.id, app: "probe", revision: "probe-00001" });
    const span = { start: new Date(Date.now() - 3_600_000), end: new Date(Date.now() + 60_000) };
    const found = await Array.fromAsync(logs.query({ query, ...span }, options));
    expect(found.map(({ text }) => text)).toEqual([expect.stringContaining("listens on 8080")]);
    expect(found[0]).toMatchObject({ revision: "probe-00001", pod: expect.stringMatching(/^probe-00001-deployment-/) });
  });
});

describe("faults", () => {
  const prototype = { name: "files", image_reference: image };

  it("that hide a create end in a conflict that may be with itself", async () => {
    emulator.faults.add({ method: "POST", path: "/apps", effect: { type: "reset", when: "after" } });
    const error = await failureOf(project.apps.create(prototype, options));
    expect(error).toMatchObject({ kind: "conflict", status: 409, uncertain: true });
    expect(await project.apps.get("files", options)).toMatchObject(prototype);
    expect(await Array.fromAsync(project.apps.list(options))).toHaveLength(1);
  });

  it("that hide a change end in a conflict that may be with itself", async () => {
    await project.configMaps.create({ name: "c", data: {} }, options);
    const { entity_tag: entityTag } = await project.configMaps.get("c", options);
    emulator.faults.add({ method: "PUT", effect: { type: "reset", when: "after" } });
    const error = await failureOf(project.configMaps.replace("c", { data: { a: "1" } }, { ...options, entityTag }));
    expect(error).toMatchObject({ kind: "conflict", status: 412, uncertain: true });
    expect((await project.configMaps.get("c", options)).data).toEqual({ a: "1" });
  });

  it("that hide a delete change nothing", async () => {
    await project.configMaps.create({ name: "c", data: {} }, options);
    emulator.faults.add({ method: "DELETE", effect: { type: "reset", when: "after" } });
    expect(["accepted", "absent"]).toContain(await project.configMaps.delete("c", options));
  });

  it("that pass are waited out", async () => {
    const effects = [
      { type: "status", status: 429, retryAfterSeconds: 1 },
      { type: "status", status: 503 },
      { type: "slow-body", chunkBytes: 50, everyMs: 1 },
    ] as const;
    for (const effect of effects) emulator.faults.add({ effect });
    const startMs = performance.now();
    expect((await project.statusDetails(options)).project).toBe("enabled");
    expect(performance.now() - startMs).toBeGreaterThan(990);
  });
});

describe("a key", () => {
  it("may be revoked: it works until its token ends, and the error then says what is wrong", async () => {
    emulator.revokeApiKey(apiKey);
    await project.egressIps(options);
    emulator.iam.revokeTokens();
    const error = await failureOf(project.egressIps(options));
    expect(error).toMatchObject({ kind: "unauthorized", service: "IBM Cloud IAM", code: "BXNIM0415E" });
    expect(String(error)).not.toContain(apiKey);
    const asked = emulator.calls.count({ surface: "iam" });
    await failureOf(project.egressIps(options));
    expect(emulator.calls.count({ surface: "iam" })).toBe(asked);
  });

  it("may be rotated: another client carries on", async () => {
    emulator.revokeApiKey(apiKey);
    apiKey = emulator.createApiKey();
    using rotated = connect();
    expect(await rotated.resolveProject({ name: "tools" }, options)).toMatchObject({ id: project.id });
  });

  it("may have a token that the service forgets: all callers get one new token", async () => {
    emulator.iam.revokeTokens();
    emulator.calls.clear();
    await Promise.all(Array.from({ length: 5 }, () => project.egressIps(options)));
    expect(emulator.calls.count({ surface: "iam" })).toBe(1);
  });

  it("may only read", async () => {
    apiKey = emulator.createApiKey({ roles: ["Reader"] });
    using reader = connect();
    const { configMaps } = reader.project(project.id);
    expect(await Array.fromAsync(configMaps.list(options))).toEqual([]);
    const error = await failureOf(configMaps.create({ name: "c", data: {} }, options));
    expect(error).toBeInstanceOf(CodeEngineError);
    expect(error).toMatchObject({ kind: "terminal", status: 403, said: expect.stringContaining("needs a role") });
  });

  it.each(["opaque", "jwt-without-times"] as const)("may get a token that is %s", async (shape) => {
    emulator.iam.tokenShape = shape;
    using other = connect();
    const call = other.project(project.id).egressIps(options);
    if (shape === "opaque")
      expect(await failureOf(call)).toMatchObject({ kind: "transient", service: "IBM Cloud IAM" });
    else expect((await call).public).toBeInstanceOf(Array);
  });
});
