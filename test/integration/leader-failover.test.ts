import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { type Lease, leases } from "../../src/api/core.ts";
import { eventually } from "../support/eventually.ts";
import { SimulatedCluster } from "../support/simulated/cluster.ts";
import type { ControllerProcess } from "../support/simulated/controller-process.ts";

const [KILLS, DEPLOYMENTS] = process.env.SLIPWAY_SOAK ? [20, 500] : [2, 40];
const LEASE_SECONDS = 10;
/** A lease lasts from when its last renewal was seen, which is as it happens. The rest is for the claim, and for seeing it here. */
const TAKEN_WITHIN_MS = LEASE_SECONDS * 1_000 + 500;
/** Every 2 s, on a machine that is not busy. */
const RENEWED_WITHIN_MS = 5_000;
const KEY = { namespace: "slipway-system", name: "slipway-controller" };

jest.setTimeout(process.env.SLIPWAY_SOAK ? 1_800_000 : 180_000);

let cluster: SimulatedCluster;
/** Workloads that were made for each deployment, by UID. */
const made = new Map<string, number>();
const running: ControllerProcess[] = [];

beforeAll(async () => {
  cluster = await SimulatedCluster.start();
  const { engine } = cluster.place;
  const add = engine.add.bind(engine);
  engine.add = (spec, ...rest) => {
    made.set(spec.owner.uid, (made.get(spec.owner.uid) ?? 0) + 1);
    return add(spec, ...rest);
  };
  running.push(await start(), await start());
});

afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

function start(): Promise<ControllerProcess> {
  return cluster.startController({ flags: ["--lease-seconds", String(LEASE_SECONDS)] });
}

async function lease(): Promise<Lease> {
  return await cluster.client.get(leases, KEY);
}

/** Which of these holds the lease; undefined: none. */
async function leaderOf(all: readonly ControllerProcess[]): Promise<ControllerProcess | undefined> {
  const { holderIdentity = "nobody" } = (await lease()).spec ?? {};
  return all.find(
    ({ said, ended }) => ended === undefined && said.includes(`INFO  leads part=election identity=${holderIdentity}`),
  );
}

function follows({ said }: ControllerProcess): boolean {
  return said.includes("another leads part=election");
}

function leading(all: readonly ControllerProcess[], timeoutMs = 60_000): Promise<ControllerProcess> {
  const explain = () => all.map(({ said }) => said.slice(-2_000)).join("\n----\n");
  return eventually("one of them leads", () => leaderOf(all), { timeoutMs, everyMs: 50, explain });
}

async function converged(count: number): Promise<void> {
  const look = async () => (await cluster.phases()).Connected === count;
  const explain = async () => JSON.stringify(await cluster.phases());
  await eventually(`${count} deployments serve`, look, { timeoutMs: 120_000, everyMs: 250, explain });
}

describe("of two controllers", () => {
  it(`one takes over within the lease whenever the other is killed, ${KILLS} times under load, and nothing is made twice`, async () => {
    const perKill = DEPLOYMENTS / KILLS;
    const tookMs: number[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      const leader = await leading(running);
      // One that has just begun cannot take what it has not seen.
      await eventually("the other follows", () => running.every((each) => each === leader || follows(each)));
      const before = made.size;
      const load = cluster.createDeployments(kill * perKill, (kill + 1) * perKill);
      // Within the work, at another point each time.
      await eventually("it has begun", () => made.size >= before + ((kill * 7) % perKill), { everyMs: 5 });
      const atMs = performance.now();
      await leader.end("SIGKILL");
      running.splice(running.indexOf(leader), 1);
      await leading(running, TAKEN_WITHIN_MS + 10_000);
      tookMs.push(Math.round(performance.now() - atMs));
      running.push(await start());
      await load;
    }
    console.info(`failovers of a lease of ${LEASE_SECONDS} s, in ms: ${tookMs.join(" ")}`);
    await converged(DEPLOYMENTS);
    expect(made.size).toBe(DEPLOYMENTS);
    expect([...made.values()].filter((times) => times !== 1)).toEqual([]);
    // Sooner than a lease may end it would be two that lead.
    expect(Math.min(...tookMs)).toBeGreaterThan(LEASE_SECONDS * 1_000 - RENEWED_WITHIN_MS);
    expect(Math.max(...tookMs)).toBeLessThan(TAKEN_WITHIN_MS);
    expect((await lease()).spec?.leaseTransitions).toBe(KILLS);
    for (const each of running) expect(each.ended).toBeUndefined();
  });

  it("one leads at once when the other is told to end, which first finishes what it has begun", async () => {
    const first = await leading(running);
    const [second] = running.filter((each) => each !== first);
    if (!second) throw new Error("there is one alone");
    expect(await (await fetch(`${second.metricsUrl}/readyz`)).text()).toBe("ok\n");
    const load = cluster.createDeployments(DEPLOYMENTS, DEPLOYMENTS + 20);
    await eventually("it has begun", () => made.size > DEPLOYMENTS + 3, { everyMs: 5 });
    await first.end("SIGTERM");
    expect(first.ended).toBe(0);
    const atMs = performance.now();
    await leading([second]);
    // It is told. The rest is for a busy machine.
    expect(performance.now() - atMs).toBeLessThan(2_000);
    await load;
    await converged(DEPLOYMENTS + 20);
    expect([...made.values()].filter((times) => times !== 1)).toEqual([]);
    await second.end("SIGTERM");
    expect(second.ended).toBe(0);
    expect((await lease()).spec).not.toHaveProperty("holderIdentity");
  });
});
