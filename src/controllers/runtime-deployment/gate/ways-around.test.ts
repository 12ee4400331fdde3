import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, IMAGE, KEY } from "../../../../test/support/deployment-world.ts";
import { UNKNOWN_REQUESTER } from "../../../approvals/people.ts";

const state = (world: DeploymentWorld) => world.containers().map((each) => each.state.kind);

describe("what was stopped before a policy came", () => {
  async function stopped(): Promise<DeploymentWorld> {
    const world = new DeploymentWorld();
    world.apply();
    await world.until(() => world.connected() && world.settled());
    world.apply({ desiredState: "Stopped" });
    await world.until(() => world.status.phase === "Stopped");
    world.putPolicy("late", { rules: [{ name: "elsewhere", registryNotIn: ["allowed.test"] }] });
    world.engine.publish("allowed.test/files:1");
    return world;
  }

  it.each([
    { because: "it waits for approval", patch: {}, reason: "PendingApproval" },
    {
      because: "what it became is refused",
      patch: { guardrails: { profile: "nobody-made-it" } },
      reason: "GuardrailProfileNotFound",
    },
    {
      because: "what it became needs no approval, and cannot be made yet",
      patch: { source: { image: { reference: "allowed.test/files:1" } }, envFrom: [{ secretRef: { name: "absent" } }] },
      reason: "SecretNotFound",
    },
  ])("is not started again while $because", async ({ patch, reason }) => {
    const world = await stopped();
    world.apply(patch);
    await world.until(() => world.condition("Ready") === `False ${reason}`);
    await world.pass(120_000, 1_000);
    expect(state(world)).toEqual(["exited"]);
    world.kill();
    world.revive();
    await world.pass(120_000, 1_000);
    expect(state(world)).toEqual(["exited"]);
  });

  it.each([
    { because: "is narrower by now", patch: { guardrails: { profile: "standard" } } },
    { because: "is what it was", patch: {} },
  ])("is not started again where a policy came while it ran, though it $because", async ({ patch }) => {
    const world = new DeploymentWorld();
    world.putPolicy("others", { rules: [{ name: "git", sourceTypes: ["git"] }] });
    world.apply();
    await world.until(() => world.connected() && world.settled());
    world.putPolicy("late");
    await world.until(() => world.question !== undefined);
    world.apply({ desiredState: "Stopped" });
    await world.until(() => world.status.phase === "Stopped");
    const { id } = world.current();
    world.apply(patch);
    await world.until(() => world.condition("Ready") === "False PendingApproval");
    await world.pass(60_000);
    expect(world.containers().map((each) => [each.id, each.state.kind])).toEqual([[id, "exited"]]);
  });

  it("starts once somebody said yes", async () => {
    const world = await stopped();
    world.apply();
    await world.until(() => world.question !== undefined);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
  });
});

describe("what runs, and was never asked about before a policy came", () => {
  it("waits for nobody to become narrower", async () => {
    const world = new DeploymentWorld();
    world.putPolicy("others", { rules: [{ name: "git", sourceTypes: ["git"] }] });
    world.apply();
    await world.until(() => world.connected() && world.settled());
    world.putPolicy("late");
    await world.until(() => world.question !== undefined);
    world.apply({ guardrails: { profile: "standard" } });
    await world.until(() => world.connected() && world.status.workload?.generation === 2);
    expect(world.current().spec.guardrails.profile).toBe("standard");
    expect(world.condition("Approved")).toBe("False PendingApproval");
  });
});

describe("what was made and never started", () => {
  it("is not started once a policy asks about it", async () => {
    let seen = 0;
    for (let moment = 1; seen === 0 && moment < 60; moment++) {
      const world = new DeploymentWorld();
      world.crashAt = moment;
      world.apply();
      await world.pass(30_000);
      if (world.crashAt < Number.POSITIVE_INFINITY && state(world).join() === "created") {
        seen++;
        world.putPolicy("late");
        world.revive();
        await world.until(() => world.question !== undefined);
        await world.pass(60_000, 1_000);
        expect(state(world)).not.toContain("running");
        world.decide("Approved");
        await world.until(() => world.connected() && world.settled());
      }
      world.kill();
    }
    expect(seen).toBe(1);
  });
});

