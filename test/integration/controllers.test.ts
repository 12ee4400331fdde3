import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { events, type Namespace, namespaces, type Secret, secrets } from "../../src/api/core.ts";
import type { NewObject } from "../../src/api/meta.ts";
import {
  GUARDRAILS_BOUND_LABEL,
  type GuardrailProfile,
  type GuardrailProfileSpec,
  guardrailProfiles,
  type RuntimeBackend,
  type RuntimeDeployment,
  type RuntimeDeploymentSpec,
  runtimeBackends,
  runtimeDeployments,
} from "../../src/api/v1alpha1/index.ts";
import { dockerDriver } from "../../src/cli/docker-driver.ts";
import { dockerSection } from "../../src/cli/docker-section.ts";
import { type Controllers, createControllers } from "../../src/controllers/create-controllers.ts";
import { HASH_KEY, StoredKey } from "../../src/controllers/stored-key.ts";
import { createExternalGateway } from "../../src/external-gateways/create-external-gateway.ts";
import { BUILT_IN_PROFILES } from "../../src/guardrails/built-in.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { getCondition } from "../../src/machinery/conditions.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { Manager } from "../../src/machinery/manager.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { memoryApprovals } from "../support/approval-services.ts";
import { NO_CLIENTS } from "../support/deployment-world.ts";
import { eventually } from "../support/eventually.ts";
import { MemoryBackend } from "../support/memory-backend.ts";
import { guardrailCapabilities, MemoryEngine } from "../support/memory-engine.ts";
import { MemoryProber } from "../support/memory-prober.ts";
import { recordingLogger } from "../support/recording-logger.ts";

const IMAGE = "registry.test/files:1";
const NAMESPACE = "team-a";

let api: TestApiServer;
let client: DisposableKubeClient;
let engine: MemoryEngine;
let running:
  | { stop: AbortController; ended: Promise<void>; controllers: Controllers; prober: MemoryProber }
  | undefined;
/** Backends that were made. */
let made: number;

beforeEach(async () => {
  api = await startTestApiServer();
  client = await createKubeClient({ kubeconfigPath: api.kubeconfig });
  engine = new MemoryEngine(systemClock);
  engine.publish(IMAGE);
  made = 0;
  for (const name of [NAMESPACE, "slipway-system"]) await createNamespace(name);
  await createBackend("docker", { default: true });
  start();
});

afterEach(async () => {
  await stop();
  for (const container of engine.containers.values()) container.cancel();
  client[Symbol.dispose]();
  await api[Symbol.asyncDispose]();
});

function start(): void {
  const prober = new MemoryProber(engine);
  const { logger } = recordingLogger();
  const controllers = createControllers({
    client,
    drivers: {
      docker: {
        settings: dockerDriver("test").settings,
        create: ({ metadata, spec }) => {
          made++;
          const { host } = dockerSection(spec.docker);
          return new MemoryBackend(engine, { place: host.startsWith("tcp://127.") ? host : metadata.name });
        },
      },
    },
    prober,
    clock: systemClock,
    logger,
    identity: "test",
    createGateway: createExternalGateway,
    approvals: memoryApprovals().services,
    publicUrl: ({ name }) => `http://gateway.test/${name}`,
    drain: NO_CLIENTS,
  });
  const stop = new AbortController();
  const manager = new Manager({ logger, drainTimeoutMs: 2_000 })
    .add("services", ...controllers.services)
    .add("caches", ...controllers.caches)
    .add("controllers", ...controllers.controllers);
  running = { stop, ended: manager.run(stop.signal), controllers, prober };
}

async function stop(): Promise<void> {
  running?.stop.abort();
  await running?.ended;
  running = undefined;
}

