import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { FakeContextForge } from "../support/context-forge/fake-context-forge.ts";
import { FILES, FILES_URL, FORGE, RegistrationWorld } from "../support/registration-world.ts";

/** What 127.0.0.1 is there. */
const THERE = "http://localhost:7080/team/files/mcp";

let forge: FakeContextForge;
let world: RegistrationWorld;

beforeEach(async () => {
  forge = await FakeContextForge.start({ connect: async () => 13 });
  world = new RegistrationWorld(forge);
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
  await forge[Symbol.asyncDispose]();
});

/** A deployment that is registered. */
async function registered(): Promise<void> {
  world.putDeployment();
  world.putReady(true);
  await world.settle();
  expect(world.there()).toEqual([`on team.files ${THERE}`]);
}

const finalizers = () => world.deployments.get(FILES)?.metadata.finalizers ?? [];
const registrations = () => world.deployments.get(FILES)?.status?.registrations;
const reasons = () => world.events.map(({ reason }) => reason);

describe("a deployment that names an external gateway", () => {
  it("is registered once it is Ready, and not before", async () => {
    world.putDeployment();
    world.putReady(false);
    await world.settle();
    expect(world.registered()).toBe("False WaitsForReady");
    expect(forge.writes).toEqual([]);
    expect(finalizers()).toEqual([]);
    world.putReady(true);
    await world.settle();
    expect(world.registered()).toBe("True Registered");
    expect(world.there()).toEqual([`on team.files ${THERE}`]);
    expect(registrations()).toMatchObject([{ gateway: FORGE, active: true, tools: 13, name: "team.files" }]);
    expect(reasons()).toEqual(["GatewayAvailable", "WaitsForReady", "Registered"]);
    expect(world.gateways.get({ namespace: "", name: FORGE })?.status).toMatchObject({
      registered: 1,
      version: "1.0.0",
    });
  });

  it("costs no write at rest, and one question in minutes", async () => {
    await registered();
    const [writes, asked] = [world.writes, forge.writes.length];
    const againInMs = await world.look();
    expect(againInMs).toBeGreaterThanOrEqual(150_000);
    expect(againInMs).toBeLessThanOrEqual(300_000);
    for (let looks = 0; looks < 5; looks++) await world.look();
    expect(world.writes).toBe(writes);
    expect(forge.writes.length).toBe(asked);
  });

  it("stands in the status, and is held, before anything is made", async () => {
    world.putDeployment();
    world.putReady(true);
    let before: unknown;
    forge.connect = async () => {
      before = [finalizers(), registrations()];
      return 1;
    };
    await world.settle();
    expect(before).toEqual([["slipway.dev/registration"], [{ gateway: FORGE }]]);
  });

  it.each([
    { because: "it is stopped", stop: () => world.putDeployment({ desiredState: "Stopped" }), afterMs: 0 },
    { because: "it is away for a minute", stop: () => world.putReady(false), afterMs: 61_000 },
  ])("is switched off when $because, and on when it is back", async ({ stop, afterMs }) => {
    await registered();
    stop();
    await world.clock.advance(afterMs);
    await world.settle();
    expect(world.registered()).toBe("False RegistrationInactive");
    expect(world.there()).toEqual([`off team.files ${THERE}`]);
    world.putDeployment({ desiredState: "Running" });
    world.putReady(true);
    await world.settle();
    expect(world.registered()).toBe("True Registered");
    expect(world.there()).toEqual([`on team.files ${THERE}`]);
  });

  it("stays on while it is away for less", async () => {
    await registered();
    const writes = forge.writes.length;
    for (let blinks = 0; blinks < 5; blinks++) {
      world.putReady(false);
      await world.look();
      await world.clock.advance(50_000);
      await world.look();
      expect(world.registered()).toBe("True Registered");
      world.putReady(true);
      await world.look();
    }
    expect(forge.writes.length).toBe(writes);
  });

  it.each([
    {
      because: "the URL is another",
      change: () => world.putReady(true, { url: "http://other.test/mcp" }),
      part: { url: "http://other.test/mcp" },
    },
    {
      because: "the base URL is",
      change: () => world.putGateway({ serverBaseUrl: "https://mcp.test/in/" }),
      part: { url: "https://mcp.test/in/team/files/mcp" },
    },
    {
      because: "the transport is",
      change: () => world.putDeployment({ transport: { type: "sse" } }),
      part: { transport: "SSE" },
    },
    {
      because: "the visibility is",
      change: () => world.putGateway({ visibility: "team", teamId: "t1" }),
      part: { visibility: "team", teamId: "t1" },
    },
    {
      because: "there is a tag more",
      change: () => world.putGateway({ tags: ["prod"] }),
      part: { tags: expect.arrayContaining(["prod", "slipway"]) },
    },
    {
      because: "the interval is another",
      change: () => world.putGateway({ refreshIntervalSeconds: 120 }),
      part: { refreshIntervalSeconds: 120 },
    },
  ])("is updated in its place when $because", async ({ change, part }) => {
    await registered();
    const [id] = forge.entries.keys();
    change();
    await world.settle();
    expect([...forge.entries.values()]).toMatchObject([{ id, ...part }]);
    expect(world.registered()).toBe("True Registered");
  });

  it("hands on another token when that changes, and shows it nowhere", async () => {
    await registered();
    world.putSecret("server", { token: "first-server-token" });
    world.putGateway({ serverTokenSecretRef: { namespace: "slipway-system", name: "server", key: "token" } });
    await world.settle();
    expect([...forge.entries.values()]).toMatchObject([{ auth: { type: "bearer", token: "first-server-token" } }]);
    const digest = registrations()?.[0]?.digest;
    world.putSecret("server", { token: "other-server-token" });
    await world.settle();
    expect([...forge.entries.values()]).toMatchObject([{ auth: { type: "bearer", token: "other-server-token" } }]);
    expect(registrations()?.[0]?.digest).not.toBe(digest);
    const [entry] = forge.entries.values();
    Object.assign(entry ?? {}, { reachable: false, lastError: "401 for Bearer other-server-token" });
    await world.settle();
    expect(world.message()).toContain("[redacted]");
    const said = JSON.stringify([world.deployments.list(), world.gateways.list(), world.events]);
    for (const secret of [forge.token, "first-server-token", "other-server-token"]) expect(said).not.toContain(secret);
  });

  it("is removed with its deployment, which waits for that", async () => {
    await registered();
    world.deleteDeployment();
    expect(world.deployments.get(FILES)).toBeDefined();
    await world.settle();
    expect(world.there()).toEqual([]);
    expect(world.deployments.get(FILES)).toBeUndefined();
    expect(reasons()).toContain("Unregistered");
  });

  it("is removed when it is named no more", async () => {
    await registered();
    world.putDeployment({ registerWith: [] });
    await world.settle();
    expect(world.there()).toEqual([]);
    expect([world.registered(), registrations(), finalizers()]).toEqual([undefined, undefined, []]);
  });

  it("is removed with the McpGateway, which waits for that", async () => {
    await registered();
    world.deleteGateway();
    await world.settle();
    await world.settle();
    expect(world.there()).toEqual([]);
    expect(world.gateways.list()).toEqual([]);
    expect(world.registered()).toBe("False GatewayNotFound");
  });
});

