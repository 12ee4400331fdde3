import type Docker from "dockerode";
import type { Clock } from "../../../machinery/clock.ts";
import { delay } from "../../../machinery/clock-delay.ts";
import type { Owner, Workload } from "../../backend.ts";
import type { Usage } from "../../usage.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { hasStatus } from "../engine/engine-error.ts";
import { cpuMillisBetween, type StatsSample, statsSample } from "./stats-sample.ts";

/** Between two samples: long enough for a server that works now and then, short enough for who waits. */
const SPAN_MS = 1_000;
const CALL_TIMEOUT_MS = 5_000;
const NOTHING: Usage = { instances: 0, cpuMillis: 0, memoryBytes: 0 };

export interface UsageParts {
  readonly engine: EngineClient;
  readonly observe: (owner: Owner, signal: AbortSignal) => Promise<readonly Workload[]>;
  readonly clock: Clock;
}

/**
 * What an owner's current container uses, by two samples a second apart: nothing is measured while nobody asks. Undefined:
 * there is none.
 */
export async function ownerUsage(parts: UsageParts, owner: Owner, signal: AbortSignal): Promise<Usage | undefined> {
  const current = (await parts.observe(owner, signal)).find(({ role }) => role === "current");
  if (!current) return undefined;
  if (current.state.kind !== "running") return NOTHING;
  const options = { signal, timeoutMs: CALL_TIMEOUT_MS };
  const before = await sample(parts.engine, current.id, options);
  if (!before) return NOTHING;
  await delay(parts.clock, SPAN_MS, signal);
  signal.throwIfAborted();
  const after = await sample(parts.engine, current.id, options);
  if (!after) return NOTHING;
  return { instances: 1, cpuMillis: cpuMillisBetween(before, after), memoryBytes: after.memoryBytes };
}

/** One-shot: else the Engine itself takes two samples, and its answer two seconds. Undefined: it has ended. */
async function sample(engine: EngineClient, id: string, options: CallOptions): Promise<StatsSample | undefined> {
  const ask = { stream: false, "one-shot": true } as const;
  try {
    return statsSample(await engine.call("measure a container", (docker) => stats(docker, id, ask), options));
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

async function stats(docker: Docker, id: string, ask: { stream: false; "one-shot": true }): Promise<unknown> {
  return await docker.getContainer(id).stats(ask);
}