async function createNamespace(name: string): Promise<void> {
  const { items } = await client.list(namespaces);
  if (items.some(({ metadata }) => metadata.name === name)) return;
  await client.create<Namespace>(namespaces, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
}

async function createBackend(name: string, spec: Partial<RuntimeBackend["spec"]>): Promise<void> {
  await client.create<RuntimeBackend>(runtimeBackends, {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeBackend",
    metadata: { name },
    spec: { type: "docker", ...spec } as RuntimeBackend["spec"],
  });
}

async function createDeployment(name: string, spec: object = {}): Promise<void> {
  const object = {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeDeployment",
    metadata: { name, namespace: NAMESPACE },
    spec: { source: { image: { reference: IMAGE } }, ...spec },
  };
  await client.create<RuntimeDeployment>(runtimeDeployments, object as NewObject<RuntimeDeployment>);
}

const patchSpec = (name: string, spec: { [K in keyof RuntimeDeploymentSpec]?: unknown }) =>
  client.patch(runtimeDeployments, { namespace: NAMESPACE, name }, { type: "merge", body: { spec } });
const deployment = (name: string) => client.get(runtimeDeployments, { namespace: NAMESPACE, name });
const profile = (name: string) => client.get(guardrailProfiles, { namespace: "", name });
const patchProfile = (name: string, spec: { [K in keyof GuardrailProfileSpec]?: unknown }) =>
  client.patch(guardrailProfiles, { namespace: "", name }, { type: "merge", body: { spec } });
const label = (value: string | null) =>
  client.patch(
    namespaces,
    { namespace: "", name: NAMESPACE },
    { type: "merge", body: { metadata: { labels: { [GUARDRAILS_BOUND_LABEL]: value } } } },
  );

async function createProfile(name: string): Promise<void> {
  await client.create<GuardrailProfile>(guardrailProfiles, {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "GuardrailProfile",
    metadata: { name },
    spec: {} as GuardrailProfileSpec,
  });
}
const backend = (name: string) => client.get(runtimeBackends, { namespace: "", name });

function poll<T>(what: string, look: () => Promise<T | undefined | false>): Promise<T> {
  return eventually(
    what,
    () => {
      running?.prober.poll();
      return look();
    },
    { everyMs: 20, timeoutMs: 20_000 },
  );
}

const phase = (name: string, wanted: string) =>
  poll(`${name} is ${wanted}`, async () => {
    const found = await deployment(name);
    const reconciling = getCondition(found.status?.conditions, "Reconciling");
    const current = found.status?.observedGeneration === found.metadata.generation;
    return found.status?.phase === wanted && current && (!reconciling || wanted === "Error") && found;
  });
const gone = (name: string) =>
  poll(
    `${name} is gone`,
    async () =>
      !(await client.list(runtimeDeployments, { namespace: NAMESPACE })).items.some(
        ({ metadata }) => metadata.name === name,
      ),
  );
const available = (name: string, status: string) =>
  poll(`${name} is Available=${status}`, async () => {
    const found = await backend(name);
    return getCondition(found.status?.conditions, "Available")?.status === status && found;
  });

describe("the controllers against an API server", () => {
  it("take a deployment from apply to Connected, through an update, and away", async () => {
    await createDeployment("files");
    const connected = await phase("files", "Connected");
    expect(connected.status?.workload).toMatchObject({ backend: "docker", generation: 1, restartCount: 0 });
    await sleep(300);
    expect((await deployment("files")).metadata.resourceVersion).toBe(connected.metadata.resourceVersion);

    await patchSpec("files", { args: ["--verbose"] });
    const updated = await phase("files", "Connected");
    expect(updated.status?.workload?.generation).toBe(2);
    await patchSpec("files", { desiredState: "Stopped" });
    const stopped = await phase("files", "Stopped");
    expect(stopped.status?.url).toBeUndefined();
    await client.delete(runtimeDeployments, { namespace: NAMESPACE, name: "files" });
    await gone("files");
    expect(engine.containers.size).toBe(0);
  });

  it("heal what a Secret is missing for, and roll when it changes", async () => {
    await createDeployment("files", { envFrom: [{ secretRef: { name: "token" } }] });
    const failing = await phase("files", "Error");
    expect(getCondition(failing.status?.conditions, "Ready")?.reason).toBe("SecretNotFound");
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "token", namespace: NAMESPACE },
      data: { T: "b25l" },
    };
    await client.create<Secret>(secrets, secret);
    const connected = await phase("files", "Connected");
    await client.patch(
      secrets,
      { namespace: NAMESPACE, name: "token" },
      { type: "merge", body: { data: { T: "dHdv" } } },
    );
    await poll(
      "the container is another",
      async () => (await deployment("files")).status?.workload?.id !== connected.status?.workload?.id,
    );
    await phase("files", "Connected");
    expect([...engine.containers.values()].map(({ spec }) => spec.env)).toEqual([{ T: "two" }]);
    const key = await client.get(secrets, { namespace: "slipway-system", name: "slipway-workload-hash" });
    expect(Buffer.from(key.data?.key ?? "", "base64")).toHaveLength(32);
  });

  it("agree on one key, whoever makes it", async () => {
    const keys = await Promise.all([1, 2, 3, 4].map(() => new StoredKey(client, HASH_KEY).get()));
    expect(new Set(keys.map((key) => Buffer.from(key).toString("hex"))).size).toBe(1);
    expect(await new StoredKey(client, HASH_KEY).get()).toEqual(keys[0]);
  });

  it("start again without a write", async () => {
    await createDeployment("files");
    const before = await phase("files", "Connected");
    await stop();
    start();
    await available("docker", "True");
    await poll("the server is probed", async () => running?.prober.watched.size === 1);
    await sleep(300);
    expect((await deployment("files")).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(engine.containers.size).toBe(1);
  });

  it("run many at once, and none twice", async () => {
    const names = Array.from({ length: 40 }, (_, at) => `server-${at}`);
    await Promise.all(names.map((name) => createDeployment(name)));
    for (const name of names) await phase(name, "Connected");
    expect(engine.containers.size).toBe(40);
    await poll("they are counted", async () => (await backend("docker")).status?.deployments === 40);
    await Promise.all(names.map((name) => client.delete(runtimeDeployments, { namespace: NAMESPACE, name })));
    for (const name of names) await gone(name);
    expect(engine.containers.size).toBe(0);
  });
});

