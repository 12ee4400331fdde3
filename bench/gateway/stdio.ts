import { atLeast, atMost, median, type Row } from "../row.ts";
import type { LoadResult } from "./load.ts";
import { load } from "./program.ts";
import { peerBridges, slipwayBridge } from "./stdio-bridges.ts";

const CALLS = { one: 2_000, eight: 6_000 };

/**
 * A stdio server behind Slipway's gateway, beside the same one behind bridges from npm, each client in a session of its own. They
 * take turns. The peer of a row is the better one of its runs' medians.
 */
export async function stdio(runs: number): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const bridges = [stack.use(await slipwayBridge()), ...(await peerBridges()).map((bridge) => stack.use(bridge))];
  const one = new Map<string, LoadResult[]>(bridges.map(({ name }) => [name, []]));
  const eight = new Map<string, LoadResult[]>(bridges.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run += 1) {
    // Each is the first in its turn.
    const order = bridges.map((_, at) => bridges[(at + run) % bridges.length]).filter((bridge) => bridge !== undefined);
    for (const { name, url } of order) {
      one.get(name)?.push(await load(url, { clients: 1, calls: CALLS.one, wire: "session" }));
      eight.get(name)?.push(await load(url, { clients: 8, calls: CALLS.eight, wire: "session" }));
    }
  }
  const p50 = rowOf(one, ({ p50Ms }) => p50Ms, "least");
  const rate = rowOf(eight, ({ perSecond }) => perSecond, "most");
  return [
    atMost(0.6, { bench: "stdio bridge, 1 client: p50", unit: "ms", ...p50 }),
    atLeast(1.5, { bench: "stdio bridge, 8 clients: calls", unit: "per second", ...rate }),
  ];
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
