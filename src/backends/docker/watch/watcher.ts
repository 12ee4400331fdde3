import type Docker from "dockerode";
import type { Clock } from "../../../machinery/clock.ts";
import type { Logger } from "../../../machinery/logger.ts";
import type { Owner } from "../../backend.ts";
import type { EngineClient } from "../engine/engine-client.ts";
import { jsonLines } from "../engine/json-lines.ts";
import { labelFilters, type Maker, makerLabels, ownerFromLabels } from "../workloads/object-labels.ts";
import { EVENT_FILTERS, isTold, readEvent } from "./event-filter.ts";
import type { OwnChanges } from "./own-changes.ts";

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 10_000;
/** A connection that lasted so long was a good one: the next failure is a new story. */
const SETTLED_MS = 30_000;

export interface WatcherOptions {
  readonly engine: EngineClient;
  readonly maker: Maker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onChange: (owner: Owner) => void;
  /** All containers of this backend, at the beginning of each connection. */
  readonly onListed?: (containers: readonly Docker.ContainerInfo[]) => void;
  /** What calls of ours start, and the sandboxes that they end, which tell their callers how it went. */
  readonly own: { readonly starts: OwnChanges; readonly ends: OwnChanges };
  /** In [0, 1). */
  readonly random?: () => number;
}

/**
 * Follows the Engine's events until `signal` aborts. Each connection begins with a list of all containers, whose owners
 * are named: what happened in between is lost when the Engine itself was restarted. It resumes after the last event
 * that it saw.
 */
export async function watchEngine(options: WatcherOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, random = Math.random } = options;
  const position: Position = { since: undefined, owners: new Map() };
  let failures = 0;
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs();
    try {
      await follow(options, position, signal);
    } catch (error) {
      if (signal.aborted) return;
      // Whether the Engine answers is told by the health of the backend; here it is only a detail.
      logger.debug("the Engine's events broke off", { error });
    }
    failures = clock.monotonicMs() - startedMs > SETTLED_MS ? 0 : failures + 1;
    const delayMs = Math.min(FIRST_RETRY_MS * 2 ** failures, LONGEST_RETRY_MS) * (0.5 + random() / 2);
    await pause(delayMs, clock, signal);
  }
}

interface Position {
  since: string | undefined;
  /** Owners by container, for events that tell only the container. As many as there are containers. */
  readonly owners: Map<string, Owner>;
}

async function follow(options: WatcherOptions, position: Position, signal: AbortSignal): Promise<void> {
  const { engine, maker, onChange, own } = options;
  const since = position.since === undefined ? {} : { since: position.since };
  const open = (docker: Docker, abortSignal: AbortSignal) =>
    docker.getEvents({ filters: EVENT_FILTERS, ...since, abortSignal } as Docker.GetEventsOptions);
  const stream = await engine.open("events", open, { signal });
  try {
    await listAll(options, position, signal);
    for await (const message of jsonLines(stream)) {
      const { event, time } = readEvent(message, maker);
      position.since = time ?? position.since;
      if (event.kind === "ignored") continue;
      if (event.kind === "network") {
        const owner = position.owners.get(event.containerId);
        if (owner && !own.ends.has(event.containerId)) onChange(owner);
        continue;
      }
      if (event.what === "removed") position.owners.delete(event.id);
      else position.owners.set(event.id, event.owner);
      const echoes = event.what === "started" ? own.starts : own.ends;
      if (echoes.has(event.id)) continue;
      onChange(event.owner);
    }
  } finally {
    stream.destroy();
  }
}

/** Names all owners: those that are there, and those that were before. */
async function listAll(
  { engine, maker, onChange, onListed }: WatcherOptions,
  { owners }: Position,
  signal: AbortSignal,
): Promise<void> {
  const label = labelFilters(makerLabels(maker));
  const list = (docker: Docker) => docker.listContainers({ all: true, filters: { label } });
  const listed = await engine.call("list containers", list, { signal });
  onListed?.(listed);
  const named = new Map([...owners.values()].map((owner) => [owner.uid, owner]));
  owners.clear();
  for (const { Id, Labels } of listed) {
    const owner = ownerFromLabels(Labels, maker);
    if (!owner || !isTold(Labels)) continue;
    owners.set(Id, owner);
    named.set(owner.uid, owner);
  }
  for (const owner of named.values()) onChange(owner);
}

async function pause(delayMs: number, clock: Clock, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.schedule(delayMs, resolve);
  const onAbort = (): void => {
    cancel();
    resolve();
  };
  signal.addEventListener("abort", onAbort, { once: true });
  await promise;
  signal.removeEventListener("abort", onAbort);
}
