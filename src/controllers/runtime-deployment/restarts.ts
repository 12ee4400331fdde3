import type { Workload } from "../../backends/backend.ts";

/** What is known of the starts of a deployment's workload. `platformRestarts` is unknown after a controller's restart. */
export interface StartRecord {
  readonly id: string | undefined;
  readonly startedAt: string | undefined;
  readonly platformRestarts: number | undefined;
  readonly count: number;
}

/**
 * Pure. The record after `current` was seen, with the starts that nobody asked for counted: the Engine's own, repairs and
 * recreations. `asked` says that a start since the last look was wanted: an update, or a stop that was taken back.
 *
 * A process is told by its workload and the time of its start, both of which outlive the controller in the status. The
 * Engine's own counter only refines it, since it begins again when somebody starts the container by hand.
 */
export function countRestarts(before: StartRecord, current: Workload | undefined, asked: boolean): StartRecord {
  if (!current) return before;
  const { id, startedAt, platformRestarts } = current;
  const next = { id, startedAt: startedAt ?? before.startedAt, platformRestarts };
  if (startedAt === undefined)
    return { ...next, startedAt: before.id === id ? before.startedAt : undefined, count: before.count };

  const sameProcess = before.id === id && before.startedAt === startedAt;
  if (sameProcess) return { ...next, count: before.count };
  if (before.id === undefined || (before.id === id && before.startedAt === undefined)) {
    // Its first start was asked for; what the Engine did since then was not.
    return { ...next, count: before.count + platformRestarts };
  }
  const ofEngine =
    before.id === id ? platformRestarts - (before.platformRestarts ?? platformRestarts) : platformRestarts;
  const unasked = Math.max(asked ? 0 : 1, ofEngine);
  return { ...next, count: before.count + unasked };
}
