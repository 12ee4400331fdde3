import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld, IMAGE, KEY } from "../../../test/support/deployment-world.ts";

type World = DeploymentWorld;
type Spec = Parameters<World["apply"]>[0];

interface Case {
  readonly because: string;
  readonly spec?: Spec;
  readonly break: (world: World) => void;
  /** Ready's reason. */
  readonly reason: string;
  /** Whether a person has to do something; else it is retried. */
  readonly stalled: boolean;
  readonly message: RegExp;
  /** Undefined: it heals by itself. */
  readonly mend?: (world: World) => void;
}

const envFromSecret: Spec = { env: [{ name: "T", valueFrom: { secretKeyRef: { name: "token", key: "T" } } }] };

const cases: Case[] = [
  {
    because: "the Engine does not answer",
    break: (world) => (world.engine.reachable = false),
    reason: "BackendUnavailable",
    stalled: false,
    message: /does not answer/,
    mend: (world) => (world.engine.reachable = true),
  },
  {
    because: "the backend does not exist",
    spec: { backend: "moon" },
    break: () => undefined,
    reason: "BackendUnavailable",
    stalled: true,
    message: /"moon" is not enabled.*docker/,
    mend: (world) => world.putBackend("moon", false),
  },
  {
    because: "there is no default",
    break: (world) => world.putBackend("docker", false),
    reason: "BackendUnavailable",
    stalled: true,
    message: /no RuntimeBackend is the default/,
    mend: (world) => world.putBackend("docker", true),
  },
  {
    because: "there are two defaults",
    break: (world) => world.putBackend("other", true),
    reason: "BackendUnavailable",
    stalled: true,
    message: /docker, other/,
    mend: (world) => world.putBackend("other", false),
  },
  {
    because: "the namespace may not run there",
    break: (world) => world.putBackend("docker", true, { allowedNamespaces: ["team-b"] }),
    reason: "BackendNotAllowed",
    stalled: true,
    message: /team-b/,
    mend: (world) => world.putBackend("docker", true, { allowedNamespaces: ["team-b", "team-a"] }),
  },
  {
    because: "a host path is not allowed",
    spec: { volumes: [{ name: "src", mountPath: "/src", readOnly: true, hostPath: { path: "/etc" } }] },
    break: () => undefined,
    reason: "VolumeNotAllowed",
    stalled: true,
    message: /host paths/,
    mend: (world) => world.apply(),
  },
  {
    because: "a Secret is missing",
    spec: envFromSecret,
    break: () => undefined,
    reason: "SecretNotFound",
    stalled: false,
    message: /Secret "token" does not exist/,
    mend: (world) => world.putSecret("token", { T: "x" }),
  },
  {
    because: "a key of a Secret is missing",
    spec: envFromSecret,
    break: (world) => world.putSecret("token", { U: "x" }),
    reason: "SecretNotFound",
    stalled: false,
    message: /key "T" of Secret "token"/,
    mend: (world) => world.putSecret("token", { T: "x" }),
  },
  {
    because: "the image is missing",
    break: (world) => world.engine.registry.delete(IMAGE),
    reason: "ImageNotFound",
    stalled: false,
    message: /no such image/,
    mend: (world) => world.engine.publish(IMAGE),
  },
  {
    because: "the port is taken",
    break: (world) => (world.engine.freePort = () => 4242),
    reason: "PortConflict",
    stalled: false,
    message: /port 4242/,
    mend: (world) => world.engine.takenPorts.delete(4242),
  },
  {
    because: "the program cannot start",
    break: (world) => world.engine.publish(IMAGE, { answers: "mcp", unstartable: "exec: no such file" }),
    reason: "StartFailed",
    stalled: false,
    message: /exec: no such file/,
    mend: (world) => world.engine.programs.clear(),
  },
  {
    because: "the program crashes at once",
    break: (world) => world.engine.publish(IMAGE, { answers: "silent", exits: { afterMs: 20, code: 3 } }),
    reason: "CrashLoopBackOff",
    stalled: false,
    message: /exit code 3.*slipway logs files -n team-a/,
    mend: (world) => world.engine.programs.clear(),
  },
  {
    because: "it runs out of memory",
    break: (world) =>
      world.engine.publish(IMAGE, { answers: "silent", exits: { afterMs: 20, code: 137, outOfMemory: true } }),
    reason: "OutOfMemory",
    stalled: false,
    message: /spec.resources.memory/,
    mend: (world) => world.engine.programs.clear(),
  },
  {
    because: "it never answers",
    break: (world) => world.engine.publish(IMAGE, { answers: "silent" }),
    reason: "ProbeTimeout",
    stalled: false,
    message: /no answer/,
    mend: (world) => world.engine.programs.clear(),
  },
  {
    because: "it answers garbage",
    break: (world) => world.engine.publish(IMAGE, { answers: "garbage" }),
    reason: "ProbeInvalidAnswer",
    stalled: false,
    message: /not MCP/,
    mend: (world) => world.engine.programs.clear(),
  },
];

