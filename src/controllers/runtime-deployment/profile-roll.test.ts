import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld } from "../../../test/support/deployment-world.ts";
import type { ObjectKey } from "../../api/meta.ts";
import { TURN_MS } from "./turns.ts";

type World = DeploymentWorld;

const KEYS: readonly ObjectKey[] = ["a", "b", "c", "d"].map((name) => ({ namespace: "team-a", name }));
const [A, B] = KEYS as [ObjectKey, ObjectKey];
const spec = { guardrails: { profile: "own" } };
const HOSTS = { network: { egressAllowed: true, allowedHosts: ["api.example"] } };

const of = (world: World, key: ObjectKey) => world.containers().filter((each) => each.spec.owner.name === key.name);
const isChanged = (world: World, key: ObjectKey) => {
  const [first, ...others] = of(world, key);
  const { egress } = first?.spec.guardrails.network ?? {};
  return others.length === 0 && egress?.kind === "listed" && egress.hosts.length === 1;
};
const rolling = (world: World) => KEYS.filter((key) => of(world, key).length > 1);
const waiting = (world: World) =>
  KEYS.filter((key) => world.condition("Reconciling", key) === "True GuardrailsChanged");

async function running(): Promise<World> {
  const world = new DeploymentWorld();
  world.putProfile("own", {});
  for (const key of KEYS) world.apply(spec, key);
  await world.until(() => KEYS.every((key) => world.connected(key) && world.settled(key)));
  world.engine.log.length = 0;
  world.events.length = 0;
  return world;
}

/** Looks at every moment until `done`; answers who was made anew, in their order. */
async function follow(world: World, done: () => boolean): Promise<string[]> {
  const order: string[] = [];
  await world.until(() => {
    expect(rolling(world).length).toBeLessThanOrEqual(1);
    for (const key of KEYS) if (isChanged(world, key) && !order.includes(key.name)) order.push(key.name);
    return done();
  });
  return order;
}

describe("a changed profile", () => {
  it("rolls the deployments that use it, one at a time, and no other", async () => {
    const world = await running();
    const other = { namespace: "team-a", name: "other" };
    world.apply({ guardrails: { profile: "standard" } }, other);
    await world.until(() => world.connected(other) && world.settled(other));
    const [bystander] = of(world, other);
    world.events.length = 0;

    world.putProfile("own", HOSTS);
    await world.until(() => waiting(world).length === 3);
    for (const key of waiting(world)) {
      expect(world.condition("Ready", key)).toBe("True Connected");
      const { conditions = [], guardrails } = world.server.get(`team-a/${key.name}`)?.status ?? {};
      // What runs is what is spoken of.
      const hosts = guardrails?.fields?.find(({ field }) => field === "network.allowedHosts");
      expect(hosts?.reason).toMatch(/only 3 listed hosts/);
      const reconciling = conditions.find(({ type }) => type === "Reconciling");
      expect(reconciling?.message).toMatch(/"own" was changed.*one at a time.*waits/);
    }
    const order = await follow(world, () => KEYS.every((key) => isChanged(world, key) && world.settled(key)));
    expect(order).toHaveLength(4);
    expect(of(world, other)).toEqual([bystander]);
    const told = world.events.filter(({ reason }) => reason === "GuardrailsChanged");
    expect(told).toHaveLength(4);
    expect(told[0]?.note).toMatch(/"own" was changed \(network.allowedHosts\)/);
    for (const key of KEYS) expect(world.server.get(`team-a/${key.name}`)?.status?.workload?.restartCount).toBe(0);
  });

  it("rolls nothing where no workload is made otherwise by it", async () => {
    const world = await running();
    world.putProfile("own", { resources: { maxCpu: "1", maxMemory: "1Gi", maxPids: 200 } });
    await world.pass(30_000);
    expect(world.engine.log).toEqual([]);
  });

  it("goes on past one that fails under it", async () => {
    const world = await running();
    // Whatever is made from now on never answers; what serves does.
    const answering = new Set(world.containers().map(({ id }) => id));
    const program = world.engine.program.bind(world.engine);
    world.engine.program = (container) => (answering.has(container.id) ? program(container) : { answers: "silent" });
    world.putProfile("own", HOSTS);
    await follow(world, () => KEYS.every((key) => world.condition("Stalled", key) === "True ProbeTimeout"));
    for (const key of KEYS) expect(world.condition("Ready", key)).toBe("True Connected");
    expect(world.containers().filter(({ role }) => role === "current")).toHaveLength(4);
  });

  it.each<{ because: string; end: (world: World, key: ObjectKey) => void }>([
    { because: "is deleted", end: (world, key) => world.delete(key) },
    { because: "is edited", end: (world, key) => world.apply({ ...spec, args: ["--verbose"] }, key) },
    { because: "is stopped", end: (world, key) => world.apply({ ...spec, desiredState: "Stopped" }, key) },
  ])("gives the turn on when the one that has it $because", async ({ end }) => {
    const world = await running();
    const program = world.engine.program.bind(world.engine);
    let silent = true;
    world.engine.program = (container) =>
      silent && container.role === "candidate" ? { answers: "silent" } : program(container);
    world.putProfile("own", HOSTS);
    await world.until(() => rolling(world).length === 1);
    const [first] = rolling(world);
    if (!first) throw new Error("nobody goes");
    silent = false;
    end(world, first);
    const others = KEYS.filter((key) => key !== first);
    await world.until(() => others.every((key) => isChanged(world, key)), { withinMs: 30_000 });
  });

  it("does not wait for ever for one that does not get on", async () => {
    const world = await running();
    const patient = { probe: "mcp", periodSeconds: 600, timeoutSeconds: 1, failureThreshold: 3 } as const;
    for (const key of KEYS) world.apply({ ...spec, health: patient }, key);
    await world.until(() => KEYS.every((key) => world.settled(key)));
    const program = world.engine.program.bind(world.engine);
    let first: string | undefined;
    world.engine.program = (container) => {
      if (container.role === "candidate") first ??= container.spec.owner.name;
      return container.spec.owner.name === first && container.role === "candidate"
        ? { answers: "silent" }
        : program(container);
    };
    world.putProfile("own", HOSTS);
    await world.until(() => rolling(world).length === 1);
    const others = () => KEYS.filter(({ name }) => name !== first);
    await world.pass(TURN_MS / 2, 1_000);
    expect(others().filter((key) => isChanged(world, key))).toEqual([]);
    await world.until(() => others().every((key) => isChanged(world, key)), { withinMs: TURN_MS });
  });

  it("lets those go at once that serve nobody", async () => {
    const world = await running();
    world.engine.publish("registry.test/files:1", { answers: "silent" });
    await world.until(() => KEYS.every((key) => world.condition("Ready", key) === "False ProbeTimeout"));
    // Who served a moment ago may be on its way back.
    await world.pass(60_000, 1_000);
    world.putProfile("own", HOSTS);
    await world.until(() => KEYS.every((key) => isChanged(world, key)), { withinMs: 2_000 });
  });

  it("rolls on, one at a time, when the controller is started again", async () => {
    const world = await running();
    world.putProfile("own", HOSTS);
    await world.until(() => rolling(world).length === 1);
    world.kill();
    world.boot();
    await follow(world, () => KEYS.every((key) => isChanged(world, key) && world.settled(key)));
    expect(of(world, A)).toHaveLength(1);
    expect(of(world, B)).toHaveLength(1);
  });
});
