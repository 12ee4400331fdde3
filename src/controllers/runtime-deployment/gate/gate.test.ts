import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, IMAGE, KEY } from "../../../../test/support/deployment-world.ts";
import { REQUEST_ANNOTATION } from "../../../api/v1alpha1/index.ts";

const NEWER = "registry.test/files:2";
const HOUR_MS = 3_600_000;

const next = { source: { image: { reference: NEWER } } };

function gated(): DeploymentWorld {
  const world = new DeploymentWorld();
  world.putPolicy("images");
  world.engine.publish(NEWER);
  return world;
}

async function served(): Promise<DeploymentWorld> {
  const world = gated();
  world.apply();
  await world.until(() => world.question !== undefined);
  world.decide("Approved");
  await world.until(() => world.connected() && world.settled());
  return world;
}

async function waiting(): Promise<DeploymentWorld> {
  const world = await served();
  world.apply(next);
  await world.until(() => world.condition("Reconciling") === "True PendingApproval");
  return world;
}

/** What an Engine was asked, and what it did. */
const calls = ({ engine }: DeploymentWorld) => Object.fromEntries(engine.calls);

describe("a first version that awaits approval", () => {
  it("makes no call to a backend until somebody said yes, and then goes on by itself", async () => {
    const world = gated();
    world.apply();
    await world.until(() => world.question !== undefined);
    await world.pass(1_200_000, 10_000);
    expect(calls(world)).toEqual({});
    expect(world.deployment.metadata.finalizers ?? []).toEqual([]);
    expect(world.status.phase).toBe("PendingApproval");
    expect(world.condition("Ready")).toBe("False PendingApproval");
    expect(world.condition("Reconciling")).toBe("True PendingApproval");
    expect(world.condition("Approved")).toBe("False PendingApproval");
    expect(world.status.approvalRef).toEqual({ name: world.question?.metadata.name });
    expect(world.resolved).toBe(1);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
    expect(world.condition("Approved")).toBe("True Approved");
    expect(world.resolved).toBe(1);
  });

  it("runs the image that was approved, whatever its tag means by now", async () => {
    const world = gated();
    world.apply();
    await world.until(() => world.question !== undefined);
    const approved = world.engine.registry.get(IMAGE);
    world.engine.publish(IMAGE, { answers: "mcp" }, "moved");
    world.kill();
    world.revive();
    await world.pass(1_000);
    world.decide("Approved");
    await world.until(() => world.connected());
    expect(world.current().spec.image.pinned).toBe(approved);
    expect(world.stored.size).toBe(1);
  });

  it("is held where nobody knows what its tag stands for, and goes on when its registry is back", async () => {
    const world = gated();
    world.engine.registry.delete(IMAGE);
    world.apply();
    await world.until(() => world.condition("Ready") === "False ImageNotFound");
    expect(calls(world)).toEqual({});
    expect(world.question).toBeUndefined();
    world.engine.publish(IMAGE);
    await world.until(() => world.question !== undefined);
    expect(calls(world)).toEqual({});
  });

  it.each([
    {
      because: "somebody said no",
      end: (world: DeploymentWorld) => world.decide("Rejected"),
      reason: "ApprovalRejected",
    },
    { because: "nobody said anything", end: () => undefined, reason: "ApprovalExpired" },
  ])("is stalled when $because", async ({ end, reason }) => {
    const world = gated();
    world.apply();
    await world.until(() => world.question !== undefined);
    end(world);
    await world.pass(49 * HOUR_MS, 600_000);
    expect(world.status.phase).toBe("Error");
    expect(world.condition("Ready")).toBe(`False ${reason}`);
    expect(world.condition("Stalled")).toBe(`True ${reason}`);
    expect(world.condition("Reconciling")).toBeUndefined();
    expect(calls(world)).toEqual({});
  });

  it("is asked about again after it expired when somebody asks for it, and never after a no", async () => {
    const world = gated();
    world.apply();
    await world.until(() => world.question !== undefined);
    await world.pass(49 * HOUR_MS, 600_000);
    world.annotate({ ...world.deployment.metadata.annotations, [REQUEST_ANNOTATION]: "please" });
    await world.until(() => world.question !== undefined);
    expect(world.stored.size).toBe(2);
    world.decide("Rejected", { reason: "not here" });
    await world.until(() => world.condition("Ready") === "False ApprovalRejected");
    world.annotate({ ...world.deployment.metadata.annotations, [REQUEST_ANNOTATION]: "please, please" });
    await world.pass(60_000);
    expect(world.stored.size).toBe(2);
    expect(world.condition("Ready")).toBe("False ApprovalRejected");
    const ready = world.status.conditions?.find(({ type }) => type === "Ready");
    expect(ready?.message).toContain("not here");
  });

  it("stops and goes without waiting", async () => {
    const world = gated();
    world.apply({ desiredState: "Stopped" });
    await world.until(() => world.status.phase === "Stopped");
    world.apply();
    await world.until(() => world.question !== undefined);
    world.delete();
    await world.until(() => world.server.size === 0);
    expect(calls(world)).toEqual({});
  });

  it("is held back when its policy is gone, as long as it is pending", async () => {
    const world = gated();
    world.apply();
    await world.until(() => world.question !== undefined);
    world.policies.remove({ namespace: "", name: "images" });
    await world.pass(60_000);
    expect(world.status.phase).toBe("PendingApproval");
    expect(calls(world)).toEqual({});
    world.decide("Approved");
    await world.until(() => world.connected());
  });

  it("is refused where service accounts may not ask", async () => {
    const world = gated();
    world.putPolicy("images", { serviceAccountRequests: "Refuse" });
    world.user = "system:serviceaccount:argocd:argocd-application-controller";
    world.apply();
    await world.until(() => world.condition("Ready") === "False ApprovalRejected");
    expect(calls(world)).toEqual({});
  });

  it("is told of as such though its backend is away", async () => {
    const world = gated();
    world.engine.reachable = false;
    world.available = false;
    world.apply();
    await world.until(() => world.status.phase === "PendingApproval");
    await world.pass(10_000);
    expect(world.condition("Ready")).toBe("False PendingApproval");
    expect(calls(world)).toEqual({});
  });

  it("costs a deployment that no rule matches neither a question to a registry nor another backend call", async () => {
    const world = gated();
    world.putPolicy("images", { rules: [{ name: "git", sourceTypes: ["git"] }] });
    world.apply();
    await world.until(() => world.connected() && world.settled());
    expect(world.resolved).toBe(0);
    expect(world.condition("Approved")).toBeUndefined();
    expect(world.stored.size).toBe(0);
  });
});

