import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { API_VERSION } from "../../src/api/v1alpha1/index.ts";
import { ensureBusyboxImage, ensureMcpImage, MCP_IMAGE, Program, programCommand } from "../support/images.ts";
import { Installation, readyOf } from "../support/installation.ts";
import { listen } from "../support/listen.ts";
import { REGISTRY_USER, Registry } from "../support/registry.ts";
import { StallingProxy } from "../support/stalling-proxy.ts";

jest.setTimeout(240_000);

/** How long a failure is watched for a loop. */
const WINDOW_MS = 5_000;
/** A loop makes hundreds. The first retries, after 1, 2 and 4 seconds, may each say what they do and what came of it. */
const MOST_WRITES = 8;
/** A server that ends at once is started again by the Engine, with a growing delay, and each time is news. */
const MOST_WRITES_OF_A_CRASH_LOOP = 30;
/** The probe's failures have to be repeated before they count, and a first answer may take a while. */
const PATIENCE = { timeoutMs: 150_000 };

interface Failure {
  /** What has to be there, or be wrong, beforehand. */
  readonly arrange?: () => Promise<unknown>;
  readonly spec: Record<string, unknown>;
  readonly reason: string;
  /** In the message: what to do about it. */
  readonly remedy: RegExp;
  readonly mostWrites?: number;
  /** What a person does then; the deployment has to be Connected afterwards without a restart of Slipway. */
  readonly mend: () => Promise<unknown>;
}

