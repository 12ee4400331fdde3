import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, KEY } from "../../../test/support/deployment-world.ts";
import { secretWatch } from "../../../test/support/secrets/secret-watch.ts";
import { everythingIn } from "../../../test/support/secrets/witnessed.ts";

const URL = "https://mcp.example.com/tools?key=hush-in-the-query";
const TOKENS = ["Bearer first-of-the-tokens", "Bearer second-of-the-tokens"] as const;
const AUTHORIZATION = { name: "Authorization", valueFrom: { secretKeyRef: { name: "token", key: "header" } } };
const REMOTE = { source: { remote: { url: URL, headers: [AUTHORIZATION] } }, backend: "remote" };

/** A world with a place for servers of others, and such a server. What people read of it must not show the secrets. */
function worldWithRemote(): DeploymentWorld {
  const world = new DeploymentWorld();
  world.putBackend("remote", false, { type: "remote", remote: { allowedCidrs: ["10.0.0.0/8"] } });
  world.putSecret("token", { header: TOKENS[0] });
  world.engine.remotes.add(URL);
  for (const [at, token] of TOKENS.entries()) secretWatch.learn(`token ${at}`, token);
  secretWatch.learn("the query", "hush-in-the-query");
  secretWatch.witness(() => [
    { where: "the status", text: everythingIn([...world.server.values()].map(({ status }) => status)) },
    { where: "an event", text: everythingIn(world.events) },
  ]);
  return world;
}

async function connected(): Promise<DeploymentWorld> {
  const world = worldWithRemote();
  world.apply(REMOTE);
  await world.until(() => world.connected());
  return world;
}

/** How the gateway reaches it. */
function reached(world: DeploymentWorld) {
  return world.endpoints.get(KEY, world.deployment.metadata.uid);
}

describe("a deployment of a server that somebody else runs", () => {
  it("is reached with its headers, where its backend allows", async () => {
    const world = await connected();
    expect(reached(world)).toMatchObject({
      kind: "http",
      url: URL,
      headers: { Authorization: TOKENS[0] },
      allowedCidrs: ["10.0.0.0/8"],
    });
    expect(world.engine.log).toEqual([]);
  });

  it("stays what it is when the controller starts anew", async () => {
    const world = await connected();
    const { status, writes, events } = { status: world.status, writes: world.writes, events: [...world.events] };
    const before = reached(world);
    world.kill();
    world.revive();
    world.enqueue();
    await world.pass(30_000);
    expect(world.status).toEqual(status);
    expect([world.writes, world.events]).toEqual([writes, events]);
    expect(reached(world)).toEqual(before);
  });

  it("rolls to another value of a Secret", async () => {
    const world = await connected();
    const before = reached(world);
    world.putSecret("token", { header: TOKENS[1] });
    await world.until(() => JSON.stringify(reached(world))?.includes(TOKENS[1]) && world.settled());
    expect(reached(world)?.instance).not.toBe(before?.instance);
    expect([world.status.phase, world.status.workload?.restartCount]).toEqual(["Connected", 0]);
  });

  it("is disconnected while it is stopped, and once it is deleted", async () => {
    const world = await connected();
    world.apply({ ...REMOTE, desiredState: "Stopped" });
    await world.until(() => world.status.phase === "Stopped");
    expect(reached(world)).toBeUndefined();
    world.apply(REMOTE);
    await world.until(() => world.connected());
    expect(reached(world)).toBeDefined();
    world.delete();
    await world.until(() => world.server.size === 0);
    expect(world.endpoints.get(KEY, "any")).toBeUndefined();
  });

  it("is not Connected while nothing answers there", async () => {
    const world = worldWithRemote();
    world.engine.remotes.clear();
    world.apply(REMOTE);
    await world.until(() => world.condition("Ready")?.startsWith("False Probe") === true);
  });

  it("moves between an Engine and elsewhere, stays who it is, and leaves nothing", async () => {
    const world = worldWithRemote();
    world.apply();
    await world.until(() => world.connected());
    const { uid } = world.deployment.metadata;
    const { url } = world.status;
    world.apply(REMOTE);
    await world.until(() => world.connected() && world.settled() && world.containers().length === 0);
    expect(reached(world)).toMatchObject({ url: URL });
    expect([world.deployment.metadata.uid, world.status.url]).toEqual([uid, url]);
    expect(world.status.workload).toMatchObject({ backend: "remote" });
    world.apply({ backend: "docker" });
    await world.until(() => world.connected() && world.settled() && world.containers().length === 1);
    expect([world.deployment.metadata.uid, world.status.url]).toEqual([uid, url]);
    expect(world.status.workload).toMatchObject({ backend: "docker" });
    expect(reached(world)).toBeUndefined();
  });

  it.each([
    {
      because: "it speaks over no streams of ours",
      patch: { transport: { type: "stdio" as const } },
      message: "spec.transport.type: stdio does not reach spec.source.remote",
    },
    {
      because: "nothing is mounted there",
      patch: { volumes: [{ name: "data", mountPath: "/data", volume: {} }] },
      message: "spec.volumes: data: nothing can be mounted",
    },
    {
      because: "it gets no variables",
      patch: { env: [{ name: "MODE", value: "x" }] },
      message: "env MODE: a server that somebody else runs gets no variables from here",
    },
    {
      because: "an Engine runs no servers of others",
      patch: { backend: "docker" },
      message: 'RuntimeBackend "docker" cannot stand for servers that somebody else runs',
    },
  ])("is refused where $because", async ({ patch, message }) => {
    const world = worldWithRemote();
    world.apply({ ...REMOTE, ...patch });
    await world.until(() => world.condition("Stalled") !== undefined);
    const told = world.status.conditions?.find(({ type }) => type === "Stalled")?.message;
    expect(told).toContain(message);
    expect(reached(world)).toBeUndefined();
  });

  it("is refused by a profile that is strict", async () => {
    const world = worldWithRemote();
    world.putProfile("strict", { enforcement: "Strict" });
    world.apply({ ...REMOTE, guardrails: { profile: "strict" } });
    await world.until(() => world.condition("Stalled") === "True GuardrailNotEnforced");
  });
});
