import { describe, expect, it } from "@jest/globals";
import { DeploymentWorld } from "../../../test/support/deployment-world.ts";
import { DOCKER_CONFIG, GIT, letBuild, PASSWORD, putGitSecrets } from "../../../test/support/git-source.ts";
import { type BuildEnd, COMMIT } from "../../../test/support/memory-builds.ts";
import { REBUILD_ANNOTATION } from "../../api/v1alpha1/index.ts";
import { TransientError } from "../../machinery/errors.ts";

type World = DeploymentWorld;
type Spec = NonNullable<Parameters<World["apply"]>[0]>;

const git = (patch: object = {}, more: Spec = {}): Spec => ({ source: { git: { ...GIT, ...patch } }, ...more });

function builder(): World {
  const world = new DeploymentWorld();
  letBuild(world);
  return world;
}

const failing = (patch: Partial<Extract<BuildEnd, { kind: "failed" }>> = {}): BuildEnd => ({
  ...{ kind: "failed", reason: "BuildFailed", message: "step 2 ended with exit code 1; mend it", retryable: false },
  ...patch,
});
const done = (world: World) => world.connected() && world.settled();
const built = async () => {
  const world = builder();
  world.apply(git());
  await world.until(() => done(world));
  return world;
};
const messageOf = (world: World, type: string) =>
  world.status.conditions?.find((condition) => condition.type === type)?.message ?? "";
const calls = (world: World, method: string) => world.engine.calls.get(method) ?? 0;
const events = (world: World) => world.events.map(({ reason }) => reason).filter((reason) => /^Build/.test(reason));

