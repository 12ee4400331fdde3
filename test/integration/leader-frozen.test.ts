import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { engineAddress, engineClient } from "../../scripts/engine/engine-address.ts";
import { leases, namespaces, type Secret, secrets } from "../../src/api/core.ts";
import type { NewObject } from "../../src/api/meta.ts";
import {
  type RuntimeBackend,
  type RuntimeDeployment,
  runtimeBackends,
  runtimeDeployments,
} from "../../src/api/v1alpha1/index.ts";
import { CallRecorder } from "../support/call-recorder.ts";
import { PlainClient } from "../support/code-engine/plain-client.ts";
import { CodeEngineWorld } from "../support/code-engine-under-test.ts";
import { eventually } from "../support/eventually.ts";
import { FaultyApi } from "../support/faulty-api/faulty-api.ts";
import { BUSYBOX_IMAGE, ensureBusyboxImage } from "../support/images.ts";
import { SimulatedCluster } from "../support/simulated/cluster.ts";
import type { ControllerProcess } from "../support/simulated/controller-process.ts";

/** The default: two thirds of it are enough for a renewal on a machine that is busy with other tests. */
const LEASE_SECONDS = 15;
/** Longer than the lease: by then the other has taken it, and has done the work. */
const FROZEN_MS = process.env.SLIPWAY_SOAK ? 60_000 : 20_000;
const flags = ["--lease-seconds", String(LEASE_SECONDS)];
const program = fileURLToPath(new URL("../support/built-in-controller.ts", import.meta.url));
const PLACES = ["docker", "ibm"] as const;
const PER_PLACE = 6;

jest.setTimeout(300_000);

let cluster: SimulatedCluster;
let world: CodeEngineWorld;
/** Between the controllers and the two places. */
let engine: CallRecorder;
let cloud: CallRecorder;
/** Between the one that will freeze and the API server, and between the other and that. */
let api: FaultyApi;
let otherApi: FaultyApi;
let frozen: ControllerProcess;
let other: ControllerProcess;
let installation: string;

beforeAll(async () => {
  const pids = () => [frozen, other].flatMap((each) => (each?.ended === undefined && each ? [each.pid] : []));
  [cluster, world] = await Promise.all([SimulatedCluster.start(), CodeEngineWorld.start(), ensureBusyboxImage()]);
  engine = await CallRecorder.start({ path: engineAddress().slice("unix://".length) }, pids);
  cloud = await CallRecorder.start(portOf(world.emulator.apiUrl), pids);
  api = await FaultyApi.start(cluster.kubeconfig);
  otherApi = await FaultyApi.start(cluster.kubeconfig);
  installation = (await cluster.client.get(namespaces, { namespace: "", name: "kube-system" })).metadata.uid;
  await prepareBackends();
  frozen = await cluster.startController({ kubeconfig: api.kubeconfig, flags, program });
  await eventually("the first leads", () => /INFO {2}leads /.test(frozen.said));
  other = await cluster.startController({ kubeconfig: otherApi.kubeconfig, flags, program });
  await eventually("the second follows", () => other.said.includes("another leads"));
}, 120_000);

afterAll(async () => {
  // What is stopped does not hear that it shall end.
  if (frozen?.ended === undefined) process.kill(frozen.pid, "SIGCONT");
  await cluster[Symbol.asyncDispose]();
  const docker = engineClient();
  for (const { Id } of await containers()) await docker.getContainer(Id).remove({ force: true, v: true });
  await Promise.all([engine, cloud, api, otherApi, world].map((each) => each[Symbol.asyncDispose]()));
}, 60_000);

function portOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

async function prepareBackends(): Promise<void> {
  const key = { name: "ibm", namespace: "slipway-system" };
  const data = { apiKey: Buffer.from(world.apiKey).toString("base64") };
  await cluster.client.create<Secret>(secrets, { apiVersion: "v1", kind: "Secret", metadata: key, data });
  const plain = world.spec();
  const codeEngine = { ...plain, endpoints: { ...plain.endpoints, api: `http://${cloud.address}/v2` } };
  const specs = {
    docker: { type: "docker", docker: { host: `tcp://${engine.address}` } },
    ibm: { type: "code-engine", codeEngine },
  };
  for (const name of PLACES) {
    const object = {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeBackend",
      metadata: { name },
      spec: specs[name],
    };
    await cluster.client.create<RuntimeBackend>(runtimeBackends, object as unknown as NewObject<RuntimeBackend>);
  }
}

async function deploy(): Promise<void> {
  for (let at = 0; at < PER_PLACE; at += 1) {
    for (const backend of PLACES) {
      const reference = backend === "docker" ? BUSYBOX_IMAGE : "registry.test/files:1";
      const spec = {
        source: { image: { reference, pullPolicy: backend === "docker" ? "Never" : undefined } },
        backend,
        guardrails: { profile: "unrestricted" },
        health: { probe: "tcp" },
      };
      const metadata = { name: `${backend}-${at}`, namespace: "default" };
      const object = { apiVersion: "slipway.dev/v1alpha1", kind: "RuntimeDeployment", metadata, spec };
      await cluster.client.create<RuntimeDeployment>(
        runtimeDeployments,
        object as unknown as NewObject<RuntimeDeployment>,
      );
    }
  }
}

