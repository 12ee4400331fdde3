import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { DEAF, forked, IDLE, node } from "../../../../test/support/process-scripts.ts";
import { logOf, ProcessWorld, settles } from "../../../../test/support/process-world.ts";
import { openSupervisor } from "../../../../test/support/supervising.ts";
import type { ProcessSpec } from "./process-spec.ts";
import { linuxProcesses } from "./process-table.ts";

const never = new AbortController().signal;

let world: ProcessWorld;
beforeEach(async () => {
  world = await ProcessWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

describe("after a kill -9 of this program", () => {
  /** Starts `specs` in another program, which is killed. */
  async function leftBehind(specs: Record<string, ProcessSpec>): Promise<void> {
    await world.supervisor[Symbol.asyncDispose]();
    const processes = Object.entries(specs).map(([id, spec]) => ({ id, spec, note: null }));
    const program = join(import.meta.dirname, "../../../../test/support/supervising.ts");
    const other = spawn(process.execPath, [program, world.directory, JSON.stringify(processes)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(other.stdout, "data");
    other.kill("SIGKILL");
    await once(other, "exit");
  }

  it("a server of HTTP is adopted, its log goes on, and its end is seen", async () => {
    await leftBehind({
      one: world.specOf(node("let n = 0; setInterval(() => console.log(n++), 20)"), { restartPolicy: "Always" }),
    });
    const [pid = 0] = await world.left();
    world.supervisor = await openSupervisor(world.directory);
    const made = world.supervisor.get("one");
    if (!made) throw new Error("it is not known");
    expect(made.state.kind).toBe("running");
    expect(made.record.run?.leader?.pid).toBe(pid);
    const before = (await logOf(made)).length;
    await settles(async () => expect((await logOf(made)).length).toBeGreaterThan(before + 3));
    const numbers = (await logOf(made)).map(Number);
    expect(numbers).toEqual(numbers.map((_, index) => index));
    process.kill(pid, "SIGKILL");
    await settles(() => expect(made.record.restarts).toBe(1));
    await made.stop(0, never);
    expect(await world.left()).toEqual([]);
  });

  it("a server of stdio is ended, with all that it forked, and started anew", async () => {
    await leftBehind({
      one: world.specOf(node(`${DEAF}${forked(DEAF + IDLE)}${IDLE}`), { streams: "lines", restartPolicy: "Always" }),
    });
    const before = await settles(async () => {
      const pids = await world.left();
      expect(pids).toHaveLength(2);
      return pids;
    });
    world.supervisor = await openSupervisor(world.directory);
    const now = await world.left();
    expect(now.filter((pid) => before.includes(pid))).toEqual([]);
    expect(world.supervisor.get("one")?.state.kind).toBe("running");
    expect(world.supervisor.get("one")?.record.restarts).toBe(1);
  });

  it("what was stopped stays so", async () => {
    const made = await world.started(node(IDLE), { restartPolicy: "Always" });
    await made.stop(0, never);
    await world.supervisor[Symbol.asyncDispose]();
    world.supervisor = await openSupervisor(world.directory);
    expect(world.supervisor.get("one")?.state).toMatchObject({ kind: "exited" });
    expect(await world.left()).toEqual([]);
  });

  it("one whose start was not yet written down is found, too", async () => {
    await leftBehind({ one: world.specOf(node(IDLE)) });
    expect(await world.left()).toHaveLength(1);
    const file = join(world.directory, "state", "one", "state.json");
    const { run, ...state } = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...state, run: { ...run, leader: undefined } }));
    world.supervisor = await openSupervisor(world.directory);
    expect(await world.left()).toEqual([]);
  });

  it("what could not be ended at once is ended later", async () => {
    await leftBehind({ one: world.specOf(node(DEAF + IDLE), { streams: "lines", restartPolicy: "Always" }) });
    const broken = async () => {
      throw new Error("procfs is not mounted");
    };
    world.supervisor = await openSupervisor(world.directory, { ...linuxProcesses, list: broken });
    expect(await world.left()).toHaveLength(1);
    world.supervisor = await openSupervisor(world.directory, linuxProcesses);
    await world.supervisor.get("one")?.stop(0, never);
    expect(await world.left()).toEqual([]);
  });

  it("a recycled pid is never taken for ours", async () => {
    await leftBehind({ one: world.specOf(node(IDLE), { restartPolicy: "Never" }) });
    const [pid = 0] = await world.left();
    process.kill(pid, "SIGKILL");
    const file = join(world.directory, "state", "one", "state.json");
    const state = JSON.parse(await readFile(file, "utf8"));
    // Somebody else's process has that pid now: this one's own parent.
    state.run.leader.pid = process.ppid;
    await writeFile(file, JSON.stringify(state));
    world.supervisor = await openSupervisor(world.directory);
    expect(world.supervisor.get("one")?.state).toMatchObject({ kind: "exited" });
    expect(await linuxProcesses.get(process.ppid)).toBeDefined();
  });
});

describe("the end of this program", () => {
  it("ends all processes, which the next one starts again", async () => {
    await world.started(node(IDLE), { restartPolicy: "Always" });
    await world.supervisor[Symbol.asyncDispose]();
    expect(await world.left()).toEqual([]);
    world.supervisor = await openSupervisor(world.directory);
    expect(world.supervisor.get("one")?.state.kind).toBe("running");
    expect(world.supervisor.get("one")?.record.restarts).toBe(0);
  });
});

describe("a creation that was broken off", () => {
  it("before its state was written leaves no folder", async () => {
    await world.supervisor[Symbol.asyncDispose]();
    await mkdir(join(world.directory, "work", "two"));
    await mkdir(join(world.directory, "state", "two"));
    world.supervisor = await openSupervisor(world.directory);
    expect(await readdir(join(world.directory, "work"))).toEqual([]);
    expect(await readdir(join(world.directory, "state"))).toEqual([]);
  });
});