describe("what was written past admission", () => {
  it.each([
    {
      because: "its spec has no stamp",
      harm: (world: DeploymentWorld) => {
        world.keys = undefined;
        world.apply();
        world.keys = { sign: Buffer.alloc(32, 7), verify: [Buffer.alloc(32, 7)] };
      },
    },
    {
      because: "its stamp is by another key",
      harm: (world: DeploymentWorld) => {
        world.apply();
        world.keys = { sign: Buffer.alloc(32, 8), verify: [Buffer.alloc(32, 8)] };
      },
    },
    {
      because: "admission is not asked",
      harm: (world: DeploymentWorld) => {
        world.admission = { kind: "missing", message: "the webhook is gone" };
        world.apply();
      },
    },
    {
      because: "the key is gone",
      harm: (world: DeploymentWorld) => {
        world.apply();
        world.keys = undefined;
      },
    },
  ])("is held since $because", async ({ harm }) => {
    const world = gated();
    harm(world);
    await world.until(() => world.condition("Ready") === "False AdmissionMissing");
    await world.pass(120_000, 1_000);
    expect(calls(world)).toEqual({});
    expect(world.stored.size).toBe(0);
    expect(world.status.phase).toBe("Error");
  });

  it("does not run by an Approval that something else wrote", async () => {
    const world = gated();
    world.apply();
    await world.until(() => world.question !== undefined);
    const real = world.question;
    if (!real) throw new Error("nobody asked");
    world.putApproval({ ...real, spec: { ...real.spec, requesters: [] } });
    await world.pass(60_000);
    expect(calls(world)).toEqual({});
    expect(world.condition("Ready")).not.toBe("True Connected");
  });

  it("does not run by a status that says so", async () => {
    const world = gated();
    world.apply();
    await world.until(() => world.question !== undefined);
    const real = world.question;
    if (!real) throw new Error("nobody asked");
    world.putApproval({ ...real, status: { phase: "Approved", decidedBy: ["mallory"] } });
    await world.pass(60_000);
    expect(calls(world)).toEqual({});
    expect(world.status.phase).toBe("PendingApproval");
  });
});