describe("a RuntimeBackend", () => {
  it("tells what it is, that it went, and that it came back; its deployments follow", async () => {
    const up = await available("docker", "True");
    expect(up.status).toMatchObject({ version: "1.0", capabilities: { sources: ["image"] }, deployments: 0 });
    engine.reachable = false;
    await createDeployment("files");
    const down = await available("docker", "False");
    expect(getCondition(down.status?.conditions, "Available")).toMatchObject({
      reason: "BackendUnavailable",
      message: expect.stringMatching(/start it/),
    });
    expect(down.status?.version).toBe("1.0");
    await phase("files", "Error");
    const before = await backend("docker");
    await sleep(1_500);
    expect((await backend("docker")).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    engine.reachable = true;
    await available("docker", "True");
    await phase("files", "Connected");
  });

  it("removes what belongs to no deployment, and that only", async () => {
    await createDeployment("files");
    await phase("files", "Connected");
    await stop();
    const [mine] = [...engine.containers.values()];
    if (!mine) throw new Error("there is no container");
    const lost = { ...mine.spec, owner: { uid: "lost", namespace: NAMESPACE, name: "files" } };
    engine.add(lost, { role: "current", hostPort: undefined }, "docker");
    start();
    await poll("the orphan is gone", async () => engine.containers.size === 1);
    expect([...engine.containers.values()]).toEqual([mine]);
  });

  it("says so when two are the default, and deployments wait", async () => {
    await createBackend("other", { default: true });
    for (const [name, other] of [
      ["docker", "other"],
      ["other", "docker"],
    ] as const) {
      await poll(`${name} names ${other}`, async () =>
        getCondition((await backend(name)).status?.conditions, "Stalled")?.message.includes(other),
      );
    }
    await createDeployment("files");
    const waiting = await phase("files", "Error");
    expect(getCondition(waiting.status?.conditions, "Ready")?.message).toMatch(/docker, other/);
    await client.delete(runtimeBackends, { namespace: "", name: "other" });
    await phase("files", "Connected");
    await poll(
      "the conflict is over",
      async () => getCondition((await backend("docker")).status?.conditions, "Stalled") === undefined,
    );
  });

  it("waits for its Secret, and is made anew when that changes", async () => {
    const tlsSecretRef = { namespace: NAMESPACE, name: "tls" };
    await createBackend("remote", {
      docker: { ...dockerSection(undefined), host: "tcp://engine:2376", tlsSecretRef },
    });
    const waiting = await available("remote", "False");
    expect(getCondition(waiting.status?.conditions, "Available")).toMatchObject({
      reason: "SecretNotFound",
      message: expect.stringMatching(/team-a\/tls/),
    });
    const data = { "tls.crt": "Yw==", "tls.key": "aw==" };
    await client.create<Secret>(secrets, {
      apiVersion: "v1",
      kind: "Secret",
      type: "kubernetes.io/tls",
      metadata: tlsSecretRef,
      data,
    });
    await available("remote", "True");
    const before = made;
    await client.patch(secrets, tlsSecretRef, { type: "merge", body: { data: { "tls.crt": "ZA==" } } });
    await poll("it is made anew", async () => made === before + 1);
  });

  it("is left by a deployment that names another, which then serves alone", async () => {
    await createBackend("other", {});
    await available("other", "True");
    await createDeployment("files");
    const before = await phase("files", "Connected");
    await patchSpec("files", { backend: "nowhere" });
    const refused = await poll("it is refused", async () => {
      const found = await deployment("files");
      return getCondition(found.status?.conditions, "Stalled") && found;
    });
    expect(refused.status).toMatchObject({ phase: "Connected", workload: { id: before.status?.workload?.id } });
    await patchSpec("files", { backend: "other" });
    const moved = await poll("it has moved", async () => {
      const found = await phase("files", "Connected");
      return found.status?.workload?.backend === "other" && found;
    });
    expect([...engine.containers.values()].map(({ place }) => place)).toEqual(["other"]);
    expect(moved.status?.workload?.restartCount).toBe(0);
    await client.delete(runtimeDeployments, { namespace: NAMESPACE, name: "files" });
    await gone("files");
    expect(engine.containers.size).toBe(0);
  });

  it("takes its deployments along when its address changes", async () => {
    await createDeployment("files");
    const before = await phase("files", "Connected");
    const patchHost = (host: string) =>
      client.patch(
        runtimeBackends,
        { namespace: "", name: "docker" },
        { type: "merge", body: { spec: { docker: { host } } } },
      );
    await patchHost("unix:///run/docker.sock");
    await poll("it is made anew", async () => made === 2);
    await sleep(200);
    expect((await phase("files", "Connected")).status?.workload?.id).toBe(before.status?.workload?.id);
    await patchHost("tcp://127.0.0.1:2375");
    await poll("it has moved", async () => {
      const places = [...engine.containers.values()].map(({ place }) => place);
      return places.length === 1 && places[0] === "tcp://127.0.0.1:2375";
    });
    const moved = await phase("files", "Connected");
    expect(moved.status?.workload?.restartCount).toBe(0);
  });

  it("outlives its object until its deployments are torn down", async () => {
    await createDeployment("files");
    await phase("files", "Connected");
    await client.delete(runtimeBackends, { namespace: "", name: "docker" });
    const left = await poll("the deployment is told", async () => {
      const found = await deployment("files");
      return getCondition(found.status?.conditions, "Stalled")?.message.includes("not enabled") && found;
    });
    expect(getCondition(left.status?.conditions, "Ready")?.status).toBe("True");
    await client.delete(runtimeDeployments, { namespace: NAMESPACE, name: "files" });
    await gone("files");
    expect(engine.containers.size).toBe(0);
  });
});

describe("a GuardrailProfile", () => {
  const installed = () =>
    poll("the built-ins are there and told of", async () => {
      const { items } = await client.list(guardrailProfiles);
      return items.length === 4 && items.every(({ status }) => status?.backends?.length === 1) && items;
    });
  const equalsShipped = async () =>
    (await client.list(guardrailProfiles)).items.every(({ metadata, spec }) => {
      const shipped = BUILT_IN_PROFILES.find((each) => each.metadata.name === metadata.name);
      return isDeepStrictEqual(spec, shipped?.spec);
    });

  it("that ships with Slipway is there, as it was shipped, and costs nothing once it is", async () => {
    const found = await installed();
    expect(await equalsShipped()).toBe(true);
    expect(found[0]?.status?.backends?.[0]).toMatchObject({ name: "docker", compatible: true });
    await createDeployment("files");
    await phase("files", "Connected");
    const counted = await poll("it is counted", async () => {
      const standard = await profile("standard");
      return standard.status?.deployments === 1 && standard;
    });
    await stop();
    start();
    await available("docker", "True");
    await sleep(2_500);
    expect((await profile("standard")).metadata.resourceVersion).toBe(counted.metadata.resourceVersion);
  });

  it("that ships with Slipway comes back, whatever somebody made of it", async () => {
    await installed();
    await patchProfile("standard", { network: { egressAllowed: false, allowedHosts: null }, runAsNonRoot: true });
    await poll("it is put right", equalsShipped);
    // What another manager adds, an apply of ours would not take away.
    await patchProfile("unrestricted", { filesystem: { allowedMounts: ["/data"] } });
    await poll("it is put right", equalsShipped);
    await client.delete(guardrailProfiles, { namespace: "", name: "airgapped" });
    await installed();
    expect(await equalsShipped()).toBe(true);
  });

  it("is waited for by what was applied before it, without a word of failure", async () => {
    await stop();
    for (const { metadata } of (await client.list(guardrailProfiles)).items)
      await client.delete(guardrailProfiles, { namespace: "", name: metadata.name });
    await label("standard");
    await createDeployment("files");
    start();
    const connected = await phase("files", "Connected");
    expect(connected.status?.guardrails).toMatchObject({ profile: "standard", bounds: ["namespace team-a: standard"] });
    await stop();
    const told = (await client.list(events, { namespace: NAMESPACE })).items;
    expect(told.filter(({ type }) => type === "Warning")).toEqual([]);
  });

  it("rolls its deployments when it changes, and says where it holds no more", async () => {
    await createProfile("own");
    await createDeployment("files", { guardrails: { profile: "own" } });
    const before = await phase("files", "Connected");
    await patchProfile("own", { network: { egressAllowed: true, allowedHosts: ["api.example"] } });
    await poll(
      "the workload is another",
      async () => (await deployment("files")).status?.workload?.id !== before.status?.workload?.id,
    );
    await phase("files", "Connected");
    await poll("the reason is told", async () =>
      (await client.list(events, { namespace: NAMESPACE })).items.some(
        ({ reason, note }) => reason === "GuardrailsChanged" && note.includes("network.allowedHosts"),
      ),
    );
    engine.guardrails = guardrailCapabilities({
      "network.allowedNames": { enforcement: "NotEnforced", reason: "no nf_tables" },
    });
    // Another backend of the same Engine is asked at once.
    await createBackend("other", {});
    const told = await poll("it is told of the other", async () =>
      (await profile("own")).status?.backends?.find(({ name }) => name === "other"),
    );
    expect(told.compatible).toBe(false);
    expect((await profile("own")).status?.backends?.map(({ name }) => name)).toEqual(["docker", "other"]);
  });

  it("ends what is wider when it comes to bound it", async () => {
    await createDeployment("files", { guardrails: { profile: "unrestricted" } });
    await phase("files", "Connected");
    await label("standard");
    await poll("nothing runs", async () => engine.containers.size === 0);
    const refused = await phase("files", "Error");
    expect(getCondition(refused.status?.conditions, "Stalled")?.reason).toBe("GuardrailsTooWide");
    await label(null);
    await phase("files", "Connected");
  });

  it("that a backend names as its bound is missed there until it is made", async () => {
    await createBackend("other", { guardrailsBound: "own" });
    await createDeployment("files", { backend: "other" });
    const stalled = () => async () => getCondition((await backend("other")).status?.conditions, "Stalled");
    const found = await poll("the backend tells", stalled());
    expect(found).toMatchObject({ reason: "GuardrailProfileNotFound", message: expect.stringMatching(/"own"/) });
    const waiting = await phase("files", "Error");
    expect(getCondition(waiting.status?.conditions, "Ready")?.reason).toBe("GuardrailProfileNotFound");
    await createProfile("own");
    await poll("it is over", async () => (await stalled()()) === undefined);
    await poll("it is judged", async () => {
      const { status } = await deployment("files");
      return getCondition(status?.conditions, "Ready")?.reason === "GuardrailsTooWide";
    });
  });
});
