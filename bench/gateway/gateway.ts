import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { atLeast, median, type Row, within } from "../row.ts";
import type { LoadResult } from "./load.ts";

const CALLS = { one: 4_000, eight: 12_000 };
const LOAD_TIMEOUT_MS = 180_000;
/** A clock tick of /proc/PID/stat on Linux. */
const TICK_MS = 10;

/**
 * The gateway in front of a streamable-HTTP server beside the same server alone: client, gateway and server are processes of
 * their own, and the two ways take turns, so that a machine whose speed drifts favours neither. supergateway and mcp-proxy
 * are no peers here: they lead from stdio to HTTP, not from HTTP to HTTP.
 */
export async function gateway(runs: number): Promise<Row[]> {
  await using stack = new AsyncDisposableStack();
  const server = stack.use(await start("mcp-server.ts"));
  const front = stack.use(await start("gateway-process.ts", server.url));
  const one: Pair[] = [];
  const eight: Pair[] = [];
  const cpuMs: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    one.push(await inTurn(run, { direct: server.url, through: front.url, clients: 1, calls: CALLS.one }));
    const before = front.cpuMs();
    const pair = await inTurn(run, { direct: server.url, through: front.url, clients: 8, calls: CALLS.eight });
    cpuMs.push((front.cpuMs() - before) / pair.through.calls);
    eight.push(pair);
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
      cpuMsPerRequest: Math.round(median(cpuMs) * 1000) / 1000,
    },
  ];
}

interface Pair {
  readonly direct: LoadResult;
  readonly through: LoadResult;
}

interface Turn {
  readonly direct: string;
  readonly through: string;
  readonly clients: number;
  readonly calls: number;
}

/** Each way goes first in every other run. */
async function inTurn(run: number, { direct, through, clients, calls }: Turn): Promise<Pair> {
  if (run % 2 === 0) {
    const first = await load(direct, clients, calls);
    return { direct: first, through: await load(through, clients, calls) };
  }
  const first = await load(through, clients, calls);
  return { through: first, direct: await load(direct, clients, calls) };
}

async function load(url: string, clients: number, calls: number): Promise<LoadResult> {
  const args = [join(import.meta.dirname, "load.ts"), url, String(clients), String(calls)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: LOAD_TIMEOUT_MS });
  return JSON.parse(stdout) as LoadResult;
}

interface Program extends AsyncDisposable {
  readonly url: string;
  /** User and system time so far. */
  cpuMs(): number;
}

/** Runs a file of this folder, which prints the URL that it serves. */
async function start(file: string, ...args: string[]): Promise<Program> {
  const child: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (child.stdout === null) throw new Error(`${file}: no output`);
  const [url] = (await once(createInterface(child.stdout), "line")) as [string];
  return {
    url,
    cpuMs() {
      const [, user = 0, system = 0] =
        /\) (?:\S+ ){11}(\d+) (\d+)/.exec(readFileSync(`/proc/${child.pid}/stat`, "utf8")) ?? [];
      return (Number(user) + Number(system)) * TICK_MS;
    },
    async [Symbol.asyncDispose]() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
