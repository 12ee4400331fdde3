import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { SlipwayProcess } from "../test/support/slipway-process.ts";
import type { ApiLoadResult, ApiPhase } from "./api-load.ts";
import { atLeast, atMost, median, type Row, told, within } from "./row.ts";
import type { WatchResult } from "./watch-load.ts";

const LOAD = join(import.meta.dirname, "api-load.ts");
const LOAD_TIMEOUT_MS = 180_000;

/**
 * kube-apiserver 1.36 with etcd on 2 cores, without fsync: the numbers of design.md section 6. They stand in where
 * KUBE_APISERVER_KUBECONFIG names no live one.
 */
const RECORDED: Peer = {
  name: "kube-apiserver + etcd, recorded",
  perSecond: { create: 727, "status patch": 687, "server-side apply": 666, get: 1_689 },
  listMs: 178,
};

type Peer = Pick<ApiLoadResult, "perSecond" | "listMs"> & { readonly name: string; readonly watch?: WatchResult };

interface SlipwayRun extends ApiLoadResult {
  readonly readyMs: number;
}

/** The embedded API server under 16 clients, each run on a new `slipway up` with an empty data directory. */
export async function apiServer(runs: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "slipway-bench-api-"));
  try {
    const crdFile = join(folder, "crd.json");
    writeFileSync(crdFile, JSON.stringify(benchmarkDefinition()));
    const slipway: SlipwayRun[] = [];
    const peer: Peer[] = [];
    for (let run = 0; run < runs; run += 1) {
      slipway.push(await runSlipway(crdFile));
      peer.push(await runPeer(crdFile));
    }
    return rows(slipway, peer);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function rows(slipway: readonly SlipwayRun[], peer: readonly Peer[]): Row[] {
  const peerName = peer[0]?.name ?? RECORDED.name;
  const phases = Object.keys(RECORDED.perSecond) as ApiPhase[];
  return [
    ...phases.map((phase) => ({
      ...atLeast(2, {
        bench: `API server, 16 clients: ${phase}`,
        unit: "per second",
        peer: peerName,
        slipwayRuns: slipway.map(({ perSecond }) => perSecond[phase]),
        peerRuns: peer.map(({ perSecond }) => perSecond[phase]),
      }),
      cpuMsPerRequest: Math.round(median(slipway.map(({ cpuMsPerRequest }) => cpuMsPerRequest[phase])) * 1000) / 1000,
    })),
    atMost(0.5, {
      bench: "API server: list of 2,000",
      unit: "ms",
      peer: peerName,
      slipwayRuns: slipway.map(({ listMs }) => listMs),
      peerRuns: peer.map(({ listMs }) => listMs),
    }),
    told({
      bench: "API server: 100 watchers, changes by 16 clients: events",
      unit: "per second",
      peer: peerName,
      slipwayRuns: slipway.map(({ watch }) => watch.eventsPerSecond),
      peerRuns: peer.flatMap(({ watch }) => watch?.eventsPerSecond ?? []),
    }),
    told({
      bench: "API server: a change until the last of 100 watchers has it",
      unit: "ms",
      peer: peerName,
      slipwayRuns: slipway.map(({ watch }) => watch.lastWatcherMs),
      peerRuns: peer.flatMap(({ watch }) => watch?.lastWatcherMs ?? []),
    }),
    within(200, {
      bench: "slipway up: resident memory after the load",
      unit: "MB",
      // Of the whole process: API server, controllers and gateway.
      slipwayRuns: slipway.map(({ residentMB }) => residentMB.requests),
    }),
    told({
      bench: "slipway up: resident memory after 100 watchers, too",
      unit: "MB",
      peer: peerName,
      slipwayRuns: slipway.map(({ residentMB }) => residentMB.watches),
      peerRuns: [],
    }),
    within(1_500, {
      bench: "slipway up: ready, empty data directory",
      unit: "ms",
      slipwayRuns: slipway.map(({ readyMs }) => readyMs),
    }),
  ];
}

async function runSlipway(crdFile: string): Promise<SlipwayRun> {
  const slipway = new SlipwayProcess();
  await using _ = slipway;
  const began = performance.now();
  await slipway.start();
  const readyMs = performance.now() - began;
  return { ...(await load(slipway.kubectl.kubeconfig, crdFile, slipway.pid)), readyMs };
}

async function runPeer(crdFile: string): Promise<Peer> {
  const kubeconfig = process.env.KUBE_APISERVER_KUBECONFIG;
  if (kubeconfig === undefined) return RECORDED;
  return { name: "kube-apiserver + etcd", ...(await load(kubeconfig, crdFile)) };
}

async function load(kubeconfig: string, crdFile: string, pid?: number): Promise<ApiLoadResult> {
  const args = [LOAD, kubeconfig, crdFile, ...(pid === undefined ? [] : [String(pid)])];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: LOAD_TIMEOUT_MS });
  return JSON.parse(stdout) as ApiLoadResult;
}

/** RuntimeDeployment under another name: the same schema, defaults and rules, but no controller that acts on it. */
function benchmarkDefinition(): unknown {
  const text = readFileSync(join(import.meta.dirname, "../crds/runtimedeployments.yaml"), "utf8");
  const definition = parse(text) as {
    metadata: { name: string };
    spec: { group: string; names: Record<string, unknown> };
  };
  const group = "bench.slipway.dev";
  const names = { plural: "benchmarks", singular: "benchmark", kind: "Benchmark", listKind: "BenchmarkList" };
  return {
    ...definition,
    metadata: { name: `${names.plural}.${group}` },
    spec: { ...definition.spec, group, names },
  };
}
