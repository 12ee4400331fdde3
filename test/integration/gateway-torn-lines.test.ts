import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { Worker } from "node:worker_threads";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { WorkloadStreams } from "../../src/backends/process/streams/workload-streams.ts";
import { openStream } from "../../src/gateway/streams/open-stream.ts";
import { type StreamServer, startStreamServer } from "../../src/gateway/streams/stream-server.ts";
import { eventually } from "../support/eventually.ts";
import { exchange } from "../support/line-exchange.ts";
import { PROGRAMS } from "../support/mcp/stdio-processes.ts";
import { node } from "../support/process-scripts.ts";
import { ProcessWorld } from "../support/process-world.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** Who has the pipes of a process leaves within a line: the next one's lines stand for themselves nonetheless. */
const SOON_MS = 4_000;
const TARGET = { backend: "local", id: "one", own: false };
const soon = () => AbortSignal.timeout(SOON_MS);

/** Answers every line with the lines that it could not read so far, by their length. */
const STRICT = `
  const unread = [];
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    try {
      const { id } = JSON.parse(line);
      console.log(JSON.stringify({ jsonrpc: '2.0', id, result: { unread } }));
    } catch { unread.push(line.length); }
  });`;
const LONG = 1024 * 1024;
const ping = (id: number, filler = "") => JSON.stringify({ jsonrpc: "2.0", id, method: "ping", params: { filler } });

let folder: string;
let socketPath: string;
let world: ProcessWorld;
let server: StreamServer;

beforeEach(async () => {
  world = await ProcessWorld.open();
  folder = await mkdtemp(join(tmpdir(), "slipway-torn-"));
  socketPath = join(folder, "streams.sock");
  const attached = new WorkloadStreams(() => undefined);
  const streams = {
    canOpenOwn: () => true,
    open: ({ id }: { id: string }) => attached.attach(world.supervisor, id),
  };
  server = await startStreamServer({ socketPath, streams, logger: recordingLogger().logger });
});
afterEach(async () => {
  await server.close();
  await world[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

const open = () => openStream(socketPath, TARGET, soon());

async function start(argv: readonly string[]): Promise<(signal: "SIGSTOP" | "SIGCONT") => Promise<void>> {
  await world.started(argv, { streams: "lines" });
  return async (signal) => {
    for (const pid of await world.left()) process.kill(pid, signal);
  };
}

async function closed(stream: Duplex): Promise<void> {
  const over = once(stream, "close");
  stream.destroy();
  await over;
}

/** Ways to leave in the middle of a line that the process does not read just now. */
const WAYS = [
  {
    because: "it is given back",
    async leave(line: string) {
      const stream = await open();
      stream.write(line);
      await closed(stream);
    },
  },
  {
    because: "its thread is killed",
    async leave(line: string) {
      const program = new URL("../support/programs/leaves-in-mid-line.ts", import.meta.url);
      const options = { workerData: { socketPath, target: TARGET, line }, trackUnmanagedFds: false };
      const thread = new Worker(program, options);
      await once(thread, "message");
      await thread.terminate();
    },
  },
];

describe.each(WAYS)("a line that is broken off, since $because,", ({ leave }) => {
  it("costs the next holder nothing", async () => {
    const signal = await start(node(STRICT));
    await signal("SIGSTOP");
    await leave(`${ping(1, "x".repeat(LONG))}\n`);
    const next = await open();
    await signal("SIGCONT");
    const answer = JSON.parse(await exchange(next, ping(2), soon()));
    // What of the line was in the pipe, and no line more.
    expect(answer).toEqual({ jsonrpc: "2.0", id: 2, result: { unread: [expect.any(Number)] } });
    expect(JSON.parse(await exchange(next, ping(3), soon())).result.unread).toHaveLength(1);
    await closed(next);
  });

  it("is not taken for ended by one who wrote nothing", async () => {
    const signal = await start(node(STRICT));
    await signal("SIGSTOP");
    await leave(`${ping(1, "x".repeat(LONG))}\n`);
    await closed(await open());
    const next = await open();
    await signal("SIGCONT");
    expect(JSON.parse(await exchange(next, ping(2), soon())).result.unread).toHaveLength(1);
    await closed(next);
  });
});

it.each([
  { because: "each was read", line: ping(1) },
  { because: "each was longer than a pipe", line: ping(1, "x".repeat(LONG)) },
])("no line is written that nobody sent, where all that went before are whole: $because", async ({ line }) => {
  await start(node(STRICT));
  for (const _turn of [1, 2, 3]) {
    const stream = await open();
    expect(JSON.parse(await exchange(stream, line, soon())).result.unread).toEqual([]);
    await closed(stream);
  }
});

it("a line that the process has not begun is no part of what it reads", async () => {
  const signal = await start(node(STRICT));
  await signal("SIGSTOP");
  const first = await open();
  // Short ones go at once or not at all: the pipe takes 64 KiB.
  for (let n = 0; n < 40; n += 1) first.write(`${ping(n, "x".repeat(3_000))}\n`);
  await closed(first);
  const next = await open();
  next.write(`${ping(99)}\n`);
  await signal("SIGCONT");
  let said = "";
  next.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const last = await eventually("its answer", () => said.split("\n").find((line) => line.includes('"id":99')));
  expect(JSON.parse(last).result.unread).toEqual([]);
  await closed(next);
});

it("half a line of output that was read before is no part of the next holder's lines", async () => {
  // The first answer is longer than a pipe.
  const script = `${STRICT.replace("result: {", `result: { filler: id === 1 ? 'y'.repeat(${LONG}) : '',`)}`;
  await start(node(script));
  const first = await open();
  first.write(`${ping(1)}\n`);
  await once(first, "data");
  await closed(first);
  const next = await open();
  next.write(`${ping(2)}\n`);
  let said = "";
  next.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const line = await eventually("its answer", () => said.split("\n").find((each) => each.includes('"id":2')));
  expect(JSON.parse(line)).toMatchObject({ id: 2 });
  await closed(next);
});

describe.each(["everything", "modern"])("a server of the SDK, %s,", (program) => {
  const greeting = (id: number) =>
    JSON.stringify({
      ...{ jsonrpc: "2.0", id, method: "initialize" },
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } },
    });

  it.each(WAYS)(
    "answers the next holder at once: $because",
    async ({ leave }) => {
      const signal = await start([process.execPath, ...(PROGRAMS[program] ?? [])]);
      const first = await open();
      expect(JSON.parse(await exchange(first, greeting(1), AbortSignal.timeout(30_000)))).toMatchObject({ id: 1 });
      await closed(first);
      await signal("SIGSTOP");
      await leave(`${ping(2, "x".repeat(LONG))}\n`);
      await signal("SIGCONT");
      const next = await open();
      expect(JSON.parse(await exchange(next, ping(3), soon()))).toEqual({ jsonrpc: "2.0", id: 3, result: {} });
      await closed(next);
    },
    40_000,
  );
});
