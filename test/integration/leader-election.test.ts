import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { type Lease, leases, type Namespace, namespaces } from "../../src/api/core.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { LeaderElection, type LeaderElectionOptions, type LeaseTimes } from "../../src/machinery/leader-election.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";
import { Kubectl } from "../support/kubectl.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** As short as a busy machine allows. */
const TIMES: LeaseTimes = { leaseMs: 3_000, renewDeadlineMs: 2_000, retryMs: 200 };
const NAMESPACE = "slipway-system";

let api: TestApiServer;
let client: DisposableKubeClient;
let key: { namespace: string; name: string };
let count = 0;

beforeAll(async () => {
  api = await startTestApiServer();
  client = await createKubeClient({ kubeconfigPath: api.kubeconfig });
  const object = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } };
  await client.create<Namespace>(namespaces, object).catch(() => undefined);
});

afterAll(async () => {
  client[Symbol.dispose]();
  await api.close();
});

beforeEach(() => {
  count += 1;
  key = { namespace: NAMESPACE, name: `lease-${count}` };
});

interface Candidate {
  readonly election: LeaderElection;
  end(): Promise<unknown>;
}

function candidate(identity: string, more: Partial<LeaderElectionOptions> = {}): Candidate {
  const { logger } = recordingLogger();
  const options = { client, clock: systemClock, logger, lease: key, identity, times: TIMES };
  const election = new LeaderElection({ ...options, ...more });
  const stop = new AbortController();
  const ended = election.run(stop.signal).catch((error: unknown) => error);
  return {
    election,
    end() {
      stop.abort();
      return ended;
    },
  };
}

function leaders(all: readonly Candidate[]): readonly Candidate[] {
  return all.filter(({ election }) => election.isReady());
}

async function leaderOf(all: readonly Candidate[]): Promise<Candidate> {
  return await eventually("one leads", () => leaders(all)[0], { everyMs: 10 });
}

/** A user with the rights of the controller in its own namespace, as they are installed. */
async function controllerClient(): Promise<DisposableKubeClient> {
  const manifest = await readFile(new URL("../../manifests/rbac/controller.yaml", import.meta.url), "utf8");
  const role = parseAllDocuments(manifest)
    .map((document) => document.toJS() as { kind: string; metadata: { name: string } })
    .find(({ kind }) => kind === "Role");
  if (!role) throw new Error("the manifest has no Role");
  const kubeconfigPath = await api.addUser("controller");
  const binding = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: "controller", namespace: NAMESPACE },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: role.metadata.name },
    subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: "controller" }],
  };
  await new Kubectl(api.kubeconfig).apply(role, binding);
  return await createKubeClient({ kubeconfigPath });
}

describe("a lease at an API server", () => {
  it("has one holder at a time, until each of eight has had it", async () => {
    const all = Array.from({ length: 8 }, (_, at) => candidate(`candidate-${at}`));
    let waiting: readonly Candidate[] = all;
    const terms: string[] = [];
    while (waiting.length > 0) {
      const leader = await leaderOf(waiting);
      expect(leaders(all)).toEqual([leader]);
      const { spec } = await client.get(leases, key);
      expect(spec).toMatchObject({ leaseDurationSeconds: 3, leaseTransitions: terms.length });
      terms.push(spec?.holderIdentity ?? "");
      waiting = waiting.filter((each) => each !== leader);
      expect(await leader.end()).toBeUndefined();
    }
    expect(terms.sort()).toEqual(all.map((_, at) => `candidate-${at}`));
    expect((await client.get(leases, key)).spec).not.toHaveProperty("holderIdentity");
  });

  it("stays with its holder though somebody annotates it", async () => {
    const holder = candidate("holder");
    await leaderOf([holder]);
    const rival = candidate("rival");
    for (let times = 0; times < 8; times += 1) {
      const body = { metadata: { annotations: { note: String(times) } } };
      await client.patch<Lease>(leases, key, { type: "merge", body });
      await sleep(300);
      expect(holder.election.isReady()).toBe(true);
    }
    expect(await rival.end()).toBeUndefined();
    expect(await holder.end()).toBeUndefined();
    expect((await client.get(leases, key)).metadata.annotations).toEqual({ note: "7" });
  });

  it("is lost when it is deleted, and when another is written into it", async () => {
    const first = candidate("first");
    await leaderOf([first]);
    await client.delete(leases, key);
    await eventually("it has lost", () => first.election.lost.aborted, {
      everyMs: 10,
      timeoutMs: TIMES.renewDeadlineMs,
    });
    expect(await first.end()).toMatchObject({ message: "the lease was deleted" });
    const second = candidate("second");
    await leaderOf([second]);
    const body = { spec: { holderIdentity: "by-hand", leaseTransitions: 7 } };
    await client.patch<Lease>(leases, key, { type: "merge", body });
    await eventually("it has lost", () => second.election.lost.aborted, {
      everyMs: 10,
      timeoutMs: TIMES.renewDeadlineMs,
    });
    expect(await second.end()).toMatchObject({ message: "by-hand has the lease" });
  });

  it("is watched with the rights of the controller, and taken when it is over, counted from its last renewal", async () => {
    using own = await controllerClient();
    key = { namespace: NAMESPACE, name: "slipway-controller" };
    const { logger, lines } = recordingLogger();
    const metadata = { ...key, annotations: { "slipway.dev/gateway-address": "10.0.0.1:7080" } };
    const spec = { holderIdentity: "gone", leaseDurationSeconds: 3, leaseTransitions: 0 };
    await client.create<Lease>(leases, { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec });
    // It would not look for as long as this lasts.
    const times = { ...TIMES, retryMs: 60_000 };
    const follower = candidate("follower", { client: own, logger, times });
    await eventually("it follows", () => follower.election.leader.identity === "gone", { everyMs: 5 });
    await sleep(1_000);
    const body = { spec: { renewTime: "2026-01-01T00:00:00.000000Z" } };
    const renewedMs = performance.now();
    await client.patch<Lease>(leases, key, { type: "merge", body });
    await eventually("it leads", () => follower.election.isReady(), { everyMs: 5 });
    const tookMs = performance.now() - renewedMs;
    expect(tookMs).toBeGreaterThanOrEqual(TIMES.leaseMs);
    expect(tookMs).toBeLessThan(TIMES.leaseMs + 2_000);
    expect(lines.filter(({ level }) => level === "warn")).toEqual([]);
    expect(await follower.end()).toBeUndefined();
  });
});
