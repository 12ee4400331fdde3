import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { eventually } from "../../../test/support/eventually.ts";
import { recordingLogger } from "../../../test/support/recording-logger.ts";
import type { PipeBorrower, StdioStream } from "../../backends/stdio-stream.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { StdioStreams, StdioTarget } from "../stdio-streams.ts";
import { offersOwn, openStream } from "./open-stream.ts";
import { type StreamServer, startStreamServer } from "./stream-server.ts";

/** A process whose ends the test holds. */
interface Process {
  readonly target: StdioTarget;
  readonly input: PassThrough;
  readonly output: PassThrough;
  readonly stream: Duplex;
}

let folder: string;
let socketPath: string;
let server: StreamServer;
let processes: Process[];
let failure: Error | undefined;
let lend: StdioStream["lend"];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-streams-test-"));
  socketPath = join(folder, "streams.sock");
  processes = [];
  failure = undefined;
  lend = undefined;
  const streams: StdioStreams = {
    canOpenOwn: (backend) => backend === "docker",
    async open(target) {
      if (failure) throw failure;
      const [input, output] = [new PassThrough(), new PassThrough()];
      const stream = Duplex.from({ writable: input, readable: output });
      processes.push({ target, input, output, stream });
      return lend ? Object.assign(stream, { lend }) : stream;
    },
  };
  server = await startStreamServer({ socketPath, streams, logger: recordingLogger().logger });
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const soon = () => AbortSignal.timeout(5_000);
const TARGET: StdioTarget = { backend: "docker", id: "w", own: false };

async function opened(target = TARGET): Promise<{ stream: Duplex; process: Process }> {
  const stream = await openStream(socketPath, target, soon());
  stream.on("error", () => undefined);
  const process = processes.at(-1);
  if (process === undefined) throw new Error("no process was opened");
  return { stream, process };
}

async function textOf(stream: Duplex): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

describe("a stream from the main thread", () => {
  it.each([{ own: false }, { own: true }])("is that of the process that was asked for: own $own", async ({ own }) => {
    const { stream, process } = await opened({ ...TARGET, own });
    expect(process.target).toEqual({ kind: "stdio", ...TARGET, own });
    stream.write("to it");
    await eventually("it has come", () => process.input.readableLength > 0);
    expect(String(process.input.read())).toBe("to it");
    process.output.end("from it");
    expect(await textOf(stream)).toBe("from it");
    await eventually("nothing is open", () => server.size === 0);
  });

  it("has what the process says first", async () => {
    const { stream, process } = await opened();
    process.output.end("at once");
    expect(await textOf(stream)).toBe("at once");
  });

  it("ends with what the process had still said when it is gone", async () => {
    const { stream, process } = await opened();
    process.output.write("last words");
    await eventually("they are on their way", () => stream.readableLength > 0);
    process.stream.destroy();
    expect(await textOf(stream)).toBe("last words");
  });

  it.each([
    { because: "is destroyed", leave: (stream: Duplex) => void stream.destroy() },
    { because: "ends", leave: (stream: Duplex) => void stream.end() },
  ])("lets go of the process when that of the data path $because, and does not end its input", async ({ leave }) => {
    const { stream, process } = await opened();
    const ended = jest.fn();
    process.input.on("end", ended).resume();
    leave(stream);
    await eventually("nothing is open", () => process.stream.destroyed && server.size === 0);
    expect(ended).not.toHaveBeenCalled();
  });

  it.each([
    { because: "half a line", sent: 'a\n{"half', want: 'a\n{"half\n' },
    { because: "whole lines", sent: "a\nb\n", want: "a\nb\n" },
    { because: "nothing", sent: "", want: "" },
  ])("leaves the process at the end of a line when it ends: after $because", async ({ sent, want }) => {
    const { stream, process } = await opened();
    let read = "";
    process.input.on("data", (chunk: Buffer) => (read += chunk.toString()));
    stream.write(sent);
    await eventually("it has come", () => read === sent);
    stream.destroy();
    await eventually("it is let go", () => process.stream.destroyed);
    expect(read).toBe(want);
  });

  it("lets go of a process within a line, too, that takes nothing more", async () => {
    const { stream, process } = await opened();
    stream.write("x".repeat(4 * 1024 * 1024));
    await eventually("it is full", () => process.input.writableNeedDrain);
    stream.destroy();
    await eventually("it is let go", () => process.stream.destroyed && server.size === 0);
  });

  it("holds a bounded amount for who does not read", async () => {
    const { stream, process } = await opened();
    stream.pause();
    const chunk = Buffer.alloc(64 * 1024, 97);
    let written = 0;
    for (let quiet = 0; quiet < 10; ) {
      if (process.output.writableNeedDrain) {
        quiet += 1;
        await new Promise((resolve) => setTimeout(resolve, 10));
      } else {
        quiet = 0;
        process.output.write(chunk);
        written += chunk.length;
      }
    }
    expect(written).toBeLessThan(4 * 1024 * 1024);
    stream.destroy();
  });
});

