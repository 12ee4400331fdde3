import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Duplex, type Readable, type Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { StdioEndpoint } from "../../../src/backends/workload-endpoint.ts";
import type { Endpoint } from "../../../src/gateway/directory.ts";
import type { StdioStreams, StdioTarget } from "../../../src/gateway/stdio-streams.ts";
import { startStreamServer } from "../../../src/gateway/streams/stream-server.ts";
import { TransientError } from "../../../src/machinery/errors.ts";
import { recordingLogger } from "../recording-logger.ts";

type Child = ChildProcessByStdio<Writable, Readable, null>;

const EVERYTHING = fileURLToPath(
  new URL("../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);
const programAt = (name: string) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));
const MODERN = programAt("modern-stdio.mjs");

/** What runs under each workload's id. */
export const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  everything: [EVERYTHING, "stdio"],
  modern: [MODERN],
  "every-feature": [programAt("every-feature.mjs"), "stdio"],
  toolless: [programAt("toolless.mjs")],
  silent: ["--eval", "process.stdin.resume()"],
  crashes: [programAt("crashes.mjs")],
};

/** A place of servers of stdio, behind the socket that the gateway's data path knows. */
export interface StdioPlace extends StdioStreams, AsyncDisposable {
  readonly socketPath: string;
  /** Processes that run now: those that are shared, and those of one client. */
  readonly shared: ReadonlyMap<string, number>;
  readonly own: ReadonlySet<number>;
  /** Streams that are open. */
  readonly streams: number;
}

/** Starts the process of a workload with its first stream; it lives on when that ends, as a container does. */
export async function startStdioPlace({ hasOwn = true }: { hasOwn?: boolean } = {}): Promise<StdioPlace> {
  const folder = await mkdtemp(join(tmpdir(), "slipway-streams-"));
  const shared = new Map<string, { child: Child; stream: Duplex | undefined }>();
  const own = new Set<Child>();
  const start = (id: string): Child => {
    const [program, ...args] = PROGRAMS[id.split("#", 1)[0] ?? ""] ?? [];
    if (program === undefined) throw new TransientError("WorkloadNotRunning", `workload "${id}" does not run`);
    return spawn(process.execPath, [program, ...args], { stdio: ["pipe", "pipe", "ignore"] });
  };
  const streams: StdioStreams = {
    canOpenOwn: () => hasOwn,
    async open({ id, own: isOwn }: StdioTarget) {
      if (isOwn) {
        const child = start(id);
        own.add(child);
        child.once("exit", () => own.delete(child));
        const stream = Duplex.from({ writable: child.stdin, readable: child.stdout });
        return stream.once("close", () => child.kill("SIGKILL"));
      }
      const running = shared.get(id);
      // Its output may end a moment before one hears that it has exited.
      const isGone = running?.child.stdout.readableEnded || running?.child.signalCode;
      const known = running && !isGone ? running : { child: start(id), stream: undefined };
      known.stream?.destroy();
      shared.set(id, known);
      known.child.once("exit", () => {
        if (shared.get(id) === known) shared.delete(id);
      });
      known.stream = attached(known.child);
      return known.stream;
    },
  };
  const socketPath = join(folder, "streams.sock");
  const server = await startStreamServer({ socketPath, streams, logger: recordingLogger().logger });
  return {
    ...streams,
    socketPath,
    get shared() {
      return new Map([...shared].map(([id, { child }]) => [id, child.pid ?? 0]));
    },
    get own() {
      return new Set([...own].map(({ pid }) => pid ?? 0));
    },
    get streams() {
      return server.size;
    },
    async [Symbol.asyncDispose]() {
      await server.close();
      for (const { child } of shared.values()) child.kill("SIGKILL");
      for (const child of own) child.kill("SIGKILL");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The pipes of a process, which stay open when the stream ends. */
function attached({ stdin, stdout, ...child }: Child): Duplex {
  void child;
  const onData = (chunk: Buffer) => {
    if (!stream.push(chunk)) stdout.pause();
  };
  const onEnd = () => stream.push(null);
  const stream: Duplex = new Duplex({
    read: () => void stdout.resume(),
    write: (chunk: Buffer, _encoding, done) => void stdin.write(chunk, () => done()),
    destroy(error, done) {
      stdout.off("data", onData).off("end", onEnd);
      done(error);
    },
  });
  stdin.on("error", () => undefined);
  stdout.on("data", onData).once("end", onEnd);
  return stream;
}

/** A deployment `team-a/NAME` whose server is spoken to over stdio. */
export function stdioEndpoint(
  id: string,
  { name = id, ...upstream }: { name?: string } & Partial<StdioEndpoint> = {},
): Endpoint {
  return {
    ...{ namespace: "team-a", name, uid: `uid-of-${name}`, state: { ready: true } },
    upstream: { kind: "stdio", backend: "local", id, instance: "1", sessionMode: "Shared", ...upstream },
    protocolVersion: undefined,
    tools: undefined,
  };
}