describe("a git source", () => {
  it("is built, and its image runs by digest", async () => {
    const world = builder();
    world.engine.builds.queueMs = 2_000;
    world.engine.builds.buildMs = 60_000;
    world.apply(git());
    await world.until(() => world.status.phase === "Building");
    expect(world.status.build).toMatchObject({ backend: "docker", phase: "Waiting", attempt: 1, id: "run-1" });
    await world.until(() => world.status.build?.phase === "Running");
    expect(world.condition("Ready")).toBe("False Building");
    expect(world.condition("Reconciling")).toBe("True Building");
    expect(world.condition("SourceReady")).toBe("False Building");
    expect(world.condition("Accepted")).toBe("True Accepted");
    expect(messageOf(world, "SourceReady")).toBe(
      "the image is built from git@git.test:team/files at main: runs: step 2",
    );
    await world.until(() => done(world));
    const { build, workload } = world.status;
    expect(build).toMatchObject({ phase: "Succeeded", attempt: 1, commit: COMMIT, image: workload?.image });
    expect(workload?.image).toMatch(/^registry\.test\/team\/files@sha256:[0-9a-f]{64}$/);
    expect(build?.startedAt && build.completedAt && build.startedAt < build.completedAt).toBe(true);
    expect(world.condition("SourceReady")).toBe("True Pulled");
    expect(world.phases.slice(0, 2)).toEqual(["Building", "Deploying"]);
    expect(events(world)).toEqual(["BuildStarted", "BuildSucceeded"]);
  });

  it("is given what its Secrets hold, and its image is pulled with the registry's", async () => {
    const world = await built();
    const [request] = world.engine.builds.requests;
    expect(request).toMatchObject({
      source: {
        url: GIT.url,
        revision: "main",
        dockerfile: "Dockerfile",
        credentials: { kind: "ssh", privateKey: "PRIVATE KEY", knownHosts: undefined },
      },
      push: { repository: GIT.push.repository, dockerConfig: DOCKER_CONFIG },
      timeoutSeconds: 600,
    });
    expect(world.engine.pulledWith.get(world.status.build?.image ?? "")).toBe(DOCKER_CONFIG);
    expect(calls(world, "resolveImage")).toBe(0);
  });

  it("costs no call and no write once it is built", async () => {
    const world = await built();
    const before = { writes: world.writes, build: calls(world, "ensureBuild"), log: calls(world, "buildLogs") };
    for (let look = 0; look < 20; look++) {
      world.enqueue();
      await world.pass(1_000);
    }
    expect({ writes: world.writes, build: calls(world, "ensureBuild"), log: calls(world, "buildLogs") }).toEqual(
      before,
    );
    world.kill();
    world.revive();
    await world.pass(60_000, 500);
    expect(calls(world, "ensureBuild")).toBe(before.build);
    expect(world.writes).toBe(before.writes);
  });

  it("is written while it is built as rarely as its log is looked at, and not at all while nothing moves", async () => {
    const world = builder();
    world.engine.builds.buildMs = 600_000;
    world.apply(git());
    await world.until(() => world.status.build?.phase === "Running");
    await world.pass(15_000);
    const { writes } = world;
    const logs = calls(world, "buildLogs");
    for (let at = 0; at < 100; at++) {
      world.enqueue();
      await world.pass(500);
    }
    expect(world.writes).toBe(writes);
    expect(calls(world, "buildLogs") - logs).toBeLessThanOrEqual(6);
    world.engine.builds.log = ["step 7"];
    await world.pass(11_000);
    expect(messageOf(world, "Ready")).toMatch(/: step 7$/);
    for (let at = 0; at < 200; at++) {
      world.engine.builds.log = [`line ${at}`];
      world.enqueue();
      await world.pass(500);
    }
    expect(world.writes - writes).toBeLessThanOrEqual(13);
  });

  it.each<{ because: string; act: (world: World) => void }>([
    { because: "the arguments of the server change", act: (world) => world.apply(git({}, { args: ["--verbose"] })) },
    { because: "a build may take longer", act: (world) => world.apply(git({ timeoutSeconds: 900 })) },
    { because: "a Secret is rotated", act: (world) => putGitSecrets(world) },
  ])("is not built again where what is built is the same: $because", async ({ act }) => {
    const world = await built();
    act(world);
    await world.pass(10_000);
    await world.until(() => done(world));
    expect(world.engine.builds.begun).toEqual(["docker #1"]);
  });

  it.each<{ because: string; act: (world: World) => void }>([
    { because: "another revision", act: (world) => world.apply(git({ branch: "next" })) },
    { because: "another Dockerfile", act: (world) => world.apply(git({ dockerfile: "Dockerfile.slim" })) },
    { because: "the annotation", act: (world) => world.annotate({ [REBUILD_ANNOTATION]: "2026-11-21" }) },
  ])("is built anew, while what was built before serves: $because", async ({ act }) => {
    const world = await built();
    const { image } = world.status.workload ?? {};
    world.engine.builds.buildMs = 30_000;
    act(world);
    await world.until(() => world.condition("Reconciling") === "True Building");
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.condition("SourceReady")).toBe("False Building");
    expect(world.status.url).toBeDefined();
    await world.until(() => done(world) && world.status.workload?.image !== image);
    expect(world.status.build).toMatchObject({ phase: "Succeeded", attempt: 1, image: world.status.workload?.image });
    expect(world.engine.builds.begun).toEqual(["docker #1", "docker #1"]);
    expect(world.containers()).toHaveLength(1);
  });

  it("is not built again for what was asked already, by whatever else changed on the object", async () => {
    const world = builder();
    world.apply(git());
    await world.pass(1);
    world.annotate({ [REBUILD_ANNOTATION]: "1" });
    await world.until(() => done(world));
    world.annotate({ [REBUILD_ANNOTATION]: "1", other: "x" });
    await world.pass(10_000);
    expect(new Set(world.engine.builds.requests.map(({ key }) => key)).size).toBe(world.engine.builds.requests.length);
    expect(done(world)).toBe(true);
  });

  it("keeps to the build that runs when a Secret is rotated meanwhile, and pulls with the new one", async () => {
    const world = builder();
    world.engine.builds.buildMs = 20_000;
    world.apply(git());
    await world.until(() => world.status.build?.phase === "Running");
    const rotated = DOCKER_CONFIG.replace(PASSWORD, "n3wer");
    world.putSecret("push", { ".dockerconfigjson": rotated }, "kubernetes.io/dockerconfigjson");
    await world.until(() => done(world));
    expect(world.engine.builds.begun).toEqual(["docker #1"]);
    expect(world.engine.pulledWith.get(world.status.build?.image ?? "")).toBe(rotated);
  });

  it("is not built while it is to be stopped, and then is", async () => {
    const world = builder();
    world.apply(git({}, { desiredState: "Stopped" }));
    await world.until(() => world.status.phase === "Stopped");
    await world.pass(30_000);
    expect(world.engine.builds.begun).toEqual([]);
    world.apply(git());
    await world.until(() => done(world));
  });

  it.each<{ because: string; act: (world: World) => void }>([
    { because: "it is to be stopped", act: (world) => world.apply(git({}, { desiredState: "Stopped" })) },
    { because: "an image is to run", act: (world) => world.apply() },
    { because: "another backend is to build", act: (world) => world.apply(git({}, { backend: "other" })) },
  ])("is ended while it is built when $because", async ({ act }) => {
    const world = builder();
    world.putBackend("other", false);
    world.engine.builds.places.add("other");
    world.engine.builds.buildMs = 600_000;
    world.apply(git());
    await world.until(() => world.status.build?.phase === "Running");
    act(world);
    await world.until(() => [...world.engine.builds.runs.values()].every(({ place }) => place !== "docker"));
    await world.pass(1_000);
    expect(world.status.build?.backend).not.toBe("docker");
    const { writes } = world;
    const ended = calls(world, "endBuilds");
    world.enqueue();
    await world.pass(1_000);
    expect([world.writes, calls(world, "endBuilds")]).toEqual([writes, ended]);
  });

  it("is ended later where its place does not answer, and holds nobody up", async () => {
    const world = builder();
    world.engine.builds.buildMs = 600_000;
    world.apply(git());
    await world.until(() => world.status.build?.phase === "Running");
    let away = true;
    const { fault } = world.engine;
    world.engine.fault = (method, moment) => {
      if (method === "endBuilds" && moment === "before" && away) throw new Error("socket hang up");
      return fault(method, moment);
    };
    world.apply();
    await world.until(() => done(world));
    expect(world.status.build).toMatchObject({ phase: "Running", backend: "docker" });
    away = false;
    await world.until(() => world.status.build === undefined);
    expect(world.engine.builds.runs.size).toBe(0);
    expect(done(world)).toBe(true);
  });

  it("is found by a deletion where it could not be ended before", async () => {
    const world = builder();
    world.putBackend("other", false);
    world.engine.builds.places.add("other");
    world.engine.builds.buildMs = 600_000;
    world.apply(git({}, { backend: "other" }));
    await world.until(() => world.status.build?.phase === "Running");
    const { fault } = world.engine;
    world.engine.fault = (method, moment) => {
      if (method === "endBuilds") throw new Error("socket hang up");
      return fault(method, moment);
    };
    world.apply({ backend: "docker" });
    await world.until(() => done(world));
    expect(world.status.build).toMatchObject({ backend: "other" });
    world.delete();
    await world.until(() => !world.server.has("team-a/files"));
    expect(world.engine.builds.runs.size).toBe(0);
  });

  it("leaves nothing when it is deleted while it is built", async () => {
    const world = builder();
    world.engine.builds.buildMs = 600_000;
    world.apply(git());
    await world.until(() => world.status.build?.phase === "Running");
    world.delete();
    await world.until(() => !world.server.has("team-a/files"));
    expect(world.engine.builds.runs.size).toBe(0);
  });

  it("leaves nothing where it was built before it moved", async () => {
    const world = builder();
    world.putBackend("other", false);
    world.engine.builds.places.add("other");
    world.engine.builds.becomes = () => failing();
    world.apply(git({}, { backend: "other" }));
    await world.until(() => world.condition("Stalled") === "True BuildFailed");
    world.apply(git({}, { backend: "docker", desiredState: "Stopped" }));
    await world.until(() => world.status.phase === "Stopped");
    world.delete();
    await world.until(() => !world.server.has("team-a/files"));
    expect(world.engine.builds.runs.size).toBe(0);
  });

  it("takes its image along to another backend", async () => {
    const world = await built();
    const { image } = world.status.workload ?? {};
    world.putBackend("other", false);
    world.engine.builds.places.add("other");
    world.apply(git({}, { backend: "other" }));
    await world.until(() => done(world) && world.status.workload?.backend === "other");
    expect(world.engine.builds.begun).toEqual(["docker #1"]);
    expect(world.status.workload?.image).toBe(image);
  });

  it("is no more in the status once an image runs in its place", async () => {
    const world = await built();
    world.apply();
    await world.until(() => done(world) && world.status.workload?.generation === 2);
    expect(world.status.build).toBeUndefined();
  });
});

