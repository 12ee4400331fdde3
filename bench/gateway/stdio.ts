import { atLeast, atMost, median, type Row } from "../row.ts";
import type { LoadResult } from "./load.ts";
import { type Load, load } from "./program.ts";
import { type Bridge, peerBridges, slipwayBridge } from "./stdio-bridges.ts";

const CALLS = { one: 2_000, eight: 6_000 };

/**
 * A stdio server behind Slipway's gateway, beside the same one behind bridges from npm, each client in a session of its own. They
 * take turns. The peer of a row is the better one of its runs' medians.
 */
export async function stdio(runs: number): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const bridges = [stack.use(await slipwayBridge()), ...(await peerBridges()).map((bridge) => stack.use(bridge))];
  const one = new Map<string, Measured[]>(bridges.map(({ name }) => [name, []]));
  const eight = new Map<string, Measured[]>(bridges.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    // Each is the first in its turn.
    const order = bridges.map((_, at) => bridges[(at + run) % bridges.length]).filter((bridge) => bridge !== undefined);
    for (const bridge of order) {
      one.get(bridge.name)?.push(await measured(bridge, { clients: 1, calls: CALLS.one, wire: "session" }));
      eight.get(bridge.name)?.push(await measured(bridge, { clients: 8, calls: CALLS.eight, wire: "session" }));
    }
  }
  const p50 = rowOf(one, ({ p50Ms }) => p50Ms, "least");
  const rate = rowOf(eight, ({ perSecond }) => perSecond, "most");
  return [
    { ...atMost(0.6, { bench: "stdio bridge, 1 client: p50", unit: "ms", ...p50 }), ...cpuOf(one, p50.peer) },
    {
      ...atLeast(1.5, { bench: "stdio bridge, 8 clients: calls", unit: "per second", ...rate }),
      ...cpuOf(eight, rate.peer),
    },
  ];
}

interface Measured extends LoadResult {
  /** Of the bridge, for each call. */
  readonly cpuMs: number;
}

async function measured(bridge: Bridge, how: Load): Promise<Measured> {
  const before = bridge.cpuMs();
  const result = await load(bridge.url, how);
  return { ...result, cpuMs: (bridge.cpuMs() - before) / result.calls };
}

function cpuOf(all: ReadonlyMap<string, readonly Measured[]>, peer: string) {
  const of = (name: string) => Math.round(median((all.get(name) ?? []).map(({ cpuMs }) => cpuMs)) * 1000) / 1000;
  return { cpuMsPerRequest: of("slipway"), peerCpuMsPerRequest: of(peer) };
}

function rowOf(
  all: ReadonlyMap<string, readonly LoadResult[]>,
  value: (one: LoadResult) => number,
  best: "least" | "most",
) {
  const found = [...all].map(([name, results]) => ({ name, runs: results.map(value) }));
  const slipway = found.find(({ name }) => name === "slipway");
  const sign = best === "least" ? 1 : -1;
  const [peer] = found.filter((each) => each !== slipway).sort((a, b) => sign * (median(a.runs) - median(b.runs)));
  if (slipway === undefined || peer === undefined) throw new Error("nothing was measured");
  return { slipwayRuns: slipway.runs, peer: peer.name, peerRuns: peer.runs };
}
