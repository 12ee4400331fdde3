import type { Clock } from "../../machinery/clock.ts";
import { delay } from "../../machinery/clock-delay.ts";
import type { Logger } from "../../machinery/logger.ts";
import type { Owner } from "../backend.ts";
import { BusyTurns } from "./busy-turns.ts";
import type { App } from "./client/resources/apps.ts";
import type { Pace } from "./code-engine-config.ts";
import { jitteredMs } from "./jitter.ts";
import type { ProjectLink } from "./project-link.ts";
import { type Maker, PREFIX } from "./workloads/marks.ts";
import { decodeRecord } from "./workloads/record.ts";
import type { Sightings } from "./workloads/sightings.ts";

export interface WatchParts {
  readonly link: ProjectLink;
  readonly sightings: Sightings;
  readonly maker: Maker;
  readonly clock: Clock;
  readonly pace: Pace;
  readonly logger: Logger;
  readonly onChange: (owner: Owner) => void;
}

/** Records change by our own hand: they are looked at less often than apps. */
const RECORDS_EVERY = 4;

/**
 * Code Engine tells nobody of changes: what rests is looked at by one list of all apps every few minutes, what is on its way
 * every few seconds. Neither writes.
 */
export async function watchProject(parts: WatchParts, signal: AbortSignal): Promise<void> {
  await Promise.all([watchAll(parts, signal), watchBusy(parts, signal)]);
}

async function watchAll(parts: WatchParts, signal: AbortSignal): Promise<void> {
  const { clock, pace, logger } = parts;
  let failing = false;
  let connected = false;
  for (let round = 0; !signal.aborted; round++) {
    try {
      if (!connected || round % RECORDS_EVERY === 0) await lookAtRecords(parts, { all: !connected, signal });
      else await lookAtApps(parts, signal);
      connected = true;
      failing = false;
    } catch (error) {
      if (signal.aborted) return;
      // The health of the backend tells users; the log need not repeat it.
      if (!failing) logger.warn("the project cannot be looked at", { error });
      failing = true;
      connected = false;
    }
    await delay(clock, jitteredMs(connected ? pace.restMs : Math.max(pace.busyMs, pace.restMs / 10)), signal);
  }
}

async function lookAtRecords(parts: WatchParts, { all, signal }: { all: boolean; signal: AbortSignal }): Promise<void> {
  const { link, sightings, maker, onChange } = parts;
  const there = new Map<string, string>();
  const names = new Set<string>();
  await link.use(async (project) => {
    for await (const configMap of project.configMaps.list({ signal, poll: true })) {
      const { name, entity_tag } = configMap;
      names.add(name);
      if (!name.startsWith(PREFIX) || sightings.isRemoved(name, configMap)) continue;
      there.set(name, entity_tag);
      const record = all ? decodeRecord(configMap, maker) : undefined;
      if (record) onChange(record.owner);
    }
  }, signal);
  sightings.listed(names);
  if (all) return;
  for (const [name, sighting] of [...sightings.all]) {
    if (there.get(name) === sighting.entityTag) continue;
    sightings.forget(name);
    onChange(sighting.record.owner);
  }
}

async function lookAtApps({ link, sightings, onChange }: WatchParts, signal: AbortSignal): Promise<void> {
  const before = [...sightings.all];
  const apps = new Map<string, App>();
  await link.use(async (project) => {
    for await (const app of project.apps.list({ signal, poll: true })) apps.set(app.name, app);
  }, signal);
  for (const [name, sighting] of before) {
    if (sightings.all.get(name) !== sighting) continue;
    if (sightings.isNews(sighting, apps.get(name))) {
      sightings.forget(name);
      onChange(sighting.record.owner);
    } else sightings.confirm(name);
  }
}

async function watchBusy(parts: WatchParts, signal: AbortSignal): Promise<void> {
  const { sightings, clock, pace } = parts;
  const turns = new BusyTurns();
  while (!signal.aborted) {
    await delay(clock, pace.busyMs, signal);
    const busy = [...sightings.all].filter(([, sighting]) => !sightings.rests(sighting));
    for (const name of turns.due(new Set(busy.map(([each]) => each)), clock.monotonicMs())) {
      if (!signal.aborted) await lookAtBusy(parts, name, signal);
    }
  }
}

async function lookAtBusy(
  { link, sightings, logger, onChange }: WatchParts,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const before = sightings.all.get(name);
  if (!before) return;
  try {
    const after = await link.use((project) => sightings.lookAtApp(project, name, { signal, poll: true }), signal);
    if (!after || sightings.differ(before, after)) onChange(before.record.owner);
  } catch (error) {
    if (!signal.aborted) logger.debug("an app cannot be looked at", { app: name, error });
  }
}
