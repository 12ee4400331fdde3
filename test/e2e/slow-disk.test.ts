import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Agent, request } from "undici";
import { parseKubeconfig } from "../../src/server/access/kubeconfig.ts";
import { FaultySystem, whyNoFaults } from "../support/faulty-system.ts";
import { SlipwayProcess } from "../support/slipway-process.ts";

const FSYNC_MS = 200;
const WRITERS = 16;
const MEASURE_MS = 4_000;
const reason = whyNoFaults();
if (reason !== undefined) console.warn(`a slow disk is not tested: ${reason}`);
const describeWithFaults = reason === undefined ? describe : describe.skip;

describeWithFaults("slipway up on a disk whose fsync takes 200 ms", () => {
  let system: FaultySystem;
  let slipway: SlipwayProcess;
  let agent: Agent;
  let token: string;

  beforeAll(async () => {
    system = new FaultySystem();
    slipway = await new SlipwayProcess({ env: system.env }).start();
    const { cluster, token: found = "" } = parseKubeconfig(readFileSync(slipway.kubectl.kubeconfig, "utf8"));
    token = found;
    const ca = Buffer.from(cluster?.["certificate-authority-data"] ?? "", "base64").toString("utf8");
    agent = new Agent({ connect: { ca }, connections: 64 });
  }, 120_000);

  afterAll(async () => {
    system.set({});
    await agent.destroy();
    await slipway[Symbol.asyncDispose]();
    system[Symbol.dispose]();
  });

  async function call(method: "GET" | "POST", url: string, body?: object) {
    const before = performance.now();
    const answer = await request(url, {
      ...{ method, dispatcher: agent },
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body && { body: JSON.stringify(body) }),
    });
    await answer.body.dump();
    return { status: answer.statusCode, tookMs: performance.now() - before };
  }

  it("answers through gateway, metrics and reads of the API as fast as ever, while writes wait", async () => {
    const { api, gateway, metrics } = slipway.endpoints;
    // The gateway asks the API who this is, and whether they may read logs, before it looks for the deployment.
    const log = `${gateway}/-/namespaces/default/runtimedeployments/none/log`;
    system.set({ fsyncMs: FSYNC_MS });
    let isOver = false;
    const writes: number[] = [];
    const writers = Array.from({ length: WRITERS }, async (_, writer) => {
      for (let at = 0; !isOver; at++) {
        const configMap = { metadata: { name: `w${writer}-${at}` } };
        const { status, tookMs } = await call("POST", `${api}/api/v1/namespaces/default/configmaps`, configMap);
        expect(status).toBe(201);
        writes.push(tookMs);
      }
    });
    const taken = { gateway: [] as number[], metrics: [] as number[], read: [] as number[] };
    const started = performance.now();
    while (performance.now() - started < MEASURE_MS) {
      const answers = {
        gateway: await call("GET", log),
        metrics: await call("GET", `${metrics}/readyz`),
        read: await call("GET", `${api}/api/v1/namespaces/default`),
      };
      expect([answers.gateway.status, answers.metrics.status, answers.read.status]).toEqual([404, 200, 200]);
      for (const [who, { tookMs }] of Object.entries(answers)) taken[who as keyof typeof taken].push(tookMs);
      await sleep(20);
    }
    isOver = true;
    await Promise.all(writers);
    system.set({});
    expect(Math.min(...writes)).toBeGreaterThan(FSYNC_MS * 0.9);
    // Alone, the disk would take five writes a second.
    expect(writes.length / (MEASURE_MS / 1000)).toBeGreaterThan(2 * (1000 / FSYNC_MS));
    const middle = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
    console.info({ gateway: middle(taken.gateway), metrics: middle(taken.metrics), read: middle(taken.read) });
    for (const values of Object.values(taken)) expect(middle(values)).toBeLessThan(FSYNC_MS / 2);
  }, 60_000);
});
