import type { LogOptions } from "../../backend.ts";
import type { Pod } from "../client/resources/pods.ts";
import { LiveLog, type LiveLogParts } from "./live-log.ts";
import { type LogHistory, MOST_LINES } from "./log-history.ts";
import { type LogLine, shown } from "./log-line.ts";
import { byTime } from "./merge.ts";

/**
 * Lines of all instances of an app, by time: what runs now tells its own, and where that is less than is wanted, what
 * ran before is found in the history. A follower goes on with whatever instances come, until `signal`.
 */
export async function* appLogs(
  parts: Omit<LiveLogParts, "signal"> & { readonly history: LogHistory },
  { tail, follow, timestamps }: LogOptions,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const live = new LiveLog({ ...parts, signal });
  const pods = await live.pods();
  for await (const line of beginning({ ...parts, live, pods, signal }, tail)) yield shown(line, timestamps);
  if (!follow) return;
  for await (const line of live.follow(pods, tail === 0)) yield shown(line, timestamps);
}

interface Beginning extends LiveLogParts {
  readonly history: LogHistory;
  readonly live: LiveLog;
  readonly pods: readonly Pod[];
}

async function* beginning(parts: Beginning, tail: number | undefined): AsyncGenerator<LogLine, void, undefined> {
  if (tail === 0) return;
  if (tail === undefined) yield* everything(parts);
  else yield* end(parts, tail);
}

/** Live lines are not collected: there may be many. */
async function* everything({ live, pods, ...parts }: Beginning): AsyncGenerator<LogLine, void, undefined> {
  const begun = await Promise.all(pods.map(async (pod) => ({ pod, ...(await peek(live.backlog(pod, undefined))) })));
  const known = new Map(begun.flatMap(({ pod, first }) => (first ? [[pod.metadata.name, first.at] as const] : [])));
  const before = await parts.history.lines(wantedOf(parts, known, MOST_LINES), parts.signal);
  yield* byTime([before, ...begun.map(({ lines }) => lines)]);
}

async function* end({ live, pods, ...parts }: Beginning, tail: number): AsyncGenerator<LogLine, void, undefined> {
  const [only, ...others] = pods;
  // Nothing has to be merged, so nothing is collected.
  if (only && others.length === 0 && !parts.history.configured) return yield* live.backlog(only, tail);
  const wanted = Math.min(tail, MOST_LINES);
  const known = new Map<string, number>();
  const noting = async function* (pod: Pod): AsyncGenerator<LogLine, void, undefined> {
    for await (const line of live.backlog(pod, wanted)) {
      if (!known.has(pod.metadata.name)) known.set(pod.metadata.name, line.at);
      yield line;
    }
  };
  const lines = await lastOf(byTime(pods.map(noting)), wanted);
  const missing = wanted - lines.length;
  const before = missing > 0 ? await parts.history.lines(wantedOf(parts, known, wanted), parts.signal) : [];
  yield* await lastOf(byTime([before, lines]), wanted);
}

function wantedOf(
  { project, app }: LiveLogParts | Omit<Beginning, "live" | "pods">,
  known: ReadonlyMap<string, number>,
  wanted: number,
) {
  return { projectId: project.id, app, known, wanted };
}

async function peek(
  lines: AsyncGenerator<LogLine, void, undefined>,
): Promise<{ readonly first: LogLine | undefined; readonly lines: AsyncGenerator<LogLine, void, undefined> }> {
  const { value: first } = await lines.next();
  return { first: first ?? undefined, lines: putBack(first ?? undefined, lines) };
}

async function* putBack(
  first: LogLine | undefined,
  rest: AsyncGenerator<LogLine, void, undefined>,
): AsyncGenerator<LogLine, void, undefined> {
  if (first) yield first;
  yield* rest;
}

async function lastOf(lines: AsyncIterable<LogLine>, count: number): Promise<readonly LogLine[]> {
  let kept: LogLine[] = [];
  for await (const line of lines) {
    kept.push(line);
    // Not at each line: what is dropped is paid for once.
    if (kept.length >= count * 2) kept = kept.slice(-count);
  }
  return kept.slice(-count);
}