const messageOf = (world: World) => world.status.conditions?.find(({ type }) => type === "Ready")?.message ?? "";

describe("a deployment that fails", () => {
  it.each(cases)("says so and recovers: $because", async (each) => {
    const world = new DeploymentWorld();
    if (each.reason === "PortConflict") world.engine.takenPorts.add(4242);
    each.break(world);
    world.apply(each.spec);
    await world.until(() => world.condition("Ready") === `False ${each.reason}`, { withinMs: 100_000 });
    expect(messageOf(world)).toMatch(each.message);
    expect(world.status.phase).toBe("Error");
    expect(world.condition(each.stalled ? "Stalled" : "Reconciling")).toBe(`True ${each.reason}`);
    expect(world.condition(each.stalled ? "Reconciling" : "Stalled")).toBeUndefined();
    expect(world.status.url).toBeUndefined();

    const calls = [...world.engine.calls.values()].reduce((sum, count) => sum + count, 0);
    const { writes } = world;
    await world.pass(120_000, 500);
    const more = [...world.engine.calls.values()].reduce((sum, count) => sum + count, 0) - calls;
    expect(more).toBeLessThan(80);
    expect(world.writes - writes).toBeLessThan(40);
    expect(world.events.some(({ type, reason }) => type === "Warning" && reason === each.reason)).toBe(true);

    each.mend?.(world);
    await world.until(() => world.connected() && world.settled(), { withinMs: 400_000 });
    expect(world.containers()).toHaveLength(1);
    expect(world.condition("Accepted")).toBe("True Accepted");
  });

  it("is refused from a registry that is not allowed", async () => {
    const world = new DeploymentWorld({ allowedRegistries: ["registry.other"] });
    world.apply();
    await world.until(() => world.condition("Ready") === "False RegistryNotAllowed");
    expect(world.condition("Accepted")).toBe("False RegistryNotAllowed");
    expect(world.condition("Stalled")).toBe("True RegistryNotAllowed");
    expect(world.engine.calls.get("resolveImage")).toBeUndefined();
  });

  it("names the field of a quantity that cannot be", async () => {
    const world = new DeploymentWorld();
    world.apply({ resources: { memory: "256m" } });
    await world.until(() => world.condition("Ready") === "False InvalidSpec");
    expect(messageOf(world)).toMatch(/spec.resources.memory: 256m.*Mi/);
  });
});

describe("deletion", () => {
  const connected = async () => {
    const world = new DeploymentWorld();
    world.apply({
      volumes: [
        { name: "data", mountPath: "/data", readOnly: false, volume: { retain: false } },
        { name: "kept", mountPath: "/kept", readOnly: false, volume: { retain: true } },
      ],
    });
    await world.until(() => world.connected() && world.settled());
    return world;
  };

  it("leaves nothing but what is retained", async () => {
    const world = await connected();
    world.delete();
    await world.until(() => world.deployments.get(KEY) === undefined);
    expect(world.containers()).toEqual([]);
    expect([...world.engine.volumes.values()].map(({ retain }) => retain)).toEqual([true]);
  });

  it("waits for an Engine that is away, and says what can be done", async () => {
    const world = await connected();
    world.engine.reachable = false;
    world.delete();
    await world.until(() => world.condition("Reconciling") === "True BackendUnavailable");
    expect(world.status.phase).toBe("Deleting");
    expect(world.condition("Ready")).toBe("False Deleting");
    expect(messageOf(world)).toMatch(/delete that RuntimeBackend/);
    const { writes } = world;
    await world.pass(600_000, 1_000);
    expect(world.writes).toBe(writes);
    expect(world.server.has("team-a/files")).toBe(true);
    world.engine.reachable = true;
    await world.until(() => world.deployments.get(KEY) === undefined, { withinMs: 400_000 });
    expect(world.containers()).toEqual([]);
  });

  it("gives up what ran on a backend that was deleted, and says so", async () => {
    const world = await connected();
    world.backends.remove({ namespace: "", name: "docker" });
    world.delete();
    await world.until(() => world.deployments.get(KEY) === undefined);
    expect(world.events).toContainEqual(
      expect.objectContaining({ type: "Warning", note: expect.stringMatching(/orphan collection/) }),
    );
  });

  it.each(["pulling", "failing", "stopped", "refused"])("works while it is %s", async (state) => {
    const world = new DeploymentWorld();
    if (state === "pulling") world.engine.pullMs = 60_000;
    if (state === "failing") world.engine.publish(IMAGE, { answers: "silent", exits: { afterMs: 10, code: 1 } });
    world.apply(state === "stopped" ? { desiredState: "Stopped" } : state === "refused" ? { backend: "moon" } : {});
    await world.pass(3_000);
    world.delete();
    await world.until(() => world.deployments.get(KEY) === undefined);
    expect(world.containers()).toEqual([]);
  });
});
