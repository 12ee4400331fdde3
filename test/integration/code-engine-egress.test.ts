import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { Aspect, FullBackend, WorkloadSpec } from "../../src/backends/backend.ts";
import { DEFAULT_PACE } from "../../src/backends/code-engine/code-engine-config.ts";
import type { EgressBound } from "../../src/backends/egress.ts";
import { parseAllowedHost } from "../../src/guardrails/allowed-host.ts";
import { contractSpec, newOwner } from "../contract/backend.ts";
import type { FaultRule } from "../support/code-engine/http/faults.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { FakeClock } from "../support/fake-clock.ts";

const within = () => AbortSignal.timeout(30_000);
const IMAGE = "registry.test/files:1";
const RULES = "/allowed_outbound_destinations";
const ONE_RULE = /\/allowed_outbound_destinations\/[^/]+$/;

const CLOSED: EgressBound = { profile: "closed", egress: { kind: "closed" } };
const OPEN: EgressBound = { profile: "open", egress: { kind: "open" } };
const listed = (...hosts: string[]): EgressBound => ({
  profile: "listed",
  egress: { kind: "listed", hosts: hosts.map(parseAllowedHost) },
});

describe("a project that is dedicated to a RuntimeBackend", () => {
  let world: CodeEngineWorld;
  let backend: FullBackend;
  let admin: PlainClient;

  beforeEach(async () => {
    world = await CodeEngineWorld.start({ timings: { workStepMs: 20 } });
    backend = managed();
    admin = new PlainClient(world.emulator.handlers, world.emulator.createApiKey());
  });
  afterEach(async () => {
    await world[Symbol.asyncDispose]();
  });

  const managed = (patch: Parameters<CodeEngineWorld["backend"]>[0] = {}): FullBackend =>
    world.backend({ spec: world.spec({ egress: "Managed" }), ...patch });
  const rulesPath = () => `/projects/${world.project.id}${RULES}`;
  async function rules(): Promise<string[]> {
    const { body } = await admin.get(rulesPath());
    const found = body.allowed_outbound_destinations as { name: string; type: string; cidr_block?: string }[];
    return found.map(({ name, type, cidr_block }) => `${name} ${cidr_block ?? type}`).sort();
  }
  async function aspect(of = backend): Promise<Aspect | undefined> {
    return (await of.health(within())).aspects?.find(({ type }) => type === "EgressManaged");
  }
  /** As the controller does: again and again, until they stand. */
  async function keep(bound: EgressBound, of = backend): Promise<string[]> {
    const told: string[] = [];
    await eventually(
      "the rules stand",
      async () => {
        told.push(...((await of.manageEgress?.(bound, within()))?.changes ?? []));
        return (await aspect(of))?.available;
      },
      { everyMs: 10, explain: async () => JSON.stringify([await aspect(of), await rules()]) },
    );
    return told;
  }
  async function newSpec(): Promise<WorkloadSpec> {
    const owner = newOwner("files");
    const request = { reference: IMAGE, pullPolicy: "IfNotPresent", dockerConfig: undefined } as const;
    const image = await backend.resolveImage(request, within());
    await backend.ensureImage(owner, image, request, within());
    const limits = { cpuMillis: 500, memoryBytes: 1e9, pids: 100 };
    return contractSpec({ owner, image, port: 8080, limits, visibility: "public" });
  }
  const create = async (spec: WorkloadSpec) =>
    await backend.create(spec, { role: "current", hostPort: undefined }, within());
  const ruleWrites = () =>
    world.emulator.calls.writes({ path: /allowed_outbound_destinations/ }).map(({ method }) => method);

  it("is closed, and says so", async () => {
    expect(await keep(CLOSED)).toEqual(["closed 0.0.0.0/0 (rule allow-all)"]);
    expect(await rules()).toEqual([]);
    expect(await aspect()).toEqual({
      type: "EgressManaged",
      available: true,
      reason: "EgressInForce",
      message:
        'every workload of project tools may reach nothing outside of it, as GuardrailProfile "closed" says; project-internal and IBM private services stay reachable',
    });
    expect((await backend.health(within())).capabilities?.guardrails).toMatchObject({
      features: { "network.closedEgress": { enforcement: "Partial" } },
      openRanges: [],
    });
  });

  it("has what opens everything changed first, so that the first range is never closed", async () => {
    await keep(listed("10.20.0.0/16", "192.0.2.1", "10.20.5.0/24"));
    expect(await rules()).toEqual(["allow-all 10.20.0.0/16", "slipway-1 192.0.2.1/32"]);
    expect(ruleWrites()).toEqual(["PATCH", "POST"]);
    const { capabilities } = await backend.health(within());
    expect(capabilities?.guardrails.openRanges).toEqual(["10.20.0.0/16", "192.0.2.1/32"]);
  });

  it.each<{ because: string; bound: EgressBound; want: string[] }>([
    { because: "narrower", bound: listed("10.20.5.0/24"), want: ["allow-all 10.20.5.0/24"] },
    {
      because: "wider",
      bound: listed("10.0.0.0/8", "192.0.2.1"),
      want: ["allow-all 10.0.0.0/8", "slipway-1 192.0.2.1/32"],
    },
    { because: "another", bound: listed("203.0.113.0/24"), want: ["slipway-2 203.0.113.0/24"] },
    { because: "everything", bound: OPEN, want: ["allow-all 0.0.0.0/0"] },
    { because: "nothing", bound: CLOSED, want: [] },
  ])("follows its bound when that becomes $because", async ({ bound, want }) => {
    await keep(listed("10.20.0.0/16", "192.0.2.1"));
    await keep(bound);
    expect(await rules()).toEqual(want);
  });

  it("names what no rule can say, and keeps that closed", async () => {
    await keep(listed("api.openai.com", "10.20.0.0/16:443", "2001:db8::/32"));
    expect(await rules()).toEqual([]);
    expect(await aspect()).toMatchObject({
      available: true,
      reason: "HostsLeftOut",
      message: expect.stringContaining(
        "left out, so closed: api.openai.com (host names cannot be rules), 10.20.0.0/16:443 (single ports cannot be rules), 2001:db8::/32 (IPv6 cannot be a rule); list the IPv4 range of a proxy that leads there",
      ),
    });
  });

  it("loses rules that others add, and keeps their private path gateways", async () => {
    const gateway = {
      type: "private_path_service_gateway",
      private_path_service_gateway_crn: `crn:v1:${"x".repeat(20)}`,
    };
    await admin.post(rulesPath(), { name: "database", ...gateway });
    await keep(listed("10.20.0.0/16"));
    await admin.post(rulesPath(), { name: "sneaky", type: "cidr_block", cidr_block: "198.51.100.0/24" });
    // Another look, long before the next one is due: something is to start, and the last look was a while ago.
    await eventually(
      "it is seen",
      async () => (await rules()).length === 2 || create(await newSpec()).then(() => false),
    );
    await keep(listed("10.20.0.0/16"));
    expect(await rules()).toEqual(["allow-all 10.20.0.0/16", "database private_path_service_gateway"]);
    expect((await aspect())?.message).toContain("1 private path gateway is left alone");
    expect(world.log.lines).toContainEqual(
      expect.objectContaining({
        message: "changed a rule for egress",
        fields: expect.objectContaining({ change: "closed 198.51.100.0/24 (rule sneaky)" }),
      }),
    );
  });

  it("starts nothing before its rules stand", async () => {
    const spec = await newSpec();
    await expect(create(spec)).rejects.toMatchObject({ reason: "EgressNotReady" });
    await backend.manageEgress?.(undefined, within());
    await expect(create(spec)).rejects.toMatchObject({
      reason: "EgressNotReady",
      message:
        "nothing starts yet: the GuardrailProfile of spec.guardrailsBound is not known, so the rules of project tools are left as they are; make it, or name another",
    });
    expect(world.emulator.calls.writes()).toEqual([]);
    expect(await rules()).toEqual(["allow-all 0.0.0.0/0"]);
    await keep(CLOSED);
    const { id } = await create(spec);
    await backend.start(id, within());
    // What runs is stopped and removed whatever the rules are.
    await backend.manageEgress?.(undefined, within());
    await expect(backend.update?.(id, { ...spec, hash: "newer" }, within())).rejects.toMatchObject({
      reason: "EgressNotReady",
    });
    await backend.stop(id, 0, within());
    await expect(backend.start(id, within())).rejects.toMatchObject({ reason: "EgressNotReady" });
    await eventually("it is purged", () => backend.purge(spec.owner, within()));
  });

  it("starts nothing while a rule is on its way", async () => {
    await world[Symbol.asyncDispose]();
    world = await CodeEngineWorld.start({ timings: { workStepMs: 3_600_000 } });
    admin = new PlainClient(world.emulator.handlers, world.emulator.createApiKey());
    backend = managed();
    const bound = listed("10.20.0.0/16");
    await eventually("all is written", async () => {
      await backend.manageEgress?.(bound, within());
      return (await rules()).join() === "allow-all 10.20.0.0/16";
    });
    await eventually("it is told", async () => {
      await backend.manageEgress?.(bound, within());
      return (await aspect())?.message.endsWith("Code Engine is putting rules in force: 10.20.0.0/16");
    });
    await expect(create(await newSpec())).rejects.toMatchObject({ reason: "EgressNotReady" });
  });

  const reset: FaultRule["effect"] = { type: "reset", when: "after" };
  it.each<{ because: string; faults: FaultRule[] }>([
    { because: "the answer to a change was lost", faults: [{ method: "PATCH", path: ONE_RULE, effect: reset }] },
    {
      because: "the answer to a creation was lost",
      faults: [{ method: "POST", path: RULES, count: 2, effect: reset }],
    },
    { because: "the answer to a removal was lost", faults: [{ method: "DELETE", path: ONE_RULE, effect: reset }] },
    {
      because: "others changed a rule meanwhile",
      faults: [
        { method: "PATCH", path: ONE_RULE, effect: { type: "status", status: 412 } },
        { method: "POST", path: RULES, effect: { type: "status", status: 409 } },
      ],
    },
    {
      because: "there were too many calls",
      faults: [{ path: /allowed_outbound/, count: 3, effect: { type: "status", status: 429, retryAfterSeconds: 0 } }],
    },
    {
      because: "Code Engine was out of order",
      faults: [{ path: /allowed_outbound/, count: 6, effect: { type: "status", status: 500 } }],
    },
  ])(
    "ends with the right rules where $because",
    async ({ faults }) => {
      await keep(listed("10.20.0.0/16", "192.0.2.1"));
      const placed = faults.map((fault) => world.emulator.faults.add(fault));
      await keep(listed("10.20.5.0/24", "203.0.113.0/24"));
      expect(await rules()).toEqual([
        "allow-all 10.20.5.0/24",
        expect.stringMatching(/^slipway-[12] 203\.0\.113\.0\/24$/),
      ]);
      for (const fault of placed) expect(fault.hits).toBeGreaterThan(0);
    },
    30_000,
  );

  it("says which range Code Engine will not have, closes everything else, and starts nothing", async () => {
    world.emulator.faults.add({ method: "PATCH", path: ONE_RULE, effect: { type: "status", status: 400 } });
    world.emulator.faults.add({ method: "POST", path: RULES, count: 100, effect: { type: "status", status: 400 } });
    await eventually("it is told", async () => {
      await backend.manageEgress?.(listed("10.0.0.0/8"), within());
      return (await aspect())?.message.includes("create the allowed outbound destination slipway-1");
    });
    expect(await rules()).toEqual([]);
    expect(await aspect()).toMatchObject({ available: false, reason: "EgressNotReady" });
    await expect(create(await newSpec())).rejects.toMatchObject({ reason: "EgressNotReady" });
  });

  it("does not claim to keep anybody in where its key may not change rules", async () => {
    backend = managed({ apiKey: world.emulator.createApiKey({ roles: ["Reader"] }) });
    await backend.manageEgress?.(CLOSED, within());
    expect(await aspect()).toMatchObject({ available: false, reason: "EgressNotReady" });
    expect((await backend.health(within())).capabilities?.guardrails.features["network.closedEgress"]).toEqual({
      enforcement: "NotEnforced",
      reason: "the rules of project tools let everything out",
    });
    const calls = world.emulator.calls.count();
    await expect(create(await newSpec())).rejects.toMatchObject({ reason: "EgressNotReady" });
    await backend.manageEgress?.(CLOSED, within());
    expect(world.emulator.calls.count() - calls).toBeLessThan(6);
  });

  it("makes a rule anew that failed", async () => {
    world.emulator.failures.add({ kind: "destination", reason: "private_path_not_found", count: 1 });
    await keep(listed("10.20.0.0/16"));
    expect(await rules()).toEqual([expect.stringContaining("10.20.0.0/16")]);
  });

  it("is looked at once for all that wait to start where it cannot be", async () => {
    const spec = await newSpec();
    await backend.manageEgress?.(undefined, within());
    const path = /allowed_outbound/;
    world.emulator.faults.add({ path, count: 100, effect: { type: "status", status: 403 } });
    await backend.manageEgress?.(CLOSED, within());
    await new Promise((resolve) => setTimeout(resolve, 100));
    world.emulator.calls.clear();
    const starts = await Promise.allSettled([1, 2, 3, 4, 5].map(() => create(spec)));
    expect(starts.map(({ status }) => status)).toEqual(Array(5).fill("rejected"));
    expect(world.emulator.calls.count({ path })).toBe(1);
  });

  describe("where sources are built", () => {
    const request = {
      key: "first",
      source: {
        url: "https://git.test/files",
        revision: undefined,
        contextDir: "",
        dockerfile: "Dockerfile",
        credentials: undefined,
      },
      buildArgs: {},
      push: { repository: "registry.test/files", dockerConfig: '{"auths":{"registry.test":{"auth":"YTpi"}}}' },
      timeoutSeconds: 600,
    };
    it.each<{ because: string; bound: EgressBound | undefined; builds?: string; want: RegExp | undefined }>([
      { because: "its rules let builds reach what they need", bound: OPEN, want: undefined },
      { because: "they do not", bound: listed("10.20.0.0/16"), want: /codeEngine\.builds\.project/ },
      { because: "nobody knows what they shall be", bound: undefined, want: /nothing is built yet/ },
      { because: "another project builds", bound: CLOSED, builds: "factory", want: undefined },
      { because: "what builds is called is the same project", bound: CLOSED, builds: "tools", want: /builds\.project/ },
    ])("$because", async ({ bound, builds, want }) => {
      const elsewhere = builds === undefined ? {} : { builds: { size: "medium" as const, project: { name: builds } } };
      backend = world.backend({ spec: world.spec({ egress: "Managed", ...elsewhere }) });
      await backend.manageEgress?.(bound, within());
      const admitting = () => backend.admitBuild?.(request);
      if (want) expect(admitting).toThrow(want);
      else expect(admitting).not.toThrow();
    });

    it("is told from where the rules are by what its names stand for", async () => {
      const builds = { size: "medium", project: { id: world.project.id } } as const;
      backend = world.backend({ spec: world.spec({ egress: "Managed", builds }) });
      await backend.manageEgress?.(CLOSED, within());
      const owner = newOwner("files");
      await expect(backend.ensureBuild?.(owner, request, 1, within())).rejects.toThrow(/builds\.project/);
      expect(world.emulator.calls.count({ path: /builds$/ })).toBe(0);
    });
  });

  it("is left alone by a backend that does not keep its rules", async () => {
    backend = world.backend();
    expect(await backend.manageEgress?.(CLOSED, within())).toEqual({
      changes: [],
      againInMs: Number.POSITIVE_INFINITY,
    });
    await create(await newSpec());
    expect(await aspect()).toBeUndefined();
    expect(world.emulator.calls.count({ path: /allowed_outbound/ })).toBe(0);
  });
});

it("costs at most two looks an hour when its rules stand, none of which writes", async () => {
  const clock = new FakeClock();
  await using world = await CodeEngineWorld.start({ clock });
  const backend: FullBackend = world.backend({ clock, pace: DEFAULT_PACE, spec: world.spec({ egress: "Managed" }) });
  const turn = async (): Promise<boolean> => {
    const turned = backend.manageEgress?.(CLOSED, within());
    let done = false;
    void turned?.finally(() => {
      done = true;
    });
    while (!done) {
      await clock.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    return (await backend.health(within())).aspects?.[0]?.available ?? false;
  };
  await eventually("the rules stand", async () => {
    await clock.advance(5_000);
    return await turn();
  });
  world.emulator.calls.clear();
  for (let passed = 0; passed < 4 * 3_600_000; passed += 30_000) {
    await clock.advance(30_000);
    expect(await turn()).toBe(true);
  }
  expect(world.emulator.calls.writes()).toEqual([]);
  const looks = world.emulator.calls.count({ path: RULES });
  expect(looks).toBeLessThanOrEqual(8);
  expect(looks).toBeGreaterThanOrEqual(5);
}, 60_000);
