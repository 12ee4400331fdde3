import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type Docker from "dockerode";
import type { LogOptions, Owner, Workload } from "../../backend.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { lastLines } from "./last-lines.ts";
import { logFrames } from "./log-frames.ts";
import { type LogLine, logLines } from "./log-lines.ts";

/** How often a follower looks whether a process runs again. */
const LOOK_MS = 1_000;

export interface LogParts {
  readonly engine: EngineClient;
  readonly observe: (owner: Owner, signal: AbortSignal) => Promise<readonly Workload[]>;
}

/**
 * The log of an owner's current container; of a server of stdio its standard error alone, since its output is MCP. A follower is carried over to the next process or container when one ends,
 * and goes on until `signal` aborts.
 * @throws the reason of `signal`; {TransientError} when the Engine goes away.
 */
export async function* ownerLogs(
  parts: LogParts,
  owner: Owner,
  options: LogOptions & { signal: AbortSignal },
): AsyncGenerator<string> {
  const { follow, timestamps, signal } = options;
  let { tail } = options;
  let last = "";
  let seen: { id: string; startedAt: string | undefined } | undefined;
  do {
    const current = (await parts.observe(owner, signal)).find(({ role }) => role === "current");
    const moved = current && (current.id !== seen?.id || current.startedAt !== seen?.startedAt);
    if (current && moved) {
      seen = { id: current.id, startedAt: current.startedAt };
      const errorsOnly = current.reach?.kind === "stdio";
      const request = { id: current.id, tail, follow, errorsOnly, after: last, signal };
      for await (const line of errorsOnly ? errorLog(parts.engine, request) : containerLog(parts.engine, request)) {
        last = line.time > last ? line.time : last;
        yield timestamps ? `${line.time} ${line.text}` : line.text;
      }
      // What follows belongs to another process, all of which is new.
      tail = undefined;
    }
    if (follow) await sleep(LOOK_MS);
    signal.throwIfAborted();
  } while (follow);
}

interface LogRequest {
  readonly id: string;
  readonly tail: number | undefined;
  readonly follow: boolean;
  /** Standard error alone. */
  readonly errorsOnly: boolean;
  /** Time of the last line that was read; empty for none. */
  readonly after: string;
  readonly signal: AbortSignal;
}

/** The Engine counts the lines of both streams as the tail, so it is asked for all, and they are counted here. */
async function* errorLog(engine: EngineClient, request: LogRequest): AsyncGenerator<LogLine> {
  const all = { ...request, tail: undefined };
  if (request.tail === undefined) return yield* containerLog(engine, all);
  const { lines, last } = await lastLines(containerLog(engine, { ...all, follow: false }), request.tail);
  yield* lines;
  if (request.follow) yield* containerLog(engine, { ...all, after: last || request.after });
}

async function* containerLog(engine: EngineClient, request: LogRequest): AsyncGenerator<LogLine> {
  const { after, signal } = request;
  let stream: Readable;
  try {
    stream = await engine.open("logs", (docker, abortSignal) => openLog(docker, request, abortSignal), { signal });
  } catch (error) {
    if (hasStatus(error, 404)) return;
    throw error;
  }
  try {
    let newest: LogLine | undefined;
    for await (const line of logLines(logFrames(stream))) {
      // The Engine's `since` knows the time to the second in some of its log drivers.
      if (line.time <= after) continue;
      // An Engine that is followed reads the last line of a file again when it begins another.
      const isRepeated = line.time === newest?.time && line.text === newest.text;
      newest = line;
      if (!isRepeated) yield line;
    }
  } catch (error) {
    throw signal.aborted ? signal.reason : engine.explain("read a log", error);
  } finally {
    stream.destroy();
  }
}

/** The library hands out a log as a stream only when it is followed, and else collects all of it in memory. */
function openLog(docker: Docker, request: LogRequest, abortSignal: AbortSignal): Promise<NodeJS.ReadableStream> {
  const { id, tail, follow, after, errorsOnly } = request;
  const query = {
    stdout: !errorsOnly,
    stderr: true,
    timestamps: true,
    follow,
    tail: tail ?? "all",
    ...(after && { since: Math.floor(Date.parse(after) / 1000) }),
  };
  const { promise, resolve, reject } = Promise.withResolvers<NodeJS.ReadableStream>();
  const dialled = {
    path: `/containers/${id}/logs?`,
    method: "GET",
    options: query,
    isStream: true,
    abortSignal,
    statusCodes: { 200: true, 404: "no such container", 500: "server error" },
  };
  docker.modem.dial(dialled, (error: Error | null, stream) =>
    error ? reject(error) : resolve(stream as NodeJS.ReadableStream),
  );
  return promise;
}