describe("an approved version beside one that waits", () => {
  it("serves on, as the generation that it is", async () => {
    const world = await waiting();
    expect(world.status.phase).toBe("Connected");
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.condition("Approved")).toBe("False PendingApproval");
    expect(world.status.workload?.generation).toBe(1);
    expect(world.status.observedGeneration).toBe(2);
    expect(world.current().spec.image.pinned).toBe(world.engine.registry.get(IMAGE));
    world.decide("Approved");
    await world.until(() => world.settled());
    expect(world.status.workload?.generation).toBe(2);
    expect(world.current().spec.image.pinned).toBe(world.engine.registry.get(NEWER));
  });

  const harms: { because: string; harm: (world: DeploymentWorld) => void }[] = [
    { because: "its process was killed", harm: (world) => world.engine.halt(world.current()) },
    { because: "its container was removed", harm: (world) => world.engine.remove(world.current()) },
    {
      because: "its container was removed while no controller ran",
      harm: (world) => {
        world.kill();
        world.engine.remove(world.current());
        world.revive();
      },
    },
    {
      because: "its container was removed and its tag moved",
      harm: (world) => {
        world.kill();
        world.engine.publish(IMAGE, { answers: "mcp" }, "moved");
        world.engine.remove(world.current());
        world.revive();
      },
    },
  ];
  it.each(harms)("is repaired when $because", async ({ harm }) => {
    const world = await waiting();
    const { pinned } = world.current().spec.image;
    harm(world);
    await world.pass(60_000);
    expect(world.containers()).toHaveLength(1);
    expect(world.current().spec.image.pinned).toBe(pinned);
    expect(world.current().state.kind).toBe("running");
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.status.workload?.generation).toBe(1);
  });

  it("is repaired with the ConfigMap that was approved", async () => {
    const world = gated();
    world.putConfigMap({ namespace: KEY.namespace, name: "settings" }, { MODE: "safe" });
    world.apply({ envFrom: [{ configMapRef: { name: "settings" } }] });
    await world.until(() => world.question !== undefined);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
    world.putConfigMap({ namespace: KEY.namespace, name: "settings" }, { MODE: "wild" });
    await world.until(() => world.question !== undefined);
    world.kill();
    world.engine.remove(world.current());
    world.revive();
    await world.pass(60_000);
    expect(world.current().spec.env).toMatchObject({ MODE: "safe" });
    // Nobody is known who edited it, so one approver could be who did.
    world.decide("Approved");
    await world.pass(10_000);
    expect(world.containers().map(({ spec }) => spec.env.MODE)).toEqual(["safe"]);
    world.decide("Approved", { by: "bea" });
    await world.until(() =>
      world.containers().some(({ role, spec }) => role === "current" && spec.env.MODE === "wild"),
    );
  });

  it("is stopped where the policy has it so, and starts when the newer one is approved", async () => {
    const world = await served();
    world.putPolicy("images", { onChange: "Stop" });
    world.apply(next);
    await world.until(() => world.status.phase === "PendingApproval");
    expect(world.current().state.kind).toBe("exited");
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
    expect(world.current().spec.image.pinned).toBe(world.engine.registry.get(NEWER));
    expect(world.status.workload?.restartCount).toBe(0);
  });

  it("serves on where the newer one is rejected, and says so", async () => {
    const world = await waiting();
    world.decide("Rejected");
    await world.until(() => world.condition("Stalled") === "True ApprovalRejected");
    expect(world.condition("Ready")).toBe("True Connected");
  });

  it("is what a rollback comes back to, without another question", async () => {
    const world = await waiting();
    world.decide("Approved");
    await world.until(() => world.settled() && world.status.workload?.generation === 2);
    const asked = world.stored.size;
    world.engine.publish(IMAGE, { answers: "mcp" }, "moved");
    world.apply();
    await world.until(() => world.settled() && world.status.workload?.generation === 3);
    expect(world.stored.size).toBe(asked);
    expect(world.condition("Approved")).toBe("True Approved");
  });

  it("is stopped and started as its user wants", async () => {
    const world = await waiting();
    world.apply({ ...next, desiredState: "Stopped" });
    await world.until(() => world.status.phase === "Stopped");
    world.apply(next);
    await world.until(() => world.connected());
    expect(world.current().spec.image.pinned).toBe(world.engine.registry.get(IMAGE));
    expect(world.condition("Approved")).toBe("False PendingApproval");
  });

  it("is taken away when a bound forbids it by now", async () => {
    const world = await waiting();
    world.bound("standard");
    await world.until(() => world.containers().length === 0);
    await world.pass(60_000);
    expect(world.containers()).toHaveLength(0);
  });

  it("stays at its backend though the newer one wants another", async () => {
    const world = await served();
    world.putBackend("other", false);
    world.apply({ ...next, backend: "other" });
    await world.until(() => world.condition("Approved") === "False PendingApproval");
    world.engine.remove(world.current());
    await world.pass(30_000);
    expect(world.containers().map(({ place }) => place)).toEqual(["docker"]);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
    expect(world.containers().map(({ place }) => place)).toEqual(["other"]);
  });
});

