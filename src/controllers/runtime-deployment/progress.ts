import type { Note } from "./facts.ts";
import { lookAgain, type Scope } from "./scope.ts";

/**
 * What was last written of a step that takes its time, where that is less than `everyMs` ago: it then stays, so that the API
 * is not written at each move. Asks for a look when it is old.
 */
export function recentProgress(scope: Scope, reason: string, pace: Pace): Note | undefined {
  const { progress } = scope.memory;
  if (progress?.note.reason !== reason || pace.now - progress.at >= pace.everyMs) return undefined;
  lookAgain(scope, progress.at + pace.everyMs - pace.now);
  return progress.note;
}

/** Keeps what is about to be written. */
export function noteProgress({ memory }: Scope, note: Note, now: number): Note {
  memory.progress = { note, at: now };
  return note;
}

/** Milliseconds; `now` is monotonic. */
export interface Pace {
  readonly everyMs: number;
  readonly now: number;
}
