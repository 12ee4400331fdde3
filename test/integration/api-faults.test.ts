import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { type RuntimeDeployment, runtimeDeployments } from "../../src/api/v1alpha1/index.ts";
import { eventually } from "../support/eventually.ts";
import { NO_FAULTS } from "../support/faulty-api/faults.ts";
import { FaultyApi } from "../support/faulty-api/faulty-api.ts";
import { SimulatedCluster } from "../support/simulated/cluster.ts";
import type { ControllerProcess } from "../support/simulated/controller-process.ts";

/** Deployments that each test adds. */
const MORE = process.env.SLIPWAY_SOAK ? 200 : 8;
const PATIENCE = { timeoutMs: 100_000, everyMs: 250 };
const REQUESTS = "slipway_rest_client_requests_total";

let cluster: SimulatedCluster;
let api: FaultyApi;
let controller: ControllerProcess;
/** Deployments that there are. */
let count = 0;

beforeAll(async () => {
  cluster = await SimulatedCluster.start();
  api = await FaultyApi.start(cluster.kubeconfig);
  controller = await cluster.startController({ kubeconfig: api.kubeconfig });
}, 120_000);

/** One whose watches were not cut before: after many cuts it waits up to half a minute, and takes ten seconds of health to forget. */
async function renewController(options: { readonly shiftedByMs?: number } = {}): Promise<void> {
  await controller.end();
  controller = await cluster.startController({ kubeconfig: api.kubeconfig, ...options });
  await eventually("all watches are open", () => api.openWatches > 5, PATIENCE);
}

/** Spares the wait for what earlier faults left. In `make soak` one controller goes through all of them. */
async function forgetEarlierFaults(): Promise<void> {
  if (!process.env.SLIPWAY_SOAK) await renewController();
}

afterEach(() => {
  Object.assign(api.faults, NO_FAULTS);
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
  await api[Symbol.asyncDispose]();
}, 60_000);

function createMore(): Promise<void> {
  count += MORE;
  return cluster.createDeployments(count - MORE, count);
}

/** All deployments so far serve, and each has one workload, made once; the controller has not ended. */
async function converged(phase = "Connected"): Promise<void> {
  const look = async () => controller.ended === undefined && (await cluster.phases())[phase] === count;
  const explain = async () => `${JSON.stringify(await cluster.phases())}\n${controller.said.slice(-2_000)}`;
  await eventually(`${count} deployments are ${phase}`, look, { ...PATIENCE, explain });
  expect(cluster.place.created).toBe(count);
  expect(controller.ended).toBeUndefined();
}

/** Nothing is written any more, events neither, which follow what they tell of. */
async function settled(): Promise<void> {
  let before = await cluster.writes();
  const look = async () => {
    await sleep(2_000);
    const now = await cluster.writes();
    const isQuiet = now === before;
    before = now;
    return isQuiet;
  };
  await eventually("nothing is written for two seconds", look, PATIENCE);
}

/** How much a metric of the controller has grown since. */
async function growth(name: string, labels: Readonly<Record<string, string>> = {}): Promise<() => Promise<number>> {
  const before = await controller.metric(name, labels);
  return async () => (await controller.metric(name, labels)) - before;
}

async function wish(desiredState: "Running" | "Stopped"): Promise<void> {
  const { items } = await cluster.client.list<RuntimeDeployment>(runtimeDeployments);
  for (const { metadata } of items) {
    const key = { namespace: metadata.namespace ?? "", name: metadata.name };
    await cluster.client.patch(runtimeDeployments, key, { type: "merge", body: { spec: { desiredState } } });
  }
}