describe("what waits for nobody", () => {
  it("is a change that only narrows", async () => {
    const world = gated();
    world.putProfile("own", {}, "unrestricted");
    world.apply({ guardrails: { profile: "own" } });
    await world.until(() => world.question !== undefined);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
    world.engine.publish(IMAGE, { answers: "mcp" }, "moved");
    world.apply({ guardrails: { profile: "own", overrides: { network: { egressAllowed: false } } } });
    await world.until(() => world.settled() && world.status.workload?.generation === 2);
    expect(world.stored.size).toBe(1);
    expect(world.condition("Approved")).toBe("True Approved");
    expect(world.current().spec.guardrails.network.egress.kind).toBe("closed");
  });

  const own = (world: DeploymentWorld, cpu: string, more = {}) =>
    world.apply({ resources: { cpu }, ...more } as Parameters<DeploymentWorld["apply"]>[0]);

  it("is one that narrows what runs, though a policy that came later has not said yes to that", async () => {
    const world = gated();
    own(world, "1");
    await world.until(() => world.question !== undefined);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
    world.putPolicy("late");
    await world.until(() => world.question !== undefined);
    own(world, "500m");
    await world.until(() => world.connected() && world.status.workload?.generation === 2);
    expect(world.current().spec.limits.cpuMillis).toBe(500);
    expect(world.condition("Approved")).toBe("False PendingApproval");
    await world.until(() => world.question?.spec.generation === 2);
  });

  it("is not one that narrows what ran once, where a policy that came later was never asked about that", async () => {
    const world = await served();
    world.apply(next);
    await world.until(() => world.question !== undefined);
    world.decide("Approved");
    await world.until(() => world.settled() && world.status.workload?.generation === 2);
    world.putPolicy("late");
    await world.until(() => world.question !== undefined);
    world.decide("Approved");
    await world.until(() => world.settled());
    own(world, "100m");
    await world.until(() => world.condition("Approved") === "False PendingApproval");
    await world.pass(30_000);
    expect(world.current().spec.image.pinned).toBe(world.engine.registry.get(NEWER));
    expect(world.containers()).toHaveLength(1);
  });

  it("is one that changes how it is probed", async () => {
    const world = await served();
    world.engine.publish(IMAGE, { answers: "mcp" }, "moved");
    world.apply({ health: { periodSeconds: 20 } });
    await world.until(() => world.settled() && world.status.observedGeneration === 2);
    expect(world.stored.size).toBe(1);
  });
});

describe("a policy that comes later", () => {
  it("asks about what runs and leaves it alone, but makes nothing new", async () => {
    const world = new DeploymentWorld();
    world.apply();
    await world.until(() => world.connected() && world.settled());
    world.putPolicy("late", { onChange: "Stop" });
    await world.until(() => world.question !== undefined);
    await world.pass(10_000);
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.condition("Approved")).toBe("False PendingApproval");
    world.engine.halt(world.current());
    await world.pass(10_000);
    expect(world.current().state.kind).toBe("running");
    world.engine.remove(world.current());
    await world.pass(60_000);
    expect(world.containers()).toHaveLength(0);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
  });

  it("asks about an approved version, too, beside the yes of the earlier one", async () => {
    const world = await served();
    world.putPolicy("late");
    await world.until(() => world.question !== undefined);
    expect(world.question?.spec.policies.map(({ name }) => name)).toEqual(["late"]);
    expect(world.condition("Ready")).toBe("True Connected");
    world.decide("Rejected");
    await world.until(() => world.condition("Stalled") === "True ApprovalRejected");
    expect(world.condition("Ready")).toBe("True Connected");
  });
});