describe("a build that fails", () => {
  it("is not begun again, neither by time nor by a new controller, and says why", async () => {
    const world = builder();
    world.engine.builds.becomes = () => failing();
    world.engine.builds.log = [`\u001b[31mlogin with ${PASSWORD}\u001b[0m`, "x".repeat(1_000), "npm: not found"];
    world.apply(git());
    await world.until(() => world.condition("Stalled") === "True BuildFailed");
    expect(world.status.phase).toBe("Error");
    expect(world.condition("Ready")).toBe("False BuildFailed");
    expect(world.condition("SourceReady")).toBe("False BuildFailed");
    expect(messageOf(world, "Ready")).toBe(
      "step 2 ended with exit code 1; mend it; see: slipway logs files -n team-a --build; another value of the annotation slipway.dev/rebuild builds anew",
    );
    expect(world.status.build).toMatchObject({ phase: "Failed", reason: "BuildFailed", attempt: 1 });
    expect(world.status.build?.logTail).toEqual(["login with ***", "x".repeat(256), "npm: not found"]);
    expect(events(world)).toEqual(["BuildStarted", "BuildFailed"]);
    const { writes } = world;
    await world.pass(600_000, 1_000);
    world.kill();
    world.revive();
    await world.pass(600_000, 1_000);
    expect(world.engine.builds.begun).toEqual(["docker #1"]);
    expect(world.writes).toBe(writes);
    expect(world.condition("Stalled")).toBe("True BuildFailed");
    expect(events(world)).toEqual(["BuildStarted", "BuildFailed"]);
  });

  it.each<{ because: string; mend: (world: World) => void; begun: string[] }>([
    {
      because: "another revision is asked for",
      mend: (world) => world.apply(git({ branch: "mended" })),
      begun: ["docker #1", "docker #1"],
    },
    {
      because: "somebody asks for another build",
      mend: (world) => world.annotate({ [REBUILD_ANNOTATION]: "1" }),
      begun: ["docker #1", "docker #1"],
    },
    { because: "a Secret is mended", mend: (world) => putGitSecrets(world), begun: ["docker #1", "docker #2"] },
    {
      because: "it may take longer",
      mend: (world) => world.apply(git({ timeoutSeconds: 1200 })),
      begun: ["docker #1", "docker #2"],
    },
    {
      because: "its backend is set otherwise",
      mend: (world) => world.putBackend("docker", true),
      begun: ["docker #1", "docker #2"],
    },
    {
      because: "another backend is asked",
      mend: (world) => world.apply(git({}, { backend: "other" })),
      begun: ["docker #1", "other #1"],
    },
  ])("is begun again when $because", async ({ mend, begun }) => {
    const world = builder();
    world.putBackend("other", false);
    world.engine.builds.places.add("other");
    world.engine.builds.becomes = () => failing();
    world.apply(git());
    await world.until(() => world.condition("Stalled") === "True BuildFailed");
    world.engine.builds.becomes = () => ({ kind: "built" });
    mend(world);
    await world.until(() => done(world));
    expect(world.engine.builds.begun).toEqual(begun);
    expect(world.status.build).not.toHaveProperty("logTail");
    expect(world.status.build).not.toHaveProperty("message");
  });

  it("is tried again with growing pauses where that may help, each time as another attempt", async () => {
    const world = builder();
    world.engine.builds.becomes = (_, attempt) =>
      attempt < 4 ? failing({ reason: "BackendError", retryable: true }) : { kind: "built" };
    world.apply(git());
    await world.until(() => world.condition("Ready") === "False BackendError");
    expect(world.status.build).toMatchObject({ phase: "Waiting", attempt: 2, reason: "BackendError" });
    expect(world.condition("Reconciling")).toBe("True BackendError");
    expect(world.condition("SourceReady")).toBe("False BackendError");
    await world.pass(25_000);
    expect(world.engine.builds.begun).toEqual(["docker #1"]);
    await world.pass(10_000);
    expect(world.engine.builds.begun).toEqual(["docker #1", "docker #2"]);
    await world.pass(50_000);
    expect(world.engine.builds.begun).toHaveLength(2);
    await world.until(() => done(world));
    expect(world.engine.builds.begun).toEqual([1, 2, 3, 4].map((attempt) => `docker #${attempt}`));
    expect(world.status.build).toMatchObject({ phase: "Succeeded", attempt: 4 });
  });

  it("is not begun where its place refuses for the moment, which is said", async () => {
    const world = builder();
    const { ensure } = world.engine.builds;
    world.engine.builds.ensure = () => {
      throw new TransientError("QuotaExceeded", "the project has as many builds as it may");
    };
    world.apply(git());
    await world.until(() => world.condition("Ready") === "False QuotaExceeded");
    expect(world.condition("SourceReady")).toBe("False QuotaExceeded");
    expect(world.status.build).toMatchObject({ backend: "docker", phase: "Waiting", attempt: 1 });
    expect(events(world)).toEqual([]);
    world.engine.builds.ensure = ensure;
    await world.until(() => done(world));
    expect(world.engine.builds.begun).toEqual(["docker #1"]);
  });

  it("is under way where it waits for others, beside what serves", async () => {
    const world = await built();
    world.engine.builds.ensure = () => {
      throw new TransientError("Building", "it begins when another ends");
    };
    world.apply(git({ branch: "next" }));
    await world.until(() => world.condition("Reconciling") === "True Building");
    expect(world.condition("SourceReady")).toBe("False Building");
    expect(world.condition("Stalled")).toBeUndefined();
    expect(world.condition("Ready")).toMatch(/^True/);
    await world.pass(1_000);
    expect(world.condition("Stalled")).toBeUndefined();
  });

  it("is a phase where it waits for others", async () => {
    const world = builder();
    world.engine.builds.ensure = () => {
      throw new TransientError("Building", "it begins when another ends");
    };
    world.apply(git());
    await world.until(() => world.condition("Ready") === "False Building");
    expect(world.status).toMatchObject({ phase: "Building", build: { phase: "Waiting" } });
  });

  it("leaves what serves as it is", async () => {
    const world = await built();
    const { image } = world.status.workload ?? {};
    world.engine.builds.becomes = () => failing();
    world.apply(git({ branch: "broken" }));
    await world.until(() => world.condition("Stalled") === "True BuildFailed");
    expect(world.condition("Ready")).toBe("True Connected");
    expect(world.status.phase).toBe("Connected");
    expect(world.status.workload?.image).toBe(image);
    world.apply(git());
    await world.until(() => done(world));
    expect(world.status.workload?.image).toMatch(/@sha256:/);
  });

  it("does not fail the more for a log that cannot be read", async () => {
    const world = builder();
    world.engine.builds.becomes = () => failing();
    Object.defineProperty(world.engine.builds, "log", {
      get: () => {
        throw new Error("no log");
      },
    });
    world.apply(git());
    await world.until(() => world.condition("Stalled") === "True BuildFailed");
    expect(world.status.build?.logTail).toBeUndefined();
  });
});

