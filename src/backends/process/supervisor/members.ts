import type { ProcessEntry, ProcessTable } from "./process-table.ts";

/** One start of a workload: enough to find what is left of it, also after a restart of this program. */
export interface Run {
  /** `NAME=value` in the environment of all that belongs to it. */
  readonly mark: string;
  /** Undefined where it is not known whether the process came to be. */
  readonly leader: Leader | undefined;
  /** A user that nothing else runs as; undefined: it shares ours. */
  readonly user: number | undefined;
  /** Whether its leader only waits for the program, and tells how that ended. */
  readonly monitored?: boolean | undefined;
}

/** The process that was started; it leads a session and a group of its own. */
export interface Leader {
  readonly pid: number;
  readonly startTicks: number;
}

/**
 * All living processes of a run: its leader, what has its mark or its user, what is in the session that the leader still
 * leads, and the children of all these.
 *
 * A recycled pid is never taken for ours. Not found is, where it has no user of its own, a process that has cleared its
 * environment, left the session and lost its parent, all three.
 */
export async function membersOf(run: Run, table: ProcessTable): Promise<readonly ProcessEntry[]> {
  const living = (await table.list()).filter(({ state }) => state !== "Z");
  const own = new Set<number>();
  const leads = living.some((entry) => isLeader(entry, run.leader));
  await Promise.all(
    living.map(async (entry) => {
      const inSession = leads && (entry.session === run.leader?.pid || entry.group === run.leader?.pid);
      if (inSession || (await isMarked(entry, run, table))) own.add(entry.pid);
    }),
  );
  own.delete(process.pid);
  for (let grown = true; grown; ) {
    const children = living.filter(({ pid, parent }) => own.has(parent) && !own.has(pid));
    for (const { pid } of children) own.add(pid);
    grown = children.length > 0;
  }
  return living.filter(({ pid }) => own.has(pid));
}

/** Pure. */
export function isLeader(entry: ProcessEntry, leader: Leader | undefined): boolean {
  return leader !== undefined && entry.pid === leader.pid && entry.startTicks === leader.startTicks;
}

async function isMarked({ pid }: ProcessEntry, { mark, user }: Run, table: ProcessTable): Promise<boolean> {
  if (user !== undefined && (await table.userOf(pid)) === user) return true;
  return await table.hasVariable(pid, mark);
}