describe("a version that ran without approval", () => {
  it("is repaired while a newer one waits that needs it", async () => {
    const world = gated();
    world.putPolicy("images", { rules: [{ name: "elsewhere", registryNotIn: ["registry.test/files"] }] });
    world.engine.publish("evil.test/files:1");
    world.apply();
    await world.until(() => world.connected() && world.settled());
    world.apply({ source: { image: { reference: "evil.test/files:1" } } });
    await world.until(() => world.question !== undefined);
    world.engine.remove(world.current());
    await world.pass(60_000);
    expect(world.containers()).toHaveLength(1);
    expect(world.current().spec.image.pinned).toBe(world.engine.registry.get(IMAGE));
    expect(world.condition("Ready")).toBe("True Connected");
  });
});

describe("a controller that is killed anywhere between the wish and the running server", () => {
  it("asks once, and starts what was approved once", async () => {
    let killed = 0;
    for (let moment = 1; ; moment++) {
      const world = gated();
      world.crashAt = moment;
      world.apply();
      await world.until(() => world.question !== undefined);
      world.decide("Approved");
      await world.until(() => world.connected() && world.settled());
      expect([moment, world.stored.size, world.containers().length]).toEqual([moment, 1, 1]);
      expect(world.status.workload?.restartCount).toBe(0);
      if (world.boots === 1) break;
      killed++;
    }
    expect(killed).toBeGreaterThan(15);
  });

  it("comes to the newer version, or keeps the older, whenever that was", async () => {
    let killed = 0;
    for (let moment = 1; ; moment++) {
      const world = await served();
      world.crashAt = world.steps + moment;
      world.apply(next);
      await world.until(() => world.question !== undefined);
      world.engine.remove(world.current());
      await world.until(() => world.containers().length === 1 && world.connected());
      expect(world.current().spec.image.pinned).toBe(world.engine.registry.get(IMAGE));
      world.decide("Approved");
      await world.until(() => world.connected() && world.settled() && world.status.workload?.generation === 2);
      expect(world.current().spec.image.pinned).toBe(world.engine.registry.get(NEWER));
      expect([moment, world.stored.size, world.containers().length]).toEqual([moment, 2, 1]);
      if (world.boots === 1) break;
      killed++;
    }
    expect(killed).toBeGreaterThan(25);
  });
});

describe("a deployment that nobody has to approve any more", () => {
  it("asks no registry for its approval's sake", async () => {
    const world = await served();
    world.policies.remove({ namespace: "", name: "images" });
    world.resolve = () => Promise.reject(new Error("the registry is away"));
    world.apply(next);
    await world.until(() => world.settled() && world.status.workload?.generation === 2);
    expect(world.condition("Approved")).toBeUndefined();
  });
});

describe("an image that only its place knows", () => {
  it("is the first that runs, for good", async () => {
    const world = gated();
    const never = { source: { image: { reference: IMAGE, pullPolicy: "Never" as const } } };
    const first = world.engine.publish(IMAGE);
    world.engine.local.add(first);
    world.apply(never);
    await world.until(() => world.question !== undefined);
    expect(world.resolved).toBe(0);
    world.decide("Approved");
    await world.until(() => world.connected() && world.settled());
    const second = world.engine.publish(IMAGE, { answers: "mcp" }, "moved");
    world.engine.local.add(second);
    world.kill();
    world.engine.remove(world.current());
    world.revive();
    await world.pass(60_000);
    expect(world.current().spec.image.pinned).toBe(first);
    expect(world.stored.size).toBe(1);
  });
});

describe("requesters", () => {
  it("of a policy that comes later are all who wrote anything, since it has said yes to nothing", async () => {
    const world = await served();
    world.putPolicy("late");
    await world.until(() => world.question !== undefined);
    expect(world.question?.spec.requesters.map(({ username }) => username)).toContain("dev");
  });

  it("are all whose writes make up the difference to the version approved last", async () => {
    const world = await served();
    world.user = "ann";
    world.apply(next);
    world.user = "bob";
    world.apply({ ...next, args: ["--quiet"] });
    await world.until(() => world.question?.spec.generation === 3);
    expect(world.question?.spec.requesters.map(({ username }) => username)).toEqual(["ann", "bob"]);
    expect(world.question?.spec.review?.changes?.map(({ field }) => field)).toEqual(
      expect.arrayContaining(["args", "image"]),
    );
  });
});