describe("a server that the gateway could not reach", () => {
  it("is registered again as soon as it is back", async () => {
    await registered();
    forge.connect = async () => Promise.reject(new Error("refused"));
    Object.assign([...forge.entries.values()][0] ?? {}, { reachable: false, lastError: "refused" });
    world.putDeployment({ desiredState: "Stopped" });
    await world.settle();
    forge.connect = async () => 14;
    world.putDeployment({ desiredState: "Running" });
    await world.settle();
    expect(world.registered()).toBe("True Registered");
    expect(registrations()).toMatchObject([{ tools: 14 }]);
  });

  it("is looked at again within two minutes", async () => {
    await registered();
    Object.assign([...forge.entries.values()][0] ?? {}, { reachable: false });
    await world.look();
    expect(world.registered()).toBe("False ServerUnreachable");
    expect(await world.look()).toBeLessThanOrEqual(120_000);
    Object.assign([...forge.entries.values()][0] ?? {}, { reachable: true });
    await world.look();
    expect(world.registered()).toBe("True Registered");
  });
});

describe("many deployments", () => {
  it("are registered with a few readings of the list", async () => {
    for (let at = 0; at < 100; at++) {
      const key = { namespace: "team", name: `s${at}` };
      world.putDeployment({}, key);
      world.putReady(true, { key, url: `http://127.0.0.1:7080/team/s${at}/mcp` });
      await world.look(key);
    }
    expect(forge.entries.size).toBe(100);
    const lists = forge.requests.filter(({ method, path }) => method === "GET" && path.includes("include_inactive"));
    expect(lists.length).toBe(1);
  });

  it("of which one gets the name of an entry that came in between", async () => {
    await registered();
    const key = { namespace: "team", name: "late" };
    const theirs = forge.add({ name: "team.late", url: "http://elsewhere.test" });
    world.putDeployment({}, key);
    world.putReady(true, { key, url: "http://127.0.0.1:7080/team/late/mcp" });
    await world.look(key);
    expect(world.registered(key)).toBe("False RegistrationConflict");
    await world.settle(key);
    expect(world.message(key)).toContain(`belongs to entry ${theirs.id}`);
    expect(forge.entries.size).toBe(2);
  });
});