describe("a controller converges, and its metrics tell the story,", () => {
  it("while its watches are cut again and again", async () => {
    await eventually("all watches are open", () => api.openWatches > 5, PATIENCE);
    const ended = await growth("slipway_informer_watch_ends_total");
    const created = createMore();
    let cut = 0;
    for (let round = 0; round < 6; round += 1) {
      cut += api.cutWatches();
      await sleep(400);
    }
    await created;
    await converged();
    expect(cut).toBeGreaterThan(10);
    expect(await ended()).toBeGreaterThanOrEqual(cut);
  }, 120_000);

  it("when the versions that its watches go on from are too old", async () => {
    const listed = await growth("slipway_informer_lists_total");
    api.faults.goneWatches = 10;
    api.cutWatches();
    await createMore();
    await converged();
    await eventually("all of these were used up", () => api.faults.goneWatches === 0, PATIENCE);
    expect(await listed()).toBeGreaterThan(0);
  }, 120_000);

  it.each([
    { code: 429, retryAfterSeconds: 1 },
    { code: 503, retryAfterSeconds: 1 },
    { code: 503, retryAfterSeconds: undefined },
    { code: 500, retryAfterSeconds: undefined },
  ] as const)(
    "in bursts of $code, Retry-After $retryAfterSeconds",
    async ({ code, retryAfterSeconds }) => {
      await forgetEarlierFaults();
      const refused = await growth(REQUESTS, { code: String(code) });
      const created = createMore();
      for (let burst = 0; burst < 3; burst += 1) {
        api.faults.refuse = { code, retryAfterSeconds };
        api.cutWatches();
        await sleep(400);
        api.faults.refuse = undefined;
        await sleep(400);
      }
      await created;
      await converged();
      expect(await refused()).toBeGreaterThan(0);
    },
    120_000,
  );

  it("when lists take long", async () => {
    await forgetEarlierFaults();
    const [lists, took] = [
      await growth("slipway_informer_list_duration_seconds_count"),
      await growth("slipway_informer_list_duration_seconds_sum"),
    ];
    Object.assign(api.faults, { listDelayMs: 1_500, goneWatches: 8 });
    api.cutWatches();
    await createMore();
    await converged();
    // What serves deployments may have resumed before the first list of another kind was through.
    await eventually("a list took long", async () => (await lists()) > 0 && (await took()) > 1, PATIENCE);
  }, 120_000);

  it("when every tenth write conflicts", async () => {
    const conflicts = await growth(REQUESTS, { code: "409" });
    api.faults.conflictEvery = 10;
    await createMore();
    await converged();
    await wish("Stopped");
    await converged("Stopped");
    await wish("Running");
    await converged();
    expect(await conflicts()).toBeGreaterThan(MORE / 10);
  }, 240_000);

  it("when the answers to every tenth write are lost", async () => {
    const lost = await growth(REQUESTS, { code: "none" });
    api.faults.loseAnswerEvery = 10;
    await createMore();
    await converged();
    expect(await lost()).toBeGreaterThan(MORE / 10);
  }, 120_000);

  it("when its token is replaced again and again", async () => {
    const refused = await growth(REQUESTS, { code: "401" });
    const created = createMore();
    for (let round = 0; round < 4; round += 1) {
      await api.rotateToken();
      await sleep(400);
    }
    await created;
    await converged();
    expect(await refused()).toBeGreaterThan(0);
  }, 120_000);

  it("after the API server has shown a certificate that had ended, to which it told nothing", async () => {
    const unanswered = await growth(REQUESTS, { code: "none" });
    await api.present("expired");
    const passed = api.passed;
    await createMore();
    await eventually("it has tried", async () => (await unanswered()) > 3, PATIENCE);
    expect(api.passed).toBe(passed);
    await api.present("valid");
    await converged();
  }, 120_000);

  it("and writes nothing once the faults are over", async () => {
    Object.assign(api.faults, { conflictEvery: 7, loseAnswerEvery: 11 });
    await createMore();
    await converged();
    Object.assign(api.faults, NO_FAULTS);
    await settled();
  }, 120_000);
});

describe.each([{ hours: 2 }, { hours: -2 }])("a controller whose clock is $hours hours off", ({ hours }) => {
  beforeEach(() => renewController({ shiftedByMs: hours * 3_600_000 }), 120_000);

  it("converges and then writes nothing", async () => {
    await createMore();
    await converged();
    await settled();
  }, 120_000);
});
