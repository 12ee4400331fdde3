import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Owner } from "../../src/backends/backend.ts";
import type { BuildRequest, BuildState } from "../../src/backends/build.ts";
import { contractSpec, newOwner } from "../contract/backend.ts";
import type { EmulatorOptions } from "../support/code-engine/emulator.ts";
import { BUILD_REASONS, BUILD_RUN_REASONS } from "../support/code-engine/failures.ts";
import type { FaultRule } from "../support/code-engine/http/faults.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { eventually } from "../support/eventually.ts";

const within = () => AbortSignal.timeout(30_000);
const PASSWORD = "registry-password-nobody-sees";
const KEY = "-----BEGIN KEY-----\nssh-key-nobody-sees\n-----END KEY-----\n";
const TIMINGS = { workStepMs: 60, deletionMs: 60 } as const;
const KINDS = ["builds", "build_runs", "secrets", "config_maps"] as const;
type Kind = (typeof KINDS)[number];

function dockerConfig(registry = "registry.test"): string {
  return JSON.stringify({ auths: { [registry]: { username: "pusher", password: PASSWORD } } });
}

function newRequest(patch: Partial<BuildRequest> = {}): BuildRequest {
  return {
    key: "first",
    source: {
      url: "https://git.example/team/files",
      revision: "main",
      contextDir: "server",
      dockerfile: "Dockerfile",
      credentials: undefined,
    },
    buildArgs: { MODE: "fast" },
    push: { repository: "registry.test/team/files", dockerConfig: dockerConfig() },
    timeoutSeconds: 600,
    ...patch,
  };
}

const withSource = (patch: Partial<BuildRequest["source"]>): BuildRequest =>
  newRequest({ source: { ...newRequest().source, ...patch } });
const SSH = { kind: "ssh", privateKey: KEY, knownHosts: undefined } as const;