describe("what somebody does at the gateway", () => {
  it.each([
    {
      because: "it was switched off",
      meddle: () => Object.assign([...forge.entries.values()][0] ?? {}, { enabled: false }),
    },
    { because: "it was removed", meddle: () => forge.entries.clear() },
    {
      because: "its URL was changed",
      meddle: () => Object.assign([...forge.entries.values()][0] ?? {}, { url: "http://evil.test" }),
    },
    {
      because: "its tags were taken away",
      meddle: () => Object.assign([...forge.entries.values()][0] ?? {}, { tags: [] }),
    },
    { because: "it was renamed", meddle: () => Object.assign([...forge.entries.values()][0] ?? {}, { name: "mine" }) },
  ])("is put right when $because", async ({ meddle }) => {
    await registered();
    meddle();
    await world.settle();
    expect([...forge.entries.values()]).toMatchObject([
      { enabled: true, name: "team.files", url: THERE, tags: expect.arrayContaining(["slipway"]) },
    ]);
    expect(world.registered()).toBe("True Registered");
  });

  it.each([
    { because: "it goes", act: () => world.deleteDeployment() },
    { because: "it stays", act: () => undefined },
  ])("leaves alone what a status names and another deployment has: $because", async ({ act }) => {
    const theirs = { ...forge.add({ name: "their.own", url: "http://their.test/mcp", tags: ["slipway:uid:other"] }) };
    world.putDeployment();
    const deployment = world.deployments.get(FILES);
    if (deployment)
      world.deployments.put({
        ...deployment,
        metadata: { ...deployment.metadata, finalizers: ["slipway.dev/registration"] },
        status: { ...deployment.status, registrations: [{ gateway: FORGE, id: theirs.id }] },
      });
    act();
    await world.settle();
    expect(forge.entries.get(theirs.id)).toEqual(theirs);
  });

  it("is no news where it only adds a tag", async () => {
    await registered();
    const [entry] = forge.entries.values();
    Object.assign(entry ?? {}, { tags: [...(entry?.tags ?? []), "theirs"] });
    const writes = forge.writes.length;
    await world.settle();
    expect(forge.writes.length).toBe(writes);
  });

  it.each([
    { because: "the name", rival: { name: "Team Files", url: "http://elsewhere.test" }, says: 'the name "team.files"' },
    { because: "the URL", rival: { name: "other", url: THERE }, says: "its URL" },
  ])("is left alone where $because is somebody else's, and taken up when that is gone", async ({ rival, says }) => {
    const theirs = { ...forge.add(rival) };
    world.putDeployment();
    world.putReady(true);
    await world.settle();
    expect(world.registered()).toBe("False RegistrationConflict");
    expect(world.message()).toContain(says);
    await world.settle();
    expect(world.gateways.get({ namespace: "", name: FORGE })?.status?.registered).toBe(0);
    expect([...forge.entries.values()]).toEqual([theirs]);
    world.deleteDeployment();
    await world.settle();
    expect(world.deployments.list()).toEqual([]);
    expect([...forge.entries.values()]).toEqual([theirs]);
    forge.entries.clear();
    await registered();
  });

  it("shows where the gateway cannot reach the server", async () => {
    await registered();
    Object.assign([...forge.entries.values()][0] ?? {}, { reachable: false, lastError: "connect\u001b[31m timed out" });
    await world.settle();
    expect(world.registered()).toBe("False ServerUnreachable");
    expect(world.message()).toContain("connect [31m timed out");
  });
});

