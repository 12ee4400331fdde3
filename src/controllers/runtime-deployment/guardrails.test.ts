import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, IMAGE, KEY } from "../../../test/support/deployment-world.ts";
import { guardrailCapabilities } from "../../../test/support/memory-engine.ts";
import { ApiError, ApiUnreachable } from "../../machinery/client.ts";

type World = DeploymentWorld;
type Spec = Parameters<World["apply"]>[0];

const standard: Spec = { guardrails: { profile: "standard" } };
const NOT_ENFORCED = { enforcement: "NotEnforced", reason: "no nf_tables in the kernel" } as const;

async function connected(spec: Spec = {}, world = new DeploymentWorld()): Promise<World> {
  world.apply(spec);
  await world.until(() => world.connected() && world.settled());
  world.engine.log.length = 0;
  world.events.length = 0;
  return world;
}

const messageOf = (world: World, type: string) =>
  world.status.conditions?.find((condition) => condition.type === type)?.message ?? "";

interface Refusal {
  readonly because: string;
  readonly spec: Spec;
  readonly prepare?: (world: World) => void;
  readonly reason: string;
  readonly message: RegExp;
  /** Whether only another spec, label or profile helps. */
  readonly stalled: boolean;
  readonly mend: (world: World) => void;
}

const refusals: Refusal[] = [
  {
    because: "its namespace allows less than its profile",
    spec: {},
    prepare: (world) => world.bound("standard"),
    reason: "GuardrailsTooWide",
    message: /network.allowedHosts: everything \(namespace team-a allows by profile "standard"/,
    stalled: true,
    mend: (world) => world.apply(standard),
  },
  {
    because: "its backend allows less than its overrides",
    spec: { guardrails: { profile: "standard", overrides: { network: { allowedHosts: ["evil.example"] } } } },
    prepare: (world) => world.putBackend("docker", true, { guardrailsBound: "standard" }),
    reason: "GuardrailsTooWide",
    message: /evil.example.*RuntimeBackend docker/,
    stalled: true,
    mend: (world) => world.apply(standard),
  },
  {
    because: "it asks for more than its profile's maximum",
    spec: { guardrails: { profile: "standard" }, resources: { memory: "1Gi" } },
    reason: "LimitExceeded",
    message: /memory 1Gi, at most 512Mi/,
    stalled: true,
    mend: (world) => world.apply(standard),
  },
  {
    because: "it mounts where its profile allows nothing",
    spec: { ...standard, volumes: [{ name: "v", mountPath: "/etc/x", readOnly: false, tmpfs: {} }] },
    reason: "VolumeNotAllowed",
    message: /\/etc\/x/,
    stalled: true,
    mend: (world) => world.apply(standard),
  },
  {
    because: "nothing could reach what is probed",
    spec: { guardrails: { profile: "airgapped" } },
    reason: "IngressClosed",
    message: /probe/,
    stalled: true,
    mend: (world) => world.apply(standard),
  },
  {
    because: "a strict profile cannot be kept",
    spec: { guardrails: { profile: "standard", overrides: { enforcement: "Strict" } } },
    prepare: (world) => (world.engine.guardrails = guardrailCapabilities({ "network.allowedNames": NOT_ENFORCED })),
    reason: "GuardrailNotEnforced",
    message: /network.allowedHosts.*nf_tables/,
    stalled: true,
    mend: (world) => world.apply(standard),
  },
  {
    because: "its profile does not exist",
    spec: { guardrails: { profile: "own" } },
    reason: "GuardrailProfileNotFound",
    message: /"own", which spec.guardrails.profile names/,
    stalled: false,
    mend: (world) => world.putProfile("own", {}),
  },
  {
    because: "its namespace is bounded by a profile that does not exist",
    spec: standard,
    prepare: (world) => world.bound("own"),
    reason: "GuardrailProfileNotFound",
    message: /"own", which the label slipway.dev\/guardrails-bound of namespace team-a names/,
    stalled: false,
    mend: (world) => world.putProfile("own", {}),
  },
  {
    because: "the ConfigMap of its seccomp profile does not exist",
    spec: {
      guardrails: {
        profile: "standard",
        overrides: { seccomp: { type: "ConfigMap", namespace: KEY.namespace, name: "filters", key: "tight" } },
      },
    },
    reason: "ConfigMapNotFound",
    message: /ConfigMap "team-a\/filters"/,
    stalled: false,
    mend: (world) => world.putConfigMap({ namespace: KEY.namespace, name: "filters" }, { tight: "{}" }),
  },
];

describe("guardrails that cannot be kept", () => {
  it.each(refusals)("are refused before anything is created: $because", async (each) => {
    const world = new DeploymentWorld();
    each.prepare?.(world);
    world.apply(each.spec);
    await world.until(() => world.condition("Ready") === `False ${each.reason}`);
    expect(messageOf(world, "Ready")).toMatch(each.message);
    expect(world.condition(each.stalled ? "Stalled" : "Reconciling")).toBe(`True ${each.reason}`);
    await world.pass(60_000, 1_000);
    expect(world.engine.log).toEqual([]);
    expect(world.engine.calls.get("resolveImage")).toBeUndefined();
    each.mend(world);
    await world.until(() => world.connected() && world.settled());
    expect(world.condition("GuardrailsApplied")).toMatch(/^True/);
  });

  it.each(refusals.filter(({ prepare }) => !prepare))("keep what runs: $because", async (each) => {
    const world = await connected(standard);
    const { id } = world.current();
    world.apply(each.spec);
    await world.until(() => world.condition("Stalled") === `True ${each.reason}`);
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.status.guardrails?.profile).toBe("standard");
    await world.pass(30_000, 1_000);
    // It is kept like any other: a crash of it is mended.
    world.engine.end(world.current(), 1);
    await world.until(() => world.connected() && world.status.workload?.restartCount === 1);
    expect(world.current().id).toBe(id);
    world.kill();
    world.boot();
    await world.pass(5_000);
    expect(world.current()).toMatchObject({ id, state: { kind: "running" } });
    world.apply(standard);
    await world.until(() => world.settled() && world.condition("Stalled") === undefined);
    expect(world.current().id).toBe(id);
  });

  it("stops what its spec asks to be stopped, refused or not", async () => {
    const world = await connected(standard);
    world.apply({ guardrails: { profile: "own" }, desiredState: "Stopped" });
    await world.until(() => world.current().state.kind === "exited");
    await world.pass(30_000);
    expect(world.current().state.kind).toBe("exited");
  });

  it("say nothing while a built-in profile is being installed", async () => {
    const world = new DeploymentWorld();
    world.installing = true;
    world.profiles.remove({ namespace: "", name: "standard" });
    world.apply(standard);
    await world.pass(5_000);
    expect(world.status).toEqual({});
    world.putProfile("standard", {});
    await world.until(() => world.connected() && world.settled(), { withinMs: 5_000 });
    expect(world.phases).toEqual(["Deploying", "Connected"]);
    expect(world.events.filter(({ type }) => type === "Warning")).toEqual([]);
  });

  it("are awaited where the namespace is not in the cache yet", async () => {
    const world = new DeploymentWorld();
    world.namespaces.remove({ namespace: "", name: KEY.namespace });
    world.apply();
    await world.pass(5_000);
    expect(world.status).toEqual({});
    world.bound("standard");
    await world.until(() => world.condition("Ready") === "False GuardrailsTooWide", { withinMs: 5_000 });
    expect(world.engine.log).toEqual([]);
  });
});