async function containers() {
  const labels = [`slipway.dev/installation=${installation}`, "slipway.dev/role=workload"];
  return await engineClient().listContainers({ all: true, filters: { label: labels } });
}

async function apps(): Promise<readonly unknown[]> {
  const admin = new PlainClient(world.emulator.handlers, world.emulator.createApiKey());
  const { body } = await admin.get(`/projects/${world.project.id}/apps?limit=100`);
  return body.apps as unknown[];
}

async function serving(count: number): Promise<void> {
  const phases = async () => {
    const { items } = await cluster.client.list<RuntimeDeployment>(runtimeDeployments);
    return items.map(({ metadata: { name }, status }) => ({ name, phase: status?.phase }));
  };
  // Nobody here reaches what runs in a project: that is as far as those come.
  const look = async () => (await phases()).filter(({ phase = "" }) => /^(Connected|Running)$/.test(phase)).length;
  const explain = async () => JSON.stringify(await phases());
  await eventually("all serve", async () => (await look()) === count, { timeoutMs: 90_000, explain });
}

async function leads(controller: ControllerProcess, timeoutMs: number): Promise<void> {
  const look = async () => {
    const { spec } = await cluster.client.get(leases, { namespace: "slipway-system", name: "slipway-controller" });
    return controller.said.includes(`INFO  leads part=election identity=${spec?.holderIdentity}`);
  };
  await eventually("it leads", look, { timeoutMs, explain: () => controller.said.slice(-4_000) });
}

describe(`a leader that stands still for ${FROZEN_MS / 1_000} s`, () => {
  it("sends nothing to anybody when it goes on, and ends; what it had begun was finished by the other, once", async () => {
    const begun = new Set<CallRecorder>();
    const freeze = (recorder: CallRecorder, pattern: RegExp) => {
      recorder.onCall = ({ line, pid }) => {
        if (pid !== frozen.pid || !pattern.test(line)) return;
        begun.add(recorder);
        // Within a creation at each place, of which the answers wait for it.
        if (begun.size < 2) return;
        process.kill(frozen.pid, "SIGSTOP");
      };
    };
    freeze(engine, /^POST \S+\/containers\/create/);
    freeze(cloud, /^POST \S+\/apps\b/);
    await deploy();
    const explain = () => frozen.said.slice(-4_000);
    await eventually("it stands still", () => begun.size === 2, { timeoutMs: 90_000, everyMs: 10, explain });
    const atMs = performance.now();
    for (const each of [engine, cloud]) each.onCall = () => undefined;

    await leads(other, LEASE_SECONDS * 1_000 + 5_000);
    await sleep(FROZEN_MS - (performance.now() - atMs));

    const before = {
      api: api.written.length,
      engine: engine.of(frozen.pid).length,
      cloud: cloud.of(frozen.pid).length,
    };
    expect(before.api).toBeGreaterThan(0);
    expect(before.engine).toBeGreaterThan(0);
    expect(before.cloud).toBeGreaterThan(0);
    const { pid } = frozen;
    const goesOnMs = performance.now();
    process.kill(pid, "SIGCONT");
    await eventually("it has ended", () => frozen.ended !== undefined, { explain: () => frozen.said.slice(-4_000) });
    expect(performance.now() - goesOnMs).toBeLessThan(12_000);
    expect(frozen.ended).toBe(1);
    expect(frozen.said).toMatch(
      /leader election: the time to renew the lease is over|could not be renewed|has the lease/,
    );

    expect(api.written.slice(before.api)).toEqual([]);
    expect(engine.of(pid).slice(before.engine)).toEqual([]);
    expect(cloud.of(pid).slice(before.cloud)).toEqual([]);
    expect([...engine.calls, ...cloud.calls].filter((call) => call.pid === undefined)).toEqual([]);

    await serving(PLACES.length * PER_PLACE);
    const uids = (await containers()).map(({ Labels }) => Labels["slipway.dev/uid"]);
    expect(uids).toHaveLength(PER_PLACE);
    expect(new Set(uids).size).toBe(PER_PLACE);
    expect(await apps()).toHaveLength(PER_PLACE);
  });
});

describe("a leader that its API server refuses", () => {
  it("has ended before another can lead, though the places still answer", async () => {
    const third = await cluster.startController({ flags, program });
    await eventually("it follows", () => third.said.includes("another leads"));
    otherApi.faults.refuse = { code: 503 };
    const atMs = performance.now();
    await eventually("it has ended", () => other.ended !== undefined, { explain: () => other.said.slice(-4_000) });
    expect(other.ended).toBe(1);
    expect(other.said).toMatch(/leader election: .*could not be renewed|the time to renew/);
    const endedMs = performance.now() - atMs;
    expect(third.said).not.toContain("INFO  leads");
    await leads(third, LEASE_SECONDS * 1_000 + 5_000);
    // Two thirds of the lease, and what it takes to end.
    expect(endedMs).toBeLessThan(LEASE_SECONDS * 1_000);
  });
});
