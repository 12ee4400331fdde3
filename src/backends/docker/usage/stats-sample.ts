import { isJsonObject } from "../../../machinery/json-equal.ts";

/** What a container had used at one moment. */
export interface StatsSample {
  /** Milliseconds since 1970, by the Engine's clock. */
  readonly atMs: number;
  /** Since its start; undefined where the Engine does not tell. */
  readonly cpuNanos: number | undefined;
  readonly memoryBytes: number | undefined;
}

/**
 * Reads an answer of `GET /containers/{id}/stats`. Undefined for a container that does not run: the Engine answers with
 * nothing but zeros and no time.
 */
export function statsSample(answer: unknown): StatsSample | undefined {
  const atMs = Date.parse(String(at(answer, "read")));
  if (!(atMs > 0)) return undefined;
  return {
    atMs,
    cpuNanos: number(at(answer, "cpu_stats", "cpu_usage", "total_usage")),
    memoryBytes: memoryOf(at(answer, "memory_stats")),
  };
}

/**
 * As `docker stats` shows it: without what the kernel keeps of files and gives up when memory runs short. cgroup v1 calls it
 * `total_inactive_file`, v2 `inactive_file`.
 * @see https://docs.docker.com/reference/cli/docker/container/stats/
 */
function memoryOf(stats: unknown): number | undefined {
  const usage = number(at(stats, "usage"));
  if (usage === undefined) return undefined;
  const cache = number(at(stats, "stats", "total_inactive_file")) ?? number(at(stats, "stats", "inactive_file")) ?? 0;
  return cache < usage ? usage - cache : usage;
}

/** Thousandths of a core between two samples. Undefined where they cannot be compared, as after a new start. */
export function cpuMillisBetween(before: StatsSample, after: StatsSample): number | undefined {
  const spanMs = after.atMs - before.atMs;
  if (before.cpuNanos === undefined || after.cpuNanos === undefined) return undefined;
  const usedNanos = after.cpuNanos - before.cpuNanos;
  return spanMs > 0 && usedNanos >= 0 ? Math.round(usedNanos / 1_000 / spanMs) : undefined;
}

function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>((found, name) => (isJsonObject(found) ? found[name] : undefined), value);
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