describe("a bound that becomes narrower than what runs", () => {
  const narrowings: { because: string; narrow: (world: World) => void }[] = [
    { because: "the namespace is labelled", narrow: (world) => world.bound("standard") },
    {
      because: "the backend is bounded",
      narrow: (world) => world.putBackend("docker", true, { guardrailsBound: "standard" }),
    },
  ];
  it.each(narrowings)("stops it at once: $because", async ({ narrow }) => {
    const world = await connected();
    narrow(world);
    await world.until(() => world.containers().length === 0, { withinMs: 500 });
    await world.until(() => world.condition("Ready") === "False GuardrailsTooWide");
    expect(world.condition("GuardrailsApplied")).toBe("False GuardrailsTooWide");
    expect(world.status.url).toBeUndefined();
    expect(world.status.workload).toMatchObject({ backend: "docker", restartCount: 0 });
    expect(world.events).toContainEqual(
      expect.objectContaining({
        reason: "GuardrailsTooWide",
        action: "Delete",
        note: expect.stringMatching(/allowedHosts/),
      }),
    );
    world.apply(standard);
    await world.until(() => world.connected() && world.settled());
    expect(world.status.workload?.restartCount).toBe(0);
  });

  it("is the profile that bounds, edited", async () => {
    const world = new DeploymentWorld();
    world.putProfile("bound", {}, "unrestricted");
    world.bound("bound");
    await connected({}, world);
    world.putProfile("bound", { network: { egressAllowed: true, allowedHosts: ["api.example"] } });
    await world.until(() => world.containers().length === 0, { withinMs: 500 });
  });

  it("takes a candidate, too", async () => {
    const world = await connected(standard);
    world.engine.publish("registry.test/files:2", { answers: "silent" });
    world.apply({ source: { image: { reference: "registry.test/files:2" } } });
    await world.until(() => world.containers().length === 2);
    const { id } = world.current();
    world.bound("standard");
    await world.until(() => world.containers().length === 1, { withinMs: 500 });
    expect(world.current().id).toBe(id);
    await world.until(() => world.condition("Stalled") === "True GuardrailsTooWide");
    expect(world.condition("Ready")).toBe("True Connected");
  });

  it("spares what today's spec would make just so", async () => {
    const world = new DeploymentWorld();
    world.putProfile("own", {});
    world.putProfile("bound", {});
    await connected({ guardrails: { profile: "own" }, resources: { memory: "128Mi" } }, world);
    const { id } = world.current();
    const resources = { maxCpu: "500m", maxMemory: "256Mi", maxPids: 100 };
    world.putProfile("own", { resources });
    await world.pass(5_000);
    world.putProfile("bound", { resources });
    world.bound("bound");
    await world.pass(30_000);
    expect(world.current().id).toBe(id);
    expect(world.condition("Ready")).toBe("True Connected");
    world.kill();
    world.boot();
    await world.pass(30_000);
    expect(world.current().id).toBe(id);
  });

  it.each([
    { because: "the API server does not answer", trouble: new ApiUnreachable("connection refused") },
    {
      because: "the API server has no time",
      trouble: new ApiError({
        apiVersion: "v1",
        kind: "Status",
        metadata: {},
        status: "Failure",
        message: "busy",
        code: 503,
      }),
    },
  ])("waits while nobody knows the hash of what is asked for: $because", async ({ trouble }) => {
    const world = new DeploymentWorld();
    world.putSecret("token", { TOKEN: "x" });
    world.putProfile("own", {});
    world.putProfile("bound", {});
    const spec = { guardrails: { profile: "own" }, resources: { memory: "128Mi" } };
    await connected({ ...spec, envFrom: [{ secretRef: { name: "token" } }] }, world);
    const { id } = world.current();
    const resources = { maxCpu: "500m", maxMemory: "256Mi", maxPids: 100 };
    world.putProfile("own", { resources });
    await world.pass(5_000);
    let asked = 0;
    world.hashKey = async () => {
      asked += 1;
      throw trouble;
    };
    world.putProfile("bound", { resources });
    world.bound("bound");
    await world.pass(60_000, 500);
    expect(asked).toBeGreaterThan(1);
    expect(world.current().id).toBe(id);
    world.hashKey = async () => Buffer.from("key");
    await world.pass(120_000, 500);
    expect(world.current().id).toBe(id);
    expect(world.condition("Ready")).toBe("True Connected");
  });

  it("is that of the place where it runs, though it shall move to another", async () => {
    const world = await connected();
    world.putBackend("other", false);
    world.engine.local.clear();
    world.engine.pullMs = 60_000;
    world.apply({ backend: "other" });
    await world.until(() => world.condition("Reconciling") === "True Pulling");
    expect(world.condition("Ready")).toBe("True Connected");
    world.putBackend("docker", true, { guardrailsBound: "standard" });
    await world.until(() => world.containers().length === 0, { withinMs: 500 });
    await world.until(() => world.connected() && world.settled());
    expect(world.status.workload).toMatchObject({ backend: "other", restartCount: 0 });
  });

  it("waits while nobody can say what is asked for, lest it takes what is right", async () => {
    const world = new DeploymentWorld();
    const narrow = { resources: { maxCpu: "500m", maxMemory: "256Mi", maxPids: 100 } };
    world.putProfile("own", {});
    world.putProfile("bound", narrow);
    await connected({ guardrails: { profile: "own" }, resources: { memory: "128Mi" } }, world);
    const { id } = world.current();
    world.installing = true;
    world.profiles.remove({ namespace: "", name: "own" });
    world.bound("bound");
    await world.pass(5_000);
    expect(world.current().id).toBe(id);
    world.putProfile("own", narrow);
    await world.pass(5_000);
    expect(world.current().id).toBe(id);
    expect(world.condition("Ready")).toBe("True Connected");
  });

  it.each<{ because: string; hamper: (world: World) => void }>([
    { because: "the spec names a backend that does not exist", hamper: (world) => world.apply({ backend: "moon" }) },
    {
      because: "the spec names a profile that does not exist",
      hamper: (world) => world.apply({ guardrails: { profile: "own" } }),
    },
    {
      because: "a Secret is missing",
      hamper: (world) => world.apply({ envFrom: [{ secretRef: { name: "nowhere" } }] }),
    },
    {
      because: "the last attempt failed and waits",
      hamper: (world) => world.apply({ source: { image: { reference: "registry.test/none:1" } } }),
    },
    {
      because: "it crashed and waits for its next start",
      hamper: (world) => {
        world.engine.publish(IMAGE, { answers: "silent", exits: { afterMs: 10, code: 1 } });
        world.engine.end(world.current(), 1);
      },
    },
  ])("takes it, though $because", async ({ hamper }) => {
    const world = await connected();
    hamper(world);
    await world.pass(60_000, 500);
    world.bound("standard");
    await world.until(() => world.containers().length === 0, { withinMs: 500 });
    await world.pass(60_000, 500);
    expect(world.containers()).toEqual([]);
    expect(world.condition("Ready")).toMatch(/^False/);
  });

  it("is tried again and again where the Engine refuses, and starts nothing meanwhile", async () => {
    const world = await connected();
    const step = world.engine.fault;
    let refusing = true;
    world.engine.fault = (method, moment) => {
      if (refusing && (method === "delete" || method === "stop")) throw new Error("device busy");
      return step(method, moment);
    };
    world.bound("standard");
    await world.until(
      () => messageOf(world, "Stalled").includes("device busy") || messageOf(world, "Ready").includes("device busy"),
    );
    expect(world.condition("GuardrailsApplied")).toBe("False GuardrailsTooWide");
    world.apply(standard);
    await world.pass(600_000, 1_000);
    expect(world.engine.log).toEqual([]);
    refusing = false;
    await world.until(() => world.containers().every(({ spec }) => spec.guardrails.profile === "standard"), {
      withinMs: 3_000,
    });
    await world.until(() => world.connected() && world.settled());
  });
});