describe("two McpGateways that lead to one place", () => {
  const FORGES = [{ name: FORGE }, { name: "other" }];

  it("have an entry each where their teams differ", async () => {
    world.putGateway({ visibility: "team", teamId: "t1" });
    world.putGateway({ visibility: "team", teamId: "t2" }, "other");
    world.putDeployment({ registerWith: FORGES });
    world.putReady(true);
    await world.settle();
    expect(world.registered()).toBe("True Registered");
    expect([...forge.entries.values()].map(({ teamId }) => teamId)).toEqual(["t1", "t2"]);
    world.putDeployment({ registerWith: [{ name: "other" }] });
    await world.settle();
    expect([...forge.entries.values()].map(({ teamId }) => teamId)).toEqual(["t2"]);
  });

  it("do not fight over one where they would be the same", async () => {
    await registered();
    const [entry] = forge.entries.values();
    world.putGateway({}, "other");
    world.putDeployment({ registerWith: FORGES });
    await world.settle();
    expect(world.registered()).toBe("False RegistrationConflict");
    world.putDeployment({ registerWith: [{ name: FORGE }] });
    await world.settle();
    expect([...forge.entries.values()]).toEqual([entry]);
    expect(world.registered()).toBe("True Registered");
  });

  it("are not more than the status has room for", async () => {
    for (let at = 0; at < 20; at++) world.putGateway({ visibility: "team", teamId: `t${at}` }, `g${at}`);
    const some = (from: number) => Array.from({ length: 8 }, (_, at) => ({ name: `g${from + at}` }));
    world.putDeployment({ registerWith: some(0) });
    world.putReady(true);
    await world.settle();
    for (let at = 0; at < 8; at++)
      world.putGateway({ visibility: "team", teamId: `t${at}`, url: "http://127.0.0.1:1" }, `g${at}`);
    world.putDeployment({ registerWith: some(8) });
    await world.look();
    world.putDeployment({ registerWith: some(12) });
    for (let at = 8; at < 12; at++)
      world.putGateway({ visibility: "team", teamId: `t${at}`, url: "http://127.0.0.1:1" }, `g${at}`);
    await world.look();
    await world.look();
    expect(registrations()).toHaveLength(16);
    expect(world.message()).toContain("g19: waits until an entry at another gateway");
  });
});

describe("a gateway with trouble", () => {
  it.each([
    { fault: { status: 400, body: { detail: "Unable to process input" } }, says: "False RegistrationRefused" },
    { fault: { status: 403, body: { detail: "Insufficient permissions" } }, says: "False GatewayUnauthorized" },
    { fault: { status: 409, body: { message: "Gateway already exists" } }, says: "False RegistrationConflict" },
    {
      fault: { status: 422, body: { detail: [{ loc: ["body", "url"], msg: "no" }] } },
      says: "False RegistrationRefused",
    },
    { fault: { status: 502, body: { message: "Unable to connect to gateway" } }, says: "False ServerUnreachable" },
    { fault: { status: 503, headers: { "retry-after": "7" } }, says: "False GatewayUnavailable" },
    { fault: { status: 302, headers: { location: "http://evil.test/" } }, says: "False GatewayUnavailable" },
    { fault: { text: "<html>" }, says: "False GatewayUnavailable" },
    { fault: { status: 200, body: { id: "../x" } }, says: "False GatewayUnavailable" },
    { fault: "reset" as const, says: "False GatewayUnavailable" },
    { fault: "silence" as const, says: "False GatewayUnavailable" },
    { fault: "lost answer" as const, says: "False GatewayUnavailable" },
  ])("is told of ($fault), and gets one entry in the end", async ({ fault, says }) => {
    forge.fail("POST", fault);
    world.putDeployment();
    world.putReady(true);
    await world.look();
    expect(world.registered()).toBe(says);
    await world.clock.advance(300_000);
    await world.settle();
    expect(world.registered()).toBe("True Registered");
    expect(world.there()).toEqual([`on team.files ${THERE}`]);
  });

  it("connects to the server in its own time", async () => {
    forge.async = true;
    world.putDeployment();
    world.putReady(true);
    expect(await world.look()).toBe(1_000);
    expect(world.registered()).toBe("False RegistrationPending");
    await world.look();
    expect(forge.entries.size).toBe(1);
    await forge.finish();
    await world.settle();
    expect(world.registered()).toBe("True Registered");
    world.deleteDeployment();
    await world.look();
    expect(world.registered()).toBe("False RegistrationPending");
    expect(world.deployments.get(FILES)).toBeDefined();
    await forge.finish();
    await world.settle();
    expect(world.deployments.get(FILES)).toBeUndefined();
  });

  it("holds a deletion for ten minutes and says so; then what is left is told", async () => {
    await registered();
    forge.stop();
    world.deleteDeployment();
    await world.look();
    expect(world.registered()).toBe("Unknown GatewayUnavailable");
    await world.clock.advance(590_000);
    await world.look();
    expect(world.deployments.get(FILES)).toBeDefined();
    await world.clock.advance(20_000);
    await world.look();
    expect(world.deployments.get(FILES)).toBeUndefined();
    const told = world.events.find(({ reason }) => reason === "RegistrationAbandoned");
    expect(told?.note).toContain("slipway:uid:");
    world.deleteGateway();
    await world.settle();
    expect(world.gateways.list()).toEqual([]);
  });

  it("is not given up before it was asked, however late the controller starts", async () => {
    await registered();
    world.deleteDeployment();
    await world.clock.advance(900_000);
    await world.crash();
    await world.look(FILES, { gateways: false });
    expect(world.deployments.get(FILES)).toBeDefined();
    await world.settle();
    expect(world.there()).toEqual([]);
  });

  it.each([
    {
      because: "there is no Secret",
      change: () => world.secrets.remove({ namespace: "slipway-system", name: "forge" }),
      says: "SecretNotFound",
    },
    {
      because: "the token is not taken",
      change: () => world.putSecret("forge", { token: "wrong" }),
      says: "GatewayUnauthorized",
    },
    { because: "nobody is there", change: () => forge.stop(), says: "GatewayUnavailable" },
    {
      because: "it is none",
      change: () => world.putGateway({ url: `${forge.url}/nowhere` }),
      says: "GatewayUnavailable",
    },
  ])("is not available when $because", async ({ change, says }) => {
    world.putDeployment();
    world.putReady(true);
    change();
    await world.look();
    expect(world.registered()).toBe(`False ${says}`);
    const { conditions } = world.gateways.get({ namespace: "", name: FORGE })?.status ?? {};
    expect(conditions).toMatchObject([{ type: "Available", status: "False", reason: says }]);
  });

  it("does not let in every namespace", async () => {
    world.putGateway({ allowedNamespaces: ["other"] });
    world.putDeployment();
    world.putReady(true);
    await world.settle();
    expect(world.registered()).toBe("False GatewayNotAllowed");
    expect(forge.writes).toEqual([]);
  });

  it("may have the API at the alias alone", async () => {
    await using old = await FakeContextForge.start({ legacy: true, token: forge.token });
    world.putGateway({ url: `${old.url}/` });
    world.putDeployment();
    world.putReady(true);
    await world.settle();
    expect(world.registered()).toBe("True Registered");
    expect(old.entries.size).toBe(1);
  });
});

