import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { converge } from "../../bench/scale/converge.ts";
import { cut } from "../../bench/scale/cut.ts";
import { fairness } from "../../bench/scale/fairness.ts";
import { gone } from "../../bench/scale/gone.ts";
import type { ScaleRow } from "../../bench/scale/row.ts";
import { settled } from "../../bench/scale/settled.ts";
import { startUp } from "../../bench/scale/start-up.ts";
import { SimulatedCluster } from "../support/simulated/cluster.ts";
import type { ControllerProcess } from "../support/simulated/controller-process.ts";

jest.setTimeout(240_000);

/** `make scale` in short: what can be counted, since times and CPU say little on a machine that does other things, too. */
const OBJECTS = 120;
/** A lease that outlasts the restart of the API server on a busy machine. */
const LEASE = "--lease-seconds=300";
const FLAGS = ["--kube-api-qps=10000", "--kube-api-burst=10000", "--gateway-url=http://gateway.example.com", LEASE];

let cluster: SimulatedCluster;
let controller: ControllerProcess;

beforeAll(async () => {
  cluster = await SimulatedCluster.start();
  controller = await cluster.startController({ flags: FLAGS });
});

afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const figure = (rows: readonly ScaleRow[], name: string) => rows.find(({ scale }) => scale === name)?.value;

describe(`a controller with ${OBJECTS} deployments`, () => {
  it("brings them up with few writes and few reconciles, and makes each once", async () => {
    const { rows } = await converge(cluster, controller, { to: OBJECTS });
    const { writesEach = 0, reconcilesEach = 0 } = rows[0]?.beside ?? {};
    // A finalizer and two statuses; events may still be on their way.
    expect(writesEach).toBeGreaterThan(2);
    expect(writesEach).toBeLessThan(7);
    expect(reconcilesEach).toBeLessThan(8);
    expect(cluster.place.created).toBe(OBJECTS);
  });

  it("writes nothing when all is as it should be", async () => {
    const rows = await settled(cluster, controller, { objects: OBJECTS, seconds: 3, after: "converging" });
    expect(figure(rows, "settled after converging: API writes")).toBe(0);
  });

  it("starts where everything runs already without a write, and makes nothing again", async () => {
    await controller.end();
    const started = await startUp(cluster, { flags: FLAGS }, OBJECTS);
    controller = started.controller;
    expect(figure(started.rows, "start-up: API writes")).toBe(0);
    expect(cluster.place.created).toBe(OBJECTS);
  });

  it("serves one namespace while another is edited without a pause", async () => {
    const rows = await fairness(cluster, controller, OBJECTS);
    const storm = rows.find(({ beside }) => beside !== undefined)?.beside ?? {};
    expect(storm.edits).toBeGreaterThan(0);
    // Three turns of its own at most beside those under way and one of the only other namespace that has work, each time.
    expect(storm.reconcilesMeanwhile).toBeLessThan(2 * OBJECTS);
  });

  it("resumes all its watches where they were cut, and lists nothing anew", async () => {
    const rows = await cut(cluster, controller, OBJECTS);
    expect(figure(rows, "all watches cut: lists anew")).toBe(0);
    expect(rows[0]?.beside?.writes).toBe(0);
  });

  it("lists each kind anew once, and writes nothing, when no watch can be resumed", async () => {
    await controller.end();
    const rows = await gone(cluster, { flags: FLAGS }, OBJECTS);
    expect(figure(rows, "all watches gone (410): lists anew")).toBe(9);
    expect(figure(rows, "all watches gone (410): API writes")).toBe(0);
    expect(rows.filter(({ met }) => met === false)).toEqual([]);
  });
});