describe("a stream whose pipes are lent", () => {
  const borrowers: PipeBorrower[] = [];
  let lent: Duplex;
  beforeEach(async () => {
    borrowers.length = 0;
    const pipes = { stdin: join(folder, "stdin"), stdout: join(folder, "stdout") };
    execFileSync("mkfifo", Object.values(pipes));
    lend = (borrower) => {
      borrowers.push(borrower);
      return { ...pipes, isTorn: false };
    };
    ends = await Promise.all([open(pipes.stdin, "r+"), open(pipes.stdout, "r+")]);
    lent = (await opened()).stream;
  });
  let ends: FileHandle[];
  afterEach(() => Promise.all(ends.map((end) => end.close())));
  const readInput = async () => String((await ends[0]?.read())?.buffer.toString("utf8")).replaceAll("\0", "");

  it("goes past the main thread, both ways", async () => {
    lent.write("to it");
    expect(await readInput()).toBe("to it");
    await ends[1]?.write("from it");
    expect(String(await once(lent, "data"))).toBe("from it");
    expect(processes.at(-1)?.stream.readableFlowing).toBeNull();
  });

  it.each([
    { because: "is destroyed", leave: (stream: Duplex) => void stream.destroy() },
    { because: "ends with the output", leave: (stream: Duplex) => void ends[1]?.close().then(() => stream.resume()) },
  ])("is given back when that of the data path $because", async ({ leave }) => {
    leave(lent);
    await eventually("it is given back", () => processes.at(-1)?.stream.destroyed && server.size === 0);
  });

  it("is closed by the data path before it is given back", async () => {
    lent.resume();
    await borrowers[0]?.giveBack();
    expect(lent.destroyed).toBe(true);
    expect(server.size).toBe(0);
  });

  it.each([
    { because: "it wrote nothing", sent: "", want: undefined },
    { because: "it wrote whole lines", sent: "a\nb\n", want: undefined },
    { because: "it wrote half a line", sent: "a\nb", want: true },
    { because: "it wrote the rest of that, too", sent: `a\n${"b".repeat(10_000)}\n`, want: false },
    { because: "nobody took all of what it wrote", sent: `${"b".repeat(100_000)}\n`, want: true },
  ])("is given back with whether its input is within a line: $because", async ({ sent, want }) => {
    if (sent !== "") lent.write(sent);
    if (sent.length <= 65_536) await eventually("it is written", () => lent.writableLength === 0);
    expect(await borrowers[0]?.giveBack()).toBe(want);
  });

  it("is taken from one who does not let go, and may be within a line then", async () => {
    const holder = connect({ path: socketPath, allowHalfOpen: true });
    holder.on("error", () => undefined).write(`${JSON.stringify({ kind: "stdio", ...TARGET })}\n`);
    await once(holder, "data");
    expect(await borrowers[1]?.giveBack()).toBe(true);
    holder.destroy();
  });

  it("has its input ended by the data path when that is to end, and is read on", async () => {
    lent.write("last");
    expect(await readInput()).toBe("last");
    borrowers[0]?.endInput();
    await eventually("no more is written", () => lent.writableFinished);
    await ends[1]?.write("answer");
    expect(String(await once(lent, "data"))).toBe("answer");
  });
});

describe("a stream that cannot be had", () => {
  it("is refused in the words of what runs the process", async () => {
    failure = new TransientError("WorkloadNotRunning", "the container does not run");
    const refused = openStream(socketPath, TARGET, soon());
    await expect(refused).rejects.toMatchObject({
      ...{ name: "StreamRefused", reason: "WorkloadNotRunning", message: "the container does not run" },
    });
    await eventually("nothing is open", () => server.size === 0);
  });

  it("is refused without the words of what went wrong otherwise", async () => {
    failure = new Error("token=secret");
    await expect(openStream(socketPath, TARGET, soon())).rejects.toMatchObject({
      message: "the process could not be reached",
    });
  });

  it.each([
    { because: "it is no JSON", line: "garbage\n" },
    { because: "it names nothing", line: '{"kind":"stdio"}\n' },
    { because: "it is of another kind", line: '{"kind":"else","backend":"b"}\n' },
    { because: "it is too long", line: `${"x".repeat(10_000)}\n` },
    { because: "it does not end", line: "x".repeat(10_000) },
  ])("is refused when the first line says what it may not: $because", async ({ line }) => {
    const socket: Socket = connect(socketPath);
    socket.write(line);
    expect(await textOf(socket)).toMatch(/^\{"ok":false,/);
    expect(processes).toEqual([]);
  });
});

it.each([
  { backend: "docker", want: true },
  { backend: "other", want: false },
])("tells whether $backend has a process for one client", async ({ backend, want }) => {
  expect(await offersOwn(socketPath, backend, soon())).toBe(want);
  await eventually("nothing is open", () => server.size === 0);
});