describe("a controller that dies", () => {
  it.each([
    { because: "the answer of POST is lost with it", fault: "lost answer" as const },
    { because: "POST never began", fault: "reset" as const },
  ])("makes no second entry when $because", async ({ fault }) => {
    forge.fail("POST", fault);
    world.putDeployment();
    world.putReady(true);
    await world.look();
    await world.crash();
    await world.settle();
    expect(world.there()).toEqual([`on team.files ${THERE}`]);
    expect(registrations()).toMatchObject([{ id: [...forge.entries.keys()][0] }]);
  });

  it("between POST and status adopts what it made", async () => {
    world.putDeployment();
    world.putReady(true);
    world.onWrite = () => {
      if (forge.entries.size > 0) throw new Error("killed");
    };
    await expect(world.look()).rejects.toThrow("killed");
    world.onWrite = () => undefined;
    expect(registrations()).toEqual([{ gateway: FORGE }]);
    await world.crash();
    await world.settle();
    expect(world.there()).toEqual([`on team.files ${THERE}`]);
    expect(world.registered()).toBe("True Registered");
  });

  it("leaves nothing where the deployment was deleted meanwhile", async () => {
    forge.fail("POST", "lost answer");
    world.putDeployment();
    world.putReady(true);
    await world.look();
    await world.crash();
    world.deleteDeployment();
    await world.settle();
    expect(world.there()).toEqual([]);
    expect(world.deployments.list()).toEqual([]);
  });

  it("tells the entry that is being removed from the one that took its place", async () => {
    await registered();
    const [now] = forge.entries.values();
    const before = forge.add({ ...now, id: "before", name: "earlier", url: "http://earlier.test", status: "deleting" });
    forge.entries.delete(now?.id ?? "");
    forge.entries.set(now?.id ?? "", now as never);
    world.deployments.put({ ...world.deployments.get(FILES), status: undefined } as never);
    world.putReady(true);
    await world.crash();
    await world.settle();
    expect([...forge.entries.values()]).toEqual([before, now]);
    expect(registrations()).toMatchObject([{ id: now?.id }]);
  });

  it("where names may be used twice keeps one of two", async () => {
    world.putGateway({ visibility: "private" });
    await registered();
    const [mine] = forge.entries.values();
    forge.add({ ...mine, id: "second", name: "team.files", url: THERE });
    world.deployments.put({ ...world.deployments.get(FILES), status: undefined } as never);
    world.putReady(true, { url: FILES_URL });
    await world.crash();
    await world.settle();
    expect(forge.entries.size).toBe(1);
  });
});
