import { atLeast, median, type Row, told, within } from "../row.ts";
import type { LoadResult } from "./load.ts";
import { type Load, load, start } from "./program.ts";

const CALLS = { one: 4_000, eight: 12_000 };

/**
 * The gateway in front of a streamable-HTTP server beside the same server alone: client, gateway and server are processes of
 * their own, and the two ways take turns, so that a machine whose speed drifts favours neither. supergateway and mcp-proxy
 * are no peers here: they lead from stdio to HTTP, not from HTTP to HTTP. What a proxy of Node can reach at all stands beside them.
 */
export async function gateway(runs: number): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await start("mcp-server.ts"));
  const front = stack.use(await start("gateway-process.ts", server.url));
  const bare = stack.use(await start("bare-proxy.ts", server.url));
  const one: Pair[] = [];
  const eight: Pair[] = [];
  const floor: number[] = [];
  const cpuMs: number[] = [];
  const floorCpuMs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    one.push(await inTurn(run, { direct: server.url, through: front.url, clients: 1, calls: CALLS.one, wire: "bare" }));
    const before = front.cpuMs();
    const pair = await inTurn(run, {
      direct: server.url,
      through: front.url,
      clients: 8,
      calls: CALLS.eight,
      wire: "bare",
    });
    cpuMs.push((front.cpuMs() - before) / pair.through.calls);
    eight.push(pair);
    const bareBefore = bare.cpuMs();
    const { perSecond, calls } = await load(bare.url, { clients: 8, calls: CALLS.eight, wire: "bare" });
    floor.push(perSecond);
    floorCpuMs.push((bare.cpuMs() - bareBefore) / calls);
  }
  return [
    within(0.5, {
      bench: "gateway, streamable HTTP, 1 client: p50 added",
      unit: "ms",
      slipwayRuns: one.map(({ direct, through }) => through.p50Ms - direct.p50Ms),
    }),
    {
      ...atLeast(0.95, {
        bench: "gateway, streamable HTTP, 8 clients: calls",
        unit: "per second",
        peer: "direct",
        slipwayRuns: eight.map(({ through }) => through.perSecond),
        peerRuns: eight.map(({ direct }) => direct.perSecond),
      }),
      cpuMsPerRequest: thousandth(median(cpuMs)),
    },
    {
      ...told({
        bench: "a proxy without anything a gateway has, 8 clients: calls",
        unit: "per second",
        peer: "direct",
        slipwayRuns: floor,
        peerRuns: eight.map(({ direct }) => direct.perSecond),
      }),
      cpuMsPerRequest: thousandth(median(floorCpuMs)),
    },
  ];
}

function thousandth(value: number): number {
  return Math.round(value * 1000) / 1000;
}

interface Pair {
  readonly direct: LoadResult;
  readonly through: LoadResult;
}

interface Turn extends Load {
  readonly direct: string;
  readonly through: string;
}

/** Each way goes first in every other run. */
async function inTurn(run: number, { direct, through, ...how }: Turn): Promise<Pair> {
  if (run % 2 === 0) {
    const first = await load(direct, how);
    return { direct: first, through: await load(through, how) };
  }
  const first = await load(through, how);
  return { through: first, direct: await load(direct, how) };
}