describe("a git source is refused before any call", () => {
  it.each<{ because: string; given?: Spec; set?: (world: World) => void; condition: string; message: RegExp }>([
    {
      because: "the backend does not build, and another does",
      set: (world) => {
        world.engine.builds.places.clear();
        world.putBackend("cloud", false);
        const backend = world.backends.get({ namespace: "", name: "cloud" });
        if (backend) world.backends.put({ ...backend, status: { capabilities: { sources: ["image", "git"] } } });
      },
      condition: "Stalled=True SourceNotSupported",
      message:
        /^spec\.source\.git: RuntimeBackend "docker" cannot build from git repositories; set spec\.backend to cloud$/,
    },
    {
      because: "no backend builds",
      set: (world) => world.engine.builds.places.clear(),
      condition: "Stalled=True SourceNotSupported",
      message: /no RuntimeBackend here can; build the image elsewhere/,
    },
    {
      because: "nobody says where the image goes",
      given: { source: { git: { url: GIT.url, credentialsRef: GIT.credentialsRef } } },
      condition: "Stalled=True InvalidSpec",
      message: /^spec\.source\.git\.push: must be set/,
    },
    {
      because: "there are no credentials yet",
      set: (world) => world.secrets.remove({ namespace: "team-a", name: "key" }),
      condition: "Reconciling=True SecretNotFound",
      message: /^spec\.source\.git\.credentialsRef: Secret "key" does not exist/,
    },
  ])("$because", async ({ given, set, condition, message }) => {
    const world = builder();
    set?.(world);
    world.apply(given ?? git());
    const [type = "", want] = condition.split("=");
    await world.until(() => world.condition(type) === want);
    expect(messageOf(world, "Ready")).toMatch(message);
    expect(world.condition("Accepted")).toBe(type === "Stalled" ? `False ${want?.split(" ")[1]}` : undefined);
    await world.pass(30_000, 500);
    expect([calls(world, "ensureBuild"), calls(world, "resolveImage"), world.containers().length]).toEqual([0, 0, 0]);
    expect(world.status.build).toBeUndefined();
    expect(world.deployment.metadata.finalizers ?? []).toEqual([]);
  });
});