describe("an image that was found when it ran", () => {
  it("stays when what was approved is narrowed", async () => {
    const world = new DeploymentWorld();
    world.putPolicy("images");
    const source = { image: { reference: IMAGE, pullPolicy: "Never" as const } };
    const first = world.engine.publish(IMAGE);
    world.engine.local.add(first);
    world.apply({ source, resources: { cpu: "500m" } } as Parameters<DeploymentWorld["apply"]>[0]);
    await world.until(() => world.question !== undefined);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
    world.engine.local.add(world.engine.publish(IMAGE, { answers: "mcp" }, "moved"));
    world.apply({ source, resources: { cpu: "400m" } } as Parameters<DeploymentWorld["apply"]>[0]);
    await world.until(() => world.settled() && world.status.workload?.generation === 2);
    expect(world.current().spec.limits.cpuMillis).toBe(400);
    expect(world.current().spec.image.pinned).toBe(first);
  });
});

describe("a policy", () => {
  it.each([
    {
      because: "nobody knows whom its author meant",
      namespaceSelector: { matchExpressions: [{ key: "env", operator: "In" as const, values: [] }] },
    },
    {
      because: "every namespace has its name as a label",
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": KEY.namespace } },
    },
  ])("asks about a namespace since $because", async ({ namespaceSelector }) => {
    const world = new DeploymentWorld();
    world.putPolicy("images", { namespaceSelector });
    world.apply();
    await world.until(() => world.question !== undefined);
    expect(world.containers()).toEqual([]);
  });
});

describe("a ConfigMap", () => {
  const settings = { namespace: KEY.namespace, name: "settings" };

  it("that is changed while the first question is open has an author whom nobody knows", async () => {
    const world = new DeploymentWorld();
    world.putPolicy("images");
    world.putConfigMap(settings, { MODE: "safe" });
    world.apply({ envFrom: [{ configMapRef: { name: settings.name } }] });
    await world.until(() => world.question !== undefined);
    expect(world.question?.spec.requesters.map(({ username }) => username)).toEqual(["dev"]);
    world.putConfigMap(settings, { MODE: "wild" });
    await world.until(() => world.stored.size === 2);
    const asked = [...world.stored.values()].at(-1);
    expect(asked?.spec.requesters.map(({ username }) => username)).toEqual([UNKNOWN_REQUESTER, "dev"]);
  });

  it("that is changed has one also for a policy that was never asked before", async () => {
    const world = new DeploymentWorld();
    world.putPolicy("images");
    world.putConfigMap(settings, { MODE: "safe" });
    world.apply({ envFrom: [{ configMapRef: { name: settings.name } }] });
    await world.until(() => world.question !== undefined);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
    const cel = 'effective.configMaps.exists(each, each.data.MODE == "wild")';
    world.putPolicy("contents", { rules: [{ name: "wild", cel }] });
    world.putConfigMap(settings, { MODE: "wild" });
    await world.until(() => world.question !== undefined);
    expect(world.question?.spec.policies.map(({ name }) => name)).toEqual(["images", "contents"]);
    expect(world.question?.spec.requesters.map(({ username }) => username)).toContain(UNKNOWN_REQUESTER);
  });
});

describe("a policy that the cache does not have yet", () => {
  it("is waited for by what is new, and by nothing that runs", async () => {
    const world = new DeploymentWorld();
    world.apply();
    await world.until(() => world.connected() && world.settled());
    world.knowsPolicies = false;
    world.engine.halt(world.current());
    await world.until(() => world.current().state.kind === "running");
    world.apply({ args: ["--new"] });
    await world.pass(30_000);
    expect(world.containers().map(({ spec }) => spec.args)).toEqual([undefined]);
    world.putPolicy("images");
    world.knowsPolicies = true;
    world.enqueue();
    await world.until(() => world.question !== undefined);
    expect(world.containers().map(({ spec }) => spec.args)).toEqual([undefined]);
  });
});
