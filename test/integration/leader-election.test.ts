import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type Lease, leases, type Namespace, namespaces } from "../../src/api/core.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { createKubeClient, type DisposableKubeClient } from "../../src/machinery/http-kube-client.ts";
import { LeaderElection, type LeaseTimes } from "../../src/machinery/leader-election.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";
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

function candidate(identity: string): Candidate {
  const { logger } = recordingLogger();
  const election = new LeaderElection({ client, clock: systemClock, logger, lease: key, identity, times: TIMES });
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
});
