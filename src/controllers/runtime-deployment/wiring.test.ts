import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, KEY } from "../../../test/support/deployment-world.ts";
import { getCondition } from "../../machinery/conditions.ts";

const ref = (name: string) => `\${${name}}`;
const address = (name: string) => `http://${name}.${ref("CE_SUBDOMAIN")}.svc.cluster.local/mcp`;
const calls = (name: string, value = address(name)) => ({ env: [{ name: "PEER", value }] });
/** Long before it would be looked at anyway. */
const SOON = { withinMs: 60_000 };
const PEER = { ...KEY, name: "peer" };

type Place = { now: string | undefined };

async function wired(spec: Parameters<DeploymentWorld["apply"]>[0], place: Place = { now: "vg67" }) {
  const world = new DeploymentWorld({ subdomain: place });
  world.apply(spec);
  await world.until(() => world.connected() && world.settled());
  return {
    world,
    place,
    peer: () => world.current().spec.env.PEER,
    accepted: () => getCondition(world.status.conditions, "Accepted"),
    creations: () => world.engine.log.filter((entry) => entry === "create current").length,
  };
}

describe("references in literal variables", () => {
  it("become addresses, and never stand in the way of a sibling that is not there", async () => {
    const { world, peer, accepted, creations } = await wired(calls("peer"));
    expect(peer()).toBe("http://peer.vg67.svc.cluster.local/mcp");
    expect(accepted()).toMatchObject({ status: "True", message: expect.stringContaining('"peer" is no RuntimeDepl') });
    expect(creations()).toBe(1);

    const containers = () => world.containers().filter(({ spec }) => spec.owner.name === KEY.name);
    world.apply({}, PEER);
    await world.until(() => world.connected(PEER) && world.settled());
    await world.until(() => containers()[0]?.spec.env.PEER === "http://app-of-peer.vg67.svc.cluster.local/mcp", SOON);
    await world.until(() => world.connected() && world.settled());
    expect(accepted()?.message).toBe("the spec can be run");
    const made = creations();
    await world.pass(60_000);
    world.kill();
    world.boot();
    await world.pass(60_000);
    expect(creations()).toBe(made);
    expect(containers()).toHaveLength(1);
  });

  it("take the name back when the sibling is gone", async () => {
    const { world, peer } = await wired({});
    world.apply({}, PEER);
    await world.until(() => world.connected(PEER));
    world.apply(calls("peer"));
    const of = () => world.containers().find(({ spec }) => spec.owner.name === KEY.name)?.spec.env.PEER;
    await world.until(() => of() === "http://app-of-peer.vg67.svc.cluster.local/mcp");
    world.delete(PEER);
    await world.until(() => of() === "http://peer.vg67.svc.cluster.local/mcp" && world.containers().length === 1, SOON);
    expect(peer()).toBe("http://peer.vg67.svc.cluster.local/mcp");
  });

  it("keep their text until the subdomain is known, and then roll once", async () => {
    const { world, place, peer, accepted, creations } = await wired(calls("peer"), { now: undefined });
    expect(peer()).toBe(address("peer"));
    expect(accepted()).toMatchObject({ status: "True", message: expect.stringContaining("tells its subdomain") });
    await world.pass(300_000);
    expect(creations()).toBe(1);
    const { writes } = world;
    await world.pass(300_000);
    expect(world.writes).toBe(writes);
    place.now = "vg67";
    await world.until(() => peer() === "http://peer.vg67.svc.cluster.local/mcp" && world.settled(), {
      withinMs: 120_000,
    });
    await world.pass(300_000);
    expect(creations()).toBe(2);
  });

  it("are no reason to roll where the backend does not answer after a restart", async () => {
    const { world, peer, creations } = await wired(calls("peer"));
    const before = peer();
    world.kill();
    world.engine.reachable = false;
    world.boot();
    await world.pass(60_000);
    world.engine.reachable = true;
    await world.until(() => world.connected() && world.settled());
    await world.pass(60_000);
    expect(peer()).toBe(before);
    expect(creations()).toBe(1);
  });

  it("are refused where there is no such thing, which heals with the spec", async () => {
    const { world, accepted, creations } = await wired({});
    world.apply(calls("", `x ${ref("CE_APP")}`));
    await world.until(() => accepted()?.status === "False");
    expect(accepted()).toMatchObject({ reason: "InvalidSpec", message: expect.stringContaining("the value of PEER") });
    expect(creations()).toBe(1);
    world.apply(calls("peer"));
    await world.until(() => accepted()?.status === "True" && creations() === 2);
  });

  it("are plain text in values of Secrets and ConfigMaps, and where the backend knows none", async () => {
    const world = new DeploymentWorld({ subdomain: { now: "vg67" } });
    world.putSecret("s", { url: address("peer") });
    world.putConfigMap({ ...KEY, name: "c" }, { url: ref("CE_APP") });
    const secretKeyRef = { name: "s", key: "url" };
    const configMapKeyRef = { name: "c", key: "url" };
    const env = [
      { name: "A", valueFrom: { secretKeyRef } },
      { name: "B", valueFrom: { configMapKeyRef } },
      { name: "C", value: `$${ref("CE_REGION")} ${ref("HOME")}` },
    ];
    world.apply({ env });
    await world.until(() => world.connected());
    expect(world.current().spec.env).toEqual({
      A: address("peer"),
      B: ref("CE_APP"),
      C: `${ref("CE_REGION")} ${ref("HOME")}`,
    });

    const other = new DeploymentWorld();
    other.apply({ env: [{ name: "A", value: `$${ref("CE_REGION")} ${ref("CE_APP")}` }] });
    await other.until(() => other.connected());
    expect(other.current().spec.env).toEqual({ A: `$${ref("CE_REGION")} ${ref("CE_APP")}` });
  });

  it("do not count as a difference where a profile is narrowed by a maximum that nothing exceeds", async () => {
    const world = new DeploymentWorld({ subdomain: { now: "vg67" } });
    world.putProfile("own", { resources: { maxMemory: "1Gi" } }, "unrestricted");
    world.bound("own");
    world.apply({ ...calls("peer"), guardrails: { profile: "own" } });
    await world.until(() => world.connected() && world.settled());
    const { id } = world.current();
    world.putProfile("own", { resources: { maxMemory: "512Mi" } });
    await world.pass(60_000);
    expect(world.current()).toMatchObject({ id, spec: { env: { PEER: "http://peer.vg67.svc.cluster.local/mcp" } } });
    expect(world.connected()).toBe(true);
  });

  it("know as siblings what is on the same backend only", async () => {
    const { world, accepted } = await wired(calls("peer"));
    world.putBackend("other", false);
    world.apply({ backend: "other" }, PEER);
    await world.until(() => world.connected(PEER));
    await world.pass(60_000);
    expect(accepted()?.message).toContain('"peer" is no RuntimeDeployment');
    world.apply({ backend: "docker" }, PEER);
    await world.until(() => accepted()?.message === "the spec can be run", SOON);
  });
});

describe("dependencies", () => {
  it("hold nothing up, and are told while they are not there or not ready", async () => {
    const world = new DeploymentWorld();
    const message = () => getCondition(world.status.conditions, "Accepted")?.message;
    world.apply({ dependencies: ["peer", "absent", KEY.name] });
    await world.until(() => world.connected() && world.settled());
    expect(message()).toBe("the spec can be run; spec.dependencies: there is no RuntimeDeployment peer, absent");
    world.apply({}, PEER);
    await world.until(() => message()?.endsWith("there is no RuntimeDeployment absent") ?? false, SOON);
    world.apply({ desiredState: "Stopped" }, PEER);
    await world.until(() => message()?.endsWith("absent; spec.dependencies: not Ready: peer") ?? false, SOON);
    const creations = world.engine.log.filter((entry) => entry === "create current");
    expect(creations).toHaveLength(2);
    const { writes } = world;
    await world.pass(600_000);
    expect(world.writes).toBe(writes);
  });
});