describe("the status of guardrails", () => {
  it("says field by field what the backend makes of them, once", async () => {
    const world = new DeploymentWorld();
    world.engine.guardrails = guardrailCapabilities({ "network.allowedNames": NOT_ENFORCED }, []);
    world.bound("standard");
    world.apply({ ...standard, resources: { cpu: "250m" } });
    await world.until(() => world.connected() && world.settled());
    const { guardrails } = world.status;
    expect(guardrails).toMatchObject({
      profile: "standard",
      bounds: ["namespace team-a: standard"],
      limits: { cpu: "250m", memory: "512Mi", pids: 100 },
    });
    expect(guardrails?.fields).toHaveLength(13);
    expect(guardrails?.fields?.find(({ field }) => field === "network.allowedHosts")).toMatchObject(NOT_ENFORCED_FIELD);
    expect(guardrails?.warnings?.map(({ field, severity }) => `${field} ${severity}`)).toEqual([
      "network.allowedHosts Warning",
      "appArmor Info",
    ]);
    expect(world.condition("GuardrailsApplied")).toBe("True GuardrailsPartlyEnforced");
    expect(messageOf(world, "GuardrailsApplied")).toMatch(
      /not enforced: network.allowedHosts; in part: appArmor.*memory: 512Mi/,
    );
    const told = () => world.events.filter(({ reason }) => reason === "GuardrailsPartlyEnforced");
    expect(told()).toEqual([
      expect.objectContaining({ type: "Warning", note: expect.stringMatching(/not enforced: network.allowedHosts/) }),
    ]);
    const { writes } = world;
    world.kill();
    world.boot();
    world.enqueue();
    await world.pass(60_000, 1_000);
    expect(world.writes).toBe(writes);
    expect(told()).toHaveLength(1);

    world.engine.guardrails = guardrailCapabilities();
    world.enqueue();
    await world.until(() => world.condition("GuardrailsApplied") === "True GuardrailsEnforced");
    expect(world.status.guardrails?.warnings).toBeUndefined();
    expect(world.events.filter(({ reason }) => reason === "GuardrailsEnforced")).toHaveLength(1);
  });

  it("is unknown while the backend cannot be asked", async () => {
    const world = await connected(standard);
    world.engine.reachable = false;
    world.enqueue();
    await world.until(() => world.condition("GuardrailsApplied") === "Unknown BackendUnavailable");
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.status.guardrails?.fields).toHaveLength(13);
    world.engine.reachable = true;
    await world.until(() => world.condition("GuardrailsApplied") === "True GuardrailsEnforced", { withinMs: 400_000 });
  });

  it("names the limit that a process died of", async () => {
    const world = new DeploymentWorld();
    world.engine.publish(IMAGE, { answers: "silent", exits: { afterMs: 20, code: 137, outOfMemory: true } });
    world.putProfile("small", { resources: { maxMemory: "64Mi" } });
    world.apply({ guardrails: { profile: "small" } });
    await world.until(() => world.condition("Ready") === "False OutOfMemory");
    expect(messageOf(world, "Ready")).toMatch(/memory limit of 64Mi/);
  });

  it("has no address where nothing may come in", async () => {
    const world = await connected(standard);
    world.apply({ guardrails: { profile: "airgapped" }, health: { probe: "none" } });
    await world.until(() => world.status.phase === "Running" && world.settled());
    expect(world.status.url).toBeUndefined();
    const { writes } = world;
    world.enqueue();
    await world.pass(60_000, 1_000);
    expect(world.writes).toBe(writes);
  });
});

const NOT_ENFORCED_FIELD = { enforcement: "NotEnforced", reason: expect.stringMatching(/nf_tables/) };

describe("what a change elsewhere concerns", () => {
  const filters = { namespace: "security", name: "filters" };
  it("includes the seccomp profile of its guardrails, in whatever namespace", async () => {
    const world = new DeploymentWorld();
    world.putConfigMap(filters, { tight: "{}" });
    world.putProfile("own", { seccomp: { type: "ConfigMap", ...filters, key: "tight" } });
    await connected({ guardrails: { profile: "own" } }, world);
    const { id } = world.current();
    world.putConfigMap(filters, { tight: '{"defaultAction":"SCMP_ACT_ERRNO"}' });
    await world.until(() => world.containers().length === 1 && world.current().id !== id, { withinMs: 5_000 });
    expect(world.current().spec.confinement.seccomp).toMatchObject({ kind: "profile" });
  });
});
