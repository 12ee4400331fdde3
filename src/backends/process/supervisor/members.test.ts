import { describe, expect, it } from "@jest/globals";
import { membersOf, type Run } from "./members.ts";
import type { ProcessEntry, ProcessTable } from "./process-table.ts";

const entry = (pid: number, patch: Partial<ProcessEntry> = {}): ProcessEntry => ({
  ...{ pid, parent: 1, group: pid, session: pid, startTicks: pid * 10, state: "S" },
  ...patch,
});

/** Pids are above those of this machine, where our own pid would be left out. */
const LEADER = 5_000_000;
const run: Run = { mark: "SLIPWAY_RUN=a", leader: { pid: LEADER, startTicks: 1 }, user: undefined };

function table(entries: readonly ProcessEntry[], marked: readonly number[] = [], users = {}): ProcessTable {
  const uids: Record<number, number> = users;
  return {
    bootId: async () => "boot",
    list: async () => entries,
    get: async (pid) => entries.find((one) => one.pid === pid),
    hasVariable: async (pid, variable) => variable === run.mark && marked.includes(pid),
    userOf: async (pid) => uids[pid] ?? 0,
  };
}

const pids = async (of: Run, from: ProcessTable) => (await membersOf(of, from)).map(({ pid }) => pid - LEADER);

describe("the processes of a run", () => {
  const leader = entry(LEADER, { startTicks: 1 });
  const other = entry(LEADER + 9);

  it.each<{
    because: string;
    entries: ProcessEntry[];
    marked?: number[];
    users?: object;
    of?: Partial<Run>;
    want: number[];
  }>([
    { because: "the leader alone", entries: [leader, other], want: [0] },
    { because: "its session", entries: [leader, entry(LEADER + 1, { session: LEADER }), other], want: [0, 1] },
    { because: "its group", entries: [leader, entry(LEADER + 1, { group: LEADER }), other], want: [0, 1] },
    {
      because: "a grandchild in a session of its own, whose parents live",
      entries: [leader, entry(LEADER + 1, { parent: LEADER }), entry(LEADER + 2, { parent: LEADER + 1 }), other],
      want: [0, 1, 2],
    },
    {
      because: "one with the mark, whose parents are gone",
      entries: [entry(LEADER + 2), other],
      marked: [LEADER + 2],
      want: [2],
    },
    {
      because: "one of its own user, with nothing else left",
      entries: [entry(LEADER + 3), other],
      users: { [LEADER + 3]: 60600 },
      of: { user: 60600 },
      want: [3],
    },
    {
      because: "not a recycled pid, nor its session",
      entries: [entry(LEADER, { startTicks: 2 }), entry(LEADER + 1, { session: LEADER, parent: LEADER })],
      want: [],
    },
    { because: "not a zombie", entries: [entry(LEADER, { startTicks: 1, state: "Z" })], want: [] },
    {
      because: "by the mark alone, where its start was cut off",
      entries: [entry(LEADER + 4)],
      marked: [LEADER + 4],
      of: { leader: undefined },
      want: [4],
    },
  ])("are: $because", async ({ entries, marked, users, of, want }) => {
    expect(await pids({ ...run, ...of }, table(entries, marked, users))).toEqual(want);
  });
});