describe("builds on Code Engine", () => {
  let world: CodeEngineWorld;
  let backend: ReturnType<CodeEngineWorld["backend"]>;
  let admin: PlainClient;
  let owner: Owner;

  async function begin(options: EmulatorOptions = {}): Promise<void> {
    world = await CodeEngineWorld.start({ ...options, timings: { ...TIMINGS, ...options.timings } });
    backend = newBackend();
    admin = new PlainClient(world.emulator.handlers, world.emulator.createApiKey());
    owner = newOwner("files");
  }
  async function beginAnew(options: EmulatorOptions): Promise<void> {
    await world[Symbol.asyncDispose]();
    await begin(options);
  }
  function newBackend(patch: object = {}): typeof backend {
    const { apiUrl: api, iamUrl: iam, proxyUrl: proxy } = world.emulator;
    const endpoints = { api, iam, proxy, registry: world.registry.url };
    return world.backend({ spec: world.spec({ endpoints, ...patch }) });
  }
  beforeEach(async () => await begin());
  afterEach(async () => await world[Symbol.asyncDispose]());

  const home = () => `/projects/${world.project.id}`;
  async function all(kind: Kind, path = home()): Promise<{ name: string }[]> {
    return (await admin.get(`${path}/${kind}`)).body[kind] as { name: string }[];
  }
  async function counts(path = home()): Promise<Record<Kind, number>> {
    const lists = await Promise.all(KINDS.map(async (kind) => [kind, (await all(kind, path)).length] as const));
    return Object.fromEntries(lists) as Record<Kind, number>;
  }
  const posts = (path: string) => world.emulator.calls.count({ method: "POST", path });
  async function ask(request = newRequest(), attempt = 1, on = backend): Promise<BuildState> {
    return await on.ensureBuild(owner, request, attempt, within());
  }
  /** As a controller does: again, until nothing moves any more. */
  async function finish(request = newRequest(), attempt = 1, on = backend): Promise<BuildState> {
    return await eventually("the build is over", async () => {
      const state = await ask(request, attempt, on);
      return state.kind === "built" || state.kind === "failed" ? state : undefined;
    });
  }
  async function lines(options = {}, on = backend): Promise<string[]> {
    const how = { tail: undefined, follow: false, timestamps: false, ...options };
    return await Array.fromAsync(on.buildLogs(owner, how, within()));
  }

  it("end with an image by digest and its commit, and without their secrets", async () => {
    const request = withSource({ url: "git@git.example:team/files", credentials: SSH });
    expect(await ask(request)).toMatchObject({ kind: "waiting", startedAt: undefined });
    const secrets = await all("secrets");
    expect(secrets).toHaveLength(2);
    expect(await finish(request)).toEqual({
      id: expect.stringMatching(/^slipway-files-[0-9a-f]{10}-[0-9a-f]{10}$/),
      kind: "built",
      image: { pinned: expect.stringMatching(/^registry\.test\/team\/files@sha256:[0-9a-f]{64}$/) },
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
      startedAt: expect.any(String),
      completedAt: expect.any(String),
    });
    await eventually("only the build, its run and their record are left", async () => {
      const { builds, build_runs, secrets: left, config_maps } = await counts();
      return builds === 1 && build_runs === 1 && left === 0 && config_maps === 1;
    });
  });

  it("are as they were asked for", async () => {
    await ask(withSource({ url: "ssh://git@git.example/team/files", credentials: { ...SSH, knownHosts: "known" } }));
    const [build] = await all("builds");
    expect(build).toMatchObject({
      output_image: expect.stringMatching(/^registry\.test\/team\/files:slipway-[0-9a-f]{12}$/),
      strategy_type: "dockerfile",
      strategy_size: "medium",
      strategy_spec_file: "Dockerfile",
      source_url: "ssh://git@git.example/team/files",
      source_revision: "main",
      source_context_dir: "server",
      timeout: 600,
      run_build_params: expect.arrayContaining([{ type: "literal", name: "MODE", value: "fast" }]),
    });
    const bodies = await Promise.all(
      (await all("secrets")).map(async ({ name }) => (await admin.get(`${home()}/secrets/${name}`)).body),
    );
    expect(bodies).toMatchObject([
      { format: "registry", data: { server: "registry.test", username: "pusher", password: PASSWORD } },
      { format: "ssh_auth", data: { ssh_key: KEY, known_hosts: "known" } },
    ]);
    for (const kind of ["builds", "build_runs", "config_maps"] as const) {
      for (const secret of [PASSWORD, "ssh-key-nobody-sees"])
        expect(JSON.stringify(await all(kind))).not.toContain(secret);
    }
    expect(JSON.stringify(world.log.lines)).not.toContain(PASSWORD);
  });

  it("have the size, and the project, that the RuntimeBackend says", async () => {
    const other = world.emulator.createProject({ name: "builds" });
    const place = newBackend({ builds: { size: "xlarge", project: { name: "builds" } } });
    expect(await finish(newRequest(), 1, place)).toMatchObject({ kind: "built" });
    const path = `/projects/${other.id}`;
    expect(await all("builds", path)).toMatchObject([{ strategy_size: "xlarge" }]);
    expect(await counts()).toEqual({ builds: 0, build_runs: 0, secrets: 0, config_maps: 0 });
    expect(await place.purge(owner, within())).toBe(true);
    await eventually("nothing is left", async () => Object.values(await counts(path)).every((count) => count === 0));
  });

  it("do not push with credentials that are the RuntimeBackend's, and meant for pulls", async () => {
    const place = world.backend({ dockerConfig: dockerConfig() });
    const push = { repository: "registry.test/team/files", dockerConfig: undefined };
    await expect(ask(newRequest({ push }), 1, place)).rejects.toMatchObject({ name: "TerminalError" });
  });

  it.each<{ because: string; request: BuildRequest; message: RegExp; reason?: string }>([
    {
      because: "no registry is named",
      request: newRequest({ push: undefined }),
      message: /spec\.source\.git\.push: must be set for Code Engine/,
    },
    {
      because: "no Secret is named",
      request: newRequest({ push: { repository: "registry.test/a/files", dockerConfig: undefined } }),
      message: /push: must be set.*secretRef/,
    },
    {
      because: "the Secret is for another registry",
      request: newRequest({ push: { repository: "registry.test/a/files", dockerConfig: dockerConfig("other.test") } }),
      message: /no entry for registry\.test/,
    },
    {
      because: "the registry has a port",
      request: newRequest({ push: { repository: "registry.test:5000/a/files", dockerConfig: dockerConfig() } }),
      message: /push\.repository: .* with a port/,
    },
    {
      because: "the repository has upper case",
      request: newRequest({ push: { repository: "registry.test/Team/files", dockerConfig: dockerConfig() } }),
      message: /push\.repository: .*upper case/,
    },
    {
      because: "the registry is not allowed",
      request: newRequest({
        push: { repository: "elsewhere.test/a/files", dockerConfig: dockerConfig("elsewhere.test") },
      }),
      message: /push\.repository: .*allowed registries/,
      reason: "RegistryNotAllowed",
    },
    {
      because: "it may take longer than builds can",
      request: newRequest({ timeoutSeconds: 3601 }),
      message: /timeoutSeconds: 3601: .* 3600 seconds/,
    },
    {
      because: "the repository is read without encryption",
      request: withSource({ url: "http://git.example/a" }),
      message: /git\.url: begins with http, .* use https/,
    },
    {
      because: "the address ends with a slash",
      request: withSource({ url: "https://git.example/a/" }),
      message: /git\.url: must not end with a slash/,
    },
    {
      because: "the address holds a token",
      request: withSource({ url: "https://token@git.example/a" }),
      message: /git\.url: must not hold a user/,
    },
    {
      because: "the user of ssh is another",
      request: withSource({ url: "ssh://me@git.example/a", credentials: SSH }),
      message: /git\.url: must have the user git/,
    },
    {
      because: "user and password are to clone",
      request: withSource({ credentials: { kind: "basic", username: "u", password: PASSWORD } }),
      message: /SSH keys only.*deploy key.*ssh-auth/,
    },
    {
      because: "a key is to open an address of https",
      request: withSource({ credentials: SSH }),
      message: /an SSH key does not open/,
    },
    {
      because: "an address of ssh has no key",
      request: withSource({ url: "git@git.example:a" }),
      message: /must be set for an address of ssh/,
    },
    {
      because: "the path of the Dockerfile is too long",
      request: withSource({ dockerfile: "d".repeat(254) }),
      message: /git\.dockerfile: has 254 characters and may have 253/,
    },
    {
      because: "an argument has the name of a mark",
      request: newRequest({ buildArgs: { SLIPWAY_OWNER: "me" } }),
      message: /buildArgs: SLIPWAY_OWNER is reserved/,
    },
    {
      because: "there are too many arguments",
      request: newRequest({ buildArgs: Object.fromEntries(Array.from({ length: 91 }, (_, at) => [`A${at}`, ""])) }),
      message: /buildArgs: are 91 and may be 90/,
    },
  ])("are refused before any call where $because", async ({ request, message, reason = "InvalidSpec" }) => {
    const strict = newBackend({ allowedRegistries: ["registry.test"] });
    world.emulator.calls.clear();
    const refusal = expect.objectContaining({ name: "TerminalError", reason, message: expect.stringMatching(message) });
    expect(() => strict.admitBuild(request)).toThrow(refusal as never);
    await expect(strict.ensureBuild(owner, request, 1, within())).rejects.toMatchObject({ reason });
    expect(world.emulator.calls.all).toEqual([]);
    expect(message.test(PASSWORD)).toBe(false);
  });

  it.each([
    { because: "its record", path: "/config_maps" },
    { because: "its secret", path: "/secrets" },
    { because: "it", path: "/builds" },
    { because: "its run", path: "/build_runs" },
  ])("run once where nobody heard that $because was made", async ({ path }) => {
    const effect = { type: "reset", when: "after" } as const;
    const fault = world.emulator.faults.add({ method: "POST", path, count: 3, effect });
    expect(await eventually("it is built", () => finish())).toMatchObject({ kind: "built" });
    expect(fault.hits).toBeGreaterThan(0);
    expect(await counts()).toMatchObject({ builds: 1, build_runs: 1, config_maps: 1 });
    expect(new Set((await all("build_runs")).map(({ name }) => name)).size).toBe(1);
  });

  it.each<{ because: string; rule: Omit<FaultRule, "effect"> }>([
    { because: "asked to wait", rule: { method: "POST", path: "/build_runs" } },
    { because: "asked to wait for the build", rule: { method: "POST", path: "/builds" } },
  ])("wait as long as they are $because", async ({ rule }) => {
    const effect = { type: "status", status: 429, retryAfterSeconds: 90 } as const;
    world.emulator.faults.add({ ...rule, effect });
    await expect(ask()).rejects.toMatchObject({ reason: "BackendUnavailable", retryAfterMs: 90_000 });
  });

  it.each(BUILD_RUN_REASONS)("say what %s means", async (reason) => {
    world.emulator.failures.add({ kind: "build-run", reason });
    const state = await finish(newRequest({ timeoutSeconds: 1 }));
    expect(state).toMatchObject({
      kind: "failed",
      reason: expect.stringMatching(/^Build/),
      message: expect.not.stringMatching(/Code Engine says/),
      retryable: expect.any(Boolean),
    });
    await eventually("its secrets are gone", async () => (await all("secrets")).length === 0);
  });

  it.each(BUILD_REASONS.filter((reason) => !reason.includes("secret")))("say what %s means", async (reason) => {
    world.emulator.failures.add({ kind: "build", reason });
    expect(await finish()).toMatchObject({ kind: "failed", message: expect.not.stringContaining("_") });
    expect(posts("/build_runs")).toBe(0);
    await eventually("its secrets are gone", async () => (await all("secrets")).length === 0);
  });

  it.each(BUILD_REASONS.filter((reason) => reason.includes("secret")))("are made again after %s", async (reason) => {
    world.emulator.failures.add({ kind: "build", reason, count: 1 });
    await expect(ask()).rejects.toMatchObject({ name: "TransientError" });
    expect(await eventually("it is built", () => finish())).toMatchObject({ kind: "built" });
  });

  it("may be tried again, under another name", async () => {
    world.emulator.failures.add({ kind: "build-run", reason: "pod_evicted", count: 1 });
    const first = await finish();
    expect(first).toMatchObject({ kind: "failed", retryable: true });
    const second = await finish(newRequest(), 2);
    expect(second).toMatchObject({ kind: "built" });
    expect(second.id).not.toBe(first.id);
  });

  it("are one at a time for each owner: what is asked for no more is ended", async () => {
    await beginAnew({ timings: { workStepMs: 600 } });
    const first = await ask();
    const second = newRequest({ key: "second" });
    await ask(second);
    await eventually("one run is left", async () => {
      const [run, ...others] = await all("build_runs");
      return others.length === 0 && run?.name !== first.id;
    });
    expect(await finish(second)).toMatchObject({ kind: "built" });
    await eventually("the first can be had again", () => finish());
    expect(posts("/build_runs")).toBe(3);
  });

  it("do not take one that is being ended for one that failed", async () => {
    await beginAnew({ timings: { workStepMs: 300, deletionMs: 1_000 } });
    await ask();
    await ask(newRequest({ key: "second" }));
    await expect(ask()).rejects.toMatchObject({ message: expect.stringContaining("still being deleted") });
  });

  it("keep one build and one run, whatever came before", async () => {
    for (const key of ["a", "b", "c"]) await finish(newRequest({ key }));
    await eventually("the others are gone", async () => {
      const { builds, build_runs } = await counts();
      return builds === 1 && build_runs === 1;
    });
  });

  it("go on where the process that began them ended", async () => {
    await beginAnew({ timings: { workStepMs: 300 } });
    await ask();
    await backend[Symbol.asyncDispose]();
    const successor = newBackend();
    expect(await finish(newRequest(), 1, successor)).toMatchObject({ kind: "built" });
    expect(posts("/build_runs")).toBe(1);
    await eventually("the secrets are gone", async () => (await all("secrets")).length === 0);
  });

  it("use credentials that were corrected meanwhile", async () => {
    world.emulator.failures.add({ kind: "build-run", reason: "missing_registry_access", count: 1 });
    expect(await finish()).toMatchObject({ reason: "BuildPushUnauthorized", retryable: false });
    const auths = { "registry.test": { username: "other", password: "corrected" } };
    const push = { repository: "registry.test/team/files", dockerConfig: JSON.stringify({ auths }) };
    await eventually("the second attempt begins", () => ask(newRequest({ push }), 2));
    const [secret] = await all("secrets");
    const { body } = await admin.get(`${home()}/secrets/${secret?.name}`);
    expect(body.data).toMatchObject({ password: "corrected" });
  });

  it("never touch a build of their name that somebody else made", async () => {
    const { id } = await ask();
    expect(await backend.purge(owner, within())).toBe(true);
    await eventually("nothing is left", async () => Object.values(await counts()).every((count) => count === 0));
    const foreign = {
      name: id,
      output_image: "registry.test/a/other",
      output_secret: "other",
      strategy_type: "dockerfile",
      source_url: "https://git.example/other",
    };
    await admin.post(`${home()}/builds`, foreign);
    await expect(ask()).rejects.toMatchObject({ message: expect.stringContaining("left alone") });
    await backend.purge(owner, within());
    expect(await all("builds")).toMatchObject([{ name: id, output_image: foreign.output_image }]);
    await admin.delete(`${home()}/builds/${id}`);
    const { name: _, ...inline } = foreign;
    await admin.post(`${home()}/build_runs`, { ...inline, name: id });
    await expect(ask()).rejects.toMatchObject({ message: expect.stringContaining("left alone") });
    await backend.purge(owner, within());
    expect(await all("build_runs")).toMatchObject([{ name: id }]);
  });

  it.each<{ kind: "builds" | "build runs"; path: Kind }>([
    { kind: "builds", path: "builds" },
    { kind: "build runs", path: "build_runs" },
  ])("name the quota of $kind", async ({ kind, path }) => {
    const other = {
      output_image: "registry.test/a/other",
      output_secret: "other",
      strategy_type: "dockerfile",
      source_url: "https://git.example/other",
    };
    await beginAnew({ quotas: { concurrentBuildRuns: 200 } });
    for (let count = 0; count < 100; count++)
      await admin.post(`${home()}/${path}`, { ...other, name: `other-${count}` });
    await expect(ask()).rejects.toMatchObject({
      reason: "QuotaExceeded",
      message: expect.stringContaining(`the project has 100 ${kind}, and Code Engine lets it have 100`),
    });
    expect(await all(path)).toHaveLength(100);
  });

  const crowd = () => world.emulator.faults.add({ method: "POST", path: "/build_runs", effect: FULL });
  const FULL = { type: "status", status: 409 } as const;

  it("wait for others where Code Engine runs no more at once", async () => {
    const request = withSource({ url: "git@git.example:team/files", credentials: SSH });
    for (const _ of ["first", "second"]) {
      crowd();
      world.emulator.calls.clear();
      await expect(ask(request)).rejects.toMatchObject({
        reason: "Building",
        retryAfterMs: expect.any(Number),
        message: expect.stringContaining("at once"),
      });
    }
    expect(world.emulator.calls.count({})).toBeLessThanOrEqual(4);
    expect(posts("/builds")).toBe(0);
    expect(await finish(request)).toMatchObject({ kind: "built" });
  });

  it("have their turn when another ends", async () => {
    await beginAnew({ quotas: { concurrentBuildRuns: 1 }, timings: { workStepMs: 1_000 } });
    await ask();
    const second = newOwner("other");
    await expect(backend.ensureBuild(second, newRequest(), 1, within())).rejects.toMatchObject({ reason: "Building" });
    await eventually("its turn comes", () => backend.ensureBuild(second, newRequest(), 1, within()));
    expect(await all("builds")).toHaveLength(2);
  });

  it("have their secrets when there is room, whoever took them out while there was none", async () => {
    crowd();
    await expect(ask()).rejects.toMatchObject({ reason: "Building" });
    await backend.collectOrphans(() => true, within());
    await eventually("the secrets are gone", async () => (await all("secrets")).length === 0);
    await eventually("its turn comes", () => ask());
    expect(await all("secrets")).toHaveLength(1);
  });

  it("leave nothing when they are purged, in mid-build too", async () => {
    const ssh = withSource({ url: "git@git.example:team/files", credentials: SSH });
    await ask(ssh);
    expect(await backend.purge(owner, within())).toBe(true);
    await eventually("nothing is left", async () => Object.values(await counts()).every((count) => count === 0));
  });

  it("are removed where their owner is no more, and left where it is", async () => {
    await finish();
    const alive = newOwner("alive");
    await backend.ensureBuild(alive, newRequest(), 1, within());
    const fresh = newBackend();
    const removed = await fresh.collectOrphans(({ uid }) => uid === alive.uid, within());
    expect(removed).toEqual([owner]);
    await eventually("only the other's is left", async () => {
      const { builds, config_maps } = await counts();
      return builds === 1 && config_maps === 1;
    });
    const elsewhere = world.backend({ installation: "another" });
    expect(await elsewhere.collectOrphans(() => false, within())).toEqual([]);
    expect(await counts()).toMatchObject({ builds: 1, config_maps: 1 });
  });

  it("keep nobody from removing apps of owners that are no more, where their own project is gone", async () => {
    const image = await backend.resolveImage(
      { reference: "registry.test/files:1", pullPolicy: "IfNotPresent", dockerConfig: undefined },
      within(),
    );
    const spec = contractSpec({ owner, image, port: 8080, limits: { cpuMillis: 500, memoryBytes: 1e9, pids: 100 } });
    const { id } = await backend.create(spec, { role: "current", hostPort: undefined }, within());
    await backend.start(id, within());
    expect(world.project.apps.list()).toHaveLength(1);
    const place = newBackend({ builds: { size: "medium", project: { name: "never-made" } } });
    await expect(place.collectOrphans(() => false, within())).rejects.toThrow("never-made");
    await eventually("nothing is left", async () => world.project.apps.list().length === 0);
  });

  it("keep no deployment from being deleted where their own project is gone", async () => {
    const place = newBackend({ builds: { size: "medium", project: { name: "never-made" } } });
    expect(await place.purge(owner, within())).toBe(true);
    const forbidden = { path: /^\/v2\/projects$/, count: 10, effect: { type: "status", status: 403 } } as const;
    const other = newBackend({ builds: { size: "medium", project: { name: "never-made" } } });
    await other.health(within());
    world.emulator.faults.add(forbidden);
    await expect(other.purge(owner, within())).rejects.toMatchObject({ name: "TransientError" });
  });

  it("leave no secret behind that was theirs when nobody looked any more", async () => {
    await beginAnew({ timings: { workStepMs: 300 } });
    await ask(withSource({ url: "git@git.example:team/files", credentials: SSH }));
    await backend[Symbol.asyncDispose]();
    const successor = newBackend();
    await successor.collectOrphans(() => true, within());
    expect(await all("secrets")).toHaveLength(2);
    await eventually("the run is over", async () => {
      const [run] = (await all("build_runs")) as { name: string; status?: string }[];
      return run?.status === "succeeded";
    });
    await successor.collectOrphans(() => true, within());
    await eventually("its secrets are gone", async () => (await all("secrets")).length === 0);
    expect(await counts()).toMatchObject({ builds: 1, build_runs: 1 });
  });

  it("have the limits that were asked for last", async () => {
    crowd();
    await expect(ask()).rejects.toMatchObject({ reason: "Building" });
    expect(await all("builds")).toMatchObject([{ timeout: 600 }]);
    await ask(newRequest({ timeoutSeconds: 900 }));
    expect(await all("build_runs")).toMatchObject([{ timeout: 900 }]);
  });

  it("go with their deployment even where their record was taken away", async () => {
    await finish();
    const [record] = await all("config_maps");
    await admin.delete(`${home()}/config_maps/${record?.name}`);
    await eventually("the record is gone", async () => (await all("config_maps")).length === 0);
    await backend.purge(owner, within());
    await eventually("nothing is left", async () => Object.values(await counts()).every((count) => count === 0));
  });

  it("tell when they move, without being asked, and cost nothing when they are over", async () => {
    const told: string[] = [];
    const watch = new AbortController();
    backend.watch(({ uid }) => told.push(uid), watch.signal);
    try {
      await ask();
      await eventually("it is told", () => told.includes(owner.uid));
      expect(await finish()).toMatchObject({ kind: "built" });
      world.emulator.calls.clear();
      told.length = 0;
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(await finish()).toMatchObject({ kind: "built" });
      expect(world.emulator.calls.matching({ path: /\/(builds|build_runs|secrets)(\/|$)/ })).toEqual([]);
      expect(told).toEqual([]);
    } finally {
      watch.abort();
    }
  });

  describe("their logs", () => {
    const said = ["STEP 1/3: FROM base", "STEP 2/3: COPY", "STEP 3/3: CMD"];
    async function printing(log = said): Promise<void> {
      world.emulator.buildWith(async () => ({ digest: `sha256:${"b".repeat(64)}`, log }));
    }

    it("are those of all steps, or their last lines", async () => {
      await printing();
      await finish();
      expect(await lines()).toEqual(expect.arrayContaining(said));
      const end = await lines({ tail: 2 });
      expect(end).toEqual([said[2], expect.stringContaining("Pushed registry.test/team/files")]);
      expect(await lines({ tail: 1, timestamps: true })).toEqual([expect.stringMatching(/^2\d{3}-.*Z Pushed/)]);
      expect(await all("config_maps")).toHaveLength(1);
      const jobs = async () => (await admin.get(`${home()}/jobs`)).body.jobs as unknown[];
      await eventually("what told the subdomain is gone", async () => (await jobs()).length === 0);
    });

    it("are followed from the beginning until the run ends", async () => {
      await beginAnew({ timings: { workStepMs: 200 } });
      await printing();
      const reading = (async () => {
        await ask();
        return await lines({ follow: true });
      })();
      expect(await reading).toEqual(expect.arrayContaining(said));
      expect(await finish()).toMatchObject({ kind: "built" });
    });

    it("can be had by a process that did not begin them", async () => {
      await printing();
      await finish();
      expect(await lines({}, newBackend())).toEqual(expect.arrayContaining(said));
    });

    it("are none where nothing was built", async () => {
      expect(await lines({ follow: true })).toEqual([]);
    });
  });
});