describe("what goes wrong", () => {
  let slipway: Installation;
  let open: Registry;
  let closed: Registry;
  let proxy: StallingProxy;

  beforeAll(async () => {
    await ensureMcpImage();
    [open, closed, proxy] = await Promise.all([
      Registry.start(),
      Registry.start({ credentials: true }),
      StallingProxy.start(),
    ]);
    await closed.push(MCP_IMAGE, "team/mcp:1");
    slipway = await Installation.start();
  });
  afterAll(async () => {
    await slipway?.forgetImage("slipway.test/absent:1");
    for (const { address } of [open, closed, proxy]) await slipway?.forgetImages(address);
    await slipway?.[Symbol.asyncDispose]();
    await Promise.all([open, closed, proxy].map((each) => each?.[Symbol.asyncDispose]()));
  });

  const running = (program: (typeof Program)[keyof typeof Program]) => ({ command: programCommand(program) });
  const image = (reference: string, more: object = {}) => ({ source: { image: { reference, ...more } } });
  const withServer = (name: string) => () => slipway.patch(name, { spec: { command: null } });

  // The one that takes longest first: they happen side by side.
  const failures: Record<string, () => Failure> = {
    "registry-silent": () => ({
      spec: image(`${proxy.address}/team/slow:1`),
      reason: "ImagePullFailed",
      remedy: /tried again|reach/,
      mend: async () => {
        await open.push(MCP_IMAGE, "team/slow:1");
        proxy.release(open.address);
      },
    }),
    "image-missing-here": () => ({
      arrange: () => slipway.forgetImage("slipway.test/absent:1"),
      spec: image("slipway.test/absent:1", { pullPolicy: "Never" }),
      reason: "ImageNotFound",
      remedy: /pullPolicy|build|load/i,
      mend: () => ensureMcpImage(slipway.engine, "slipway.test/absent:1"),
    }),
    "image-missing-there": () => ({
      spec: image(`${open.address}/team/absent:1`),
      reason: "ImageNotFound",
      remedy: /spec\.source\.image\.reference|push/,
      mend: () => open.push(MCP_IMAGE, "team/absent:1"),
    }),
    "registry-refuses": () => ({
      arrange: () =>
        slipway.kubectl.apply(pullSecret("wrong", closed.dockerConfig({ ...REGISTRY_USER, password: "no" }))),
      spec: image(`${closed.address}/team/mcp:1`, { pullSecretRef: { name: "wrong" } }),
      reason: "ImagePullUnauthorized",
      remedy: /pullSecretRef/,
      mend: () => slipway.kubectl.apply(pullSecret("wrong", closed.dockerConfig())),
    }),
    "secret-missing": () => ({
      spec: { env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "absent", key: "token" } } }] },
      reason: "SecretNotFound",
      remedy: /absent/,
      mend: () => slipway.kubectl.run(["create", "secret", "generic", "absent", "--from-literal=token=t"]),
    }),
    "backend-missing": () => ({
      spec: { backend: "nowhere" },
      reason: "BackendUnavailable",
      remedy: /nowhere/,
      mend: () => slipway.kubectl.apply(backend("nowhere", {})),
    }),
    "engine-away": () => ({
      arrange: () => slipway.kubectl.apply(backend("away", { host: "unix:///nowhere/docker.sock" })),
      spec: { backend: "away" },
      reason: "BackendUnavailable",
      remedy: /spec\.docker\.host/,
      mend: () => slipway.kubectl.apply(backend("away", { host: "unix:///var/run/docker.sock" })),
    }),
    "registry-not-allowed": () => ({
      arrange: () => slipway.kubectl.apply(backend("picky", { allowedRegistries: ["ghcr.io/good"] })),
      spec: { backend: "picky" },
      reason: "RegistryNotAllowed",
      remedy: /allowedRegistries/,
      mend: () => slipway.kubectl.apply(backend("picky", { allowedRegistries: ["slipway.test"] })),
    }),
    crashes: () => ({
      spec: running(Program.crashes),
      reason: "CrashLoopBackOff",
      remedy: /slipway logs crashes/,
      mostWrites: MOST_WRITES_OF_A_CRASH_LOOP,
      mend: withServer("crashes"),
    }),
    hungry: () => ({
      spec: { ...running(Program.hungry), resources: { memory: "64Mi" } },
      reason: "OutOfMemory",
      remedy: /spec\.resources\.memory/,
      mostWrites: MOST_WRITES_OF_A_CRASH_LOOP,
      mend: () => slipway.patch("hungry", { spec: { command: null, resources: { memory: "128Mi" } } }),
    }),
    garbage: () => ({
      spec: running(Program.garbage),
      reason: "ProbeInvalidAnswer",
      remedy: /path|probe/,
      mend: withServer("garbage"),
    }),
    silent: () => ({
      spec: { ...running(Program.silent), health: { periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 2 } },
      reason: "ProbeTimeout",
      remedy: /slipway logs silent|timeoutSeconds/,
      mend: withServer("silent"),
    }),
    elsewhere: () => ({
      spec: { env: [{ name: "PORT", value: "9999" }] },
      reason: "ProbeRefused",
      remedy: /port/,
      mend: () => slipway.patch("elsewhere", { spec: { transport: { port: 9999 } } }),
    }),
  };

  it.concurrent.each(Object.entries(failures))(
    "has a reason, a remedy, no hot loop and an end: %s",
    async (name, failure) => {
      const { arrange, spec, reason, remedy, mostWrites = MOST_WRITES, mend } = failure();
      await arrange?.();
      await slipway.deploy(name, spec);

      const { message } = await slipway.untilFailing(name, reason, PATIENCE);
      expect(message).toMatch(remedy);
      expect(await slipway.countWrites(name, WINDOW_MS)).toBeLessThanOrEqual(mostWrites);
      expect(readyOf(await slipway.get(name))?.status).toBe("False");

      await mend();
      await slipway.untilPhase(name, "Connected", PATIENCE);
      expect(await slipway.containers(name)).toHaveLength(1);
      await slipway.remove(name);
    },
  );

  it.concurrent("names a port that another program took, and goes on when it is free", async () => {
    await slipway.deploy("port");
    const { status } = await slipway.untilPhase("port", "Connected");
    await slipway.patch("port", { spec: { desiredState: "Stopped" } });
    await slipway.untilPhase("port", "Stopped");
    await using thief = createServer();
    await listen(thief, status?.workload?.hostPort);

    await slipway.patch("port", { spec: { desiredState: "Running" } });
    const { message } = await slipway.untilFailing("port", "PortConflict");
    expect(message).toContain(String(status?.workload?.hostPort));
    expect(await slipway.countWrites("port", WINDOW_MS)).toBeLessThanOrEqual(MOST_WRITES);
    // What a failed start leaves behind must not take the place of its reason while the next one waits.
    expect(readyOf(await slipway.get("port"))?.reason).toBe("PortConflict");

    thief.close();
    const after = await slipway.untilPhase("port", "Connected", PATIENCE);
    expect(after.status?.workload?.endpoint).toBe(status?.workload?.endpoint);
    await slipway.remove("port");
  });

  it.concurrent("shows the back-off of a crash loop by its restarts", async () => {
    await slipway.deploy("visible", running(Program.crashes));
    await slipway.untilFailing("visible", "CrashLoopBackOff");
    const { status } = await slipway.until("visible", (each) => (each.status?.workload?.restartCount ?? 0) >= 3);
    expect(status?.phase).toBe("Error");
    await slipway.remove("visible");
  });

  it.concurrent("calls a server that ends by itself completed", async () => {
    await ensureBusyboxImage();
    await slipway.deploy("once", {
      source: { image: { reference: "slipway.test/busybox:1", pullPolicy: "Never" } },
      args: ["true"],
      restartPolicy: "OnFailure",
    });
    await slipway.untilPhase("once", "Stopped");
    expect(readyOf(await slipway.get("once"))).toMatchObject({ status: "False", reason: "Completed" });
    await slipway.remove("once");
  });
});

function pullSecret(name: string, dockerConfig: string): object {
  const data = { ".dockerconfigjson": Buffer.from(dockerConfig).toString("base64") };
  return { apiVersion: "v1", kind: "Secret", metadata: { name }, type: "kubernetes.io/dockerconfigjson", data };
}

function backend(name: string, docker: object): object {
  return { apiVersion: API_VERSION, kind: "RuntimeBackend", metadata: { name }, spec: { type: "docker", docker } };
}
