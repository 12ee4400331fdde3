import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { eventually } from "../../../../test/support/eventually.ts";
import { openSupervisor } from "../../../../test/support/supervising.ts";
import type { ProcessSpec } from "./process-spec.ts";
import { linuxProcesses } from "./process-table.ts";
import type { SupervisedProcess } from "./supervised-process.ts";
import type { Supervisor } from "./supervisor.ts";

const never = new AbortController().signal;
const isRoot = process.getuid?.() === 0;

let directory: string;
let supervisor: Supervisor;
/** In the environment of all that a test starts, so that it sees what is left. */
let tag: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-process-"));
  await chmod(directory, 0o711);
  tag = directory;
  supervisor = await openSupervisor(directory);
});

afterEach(async () => {
  for (const id of supervisor.list().keys()) await supervisor.delete(id, never);
  await supervisor[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const node = (script: string, ...args: string[]): readonly string[] => [process.execPath, "-e", script, ...args];
const IDLE = "setInterval(() => {}, 1e6);";
const ECHO =
  "process.stdin.on('data', (data) => process.stdout.write(data)); process.stdin.on('end', () => process.exit());";
const DEAF = "process.on('SIGTERM', () => {});";

function specOf(argv: readonly string[], patch: Partial<ProcessSpec> = {}): ProcessSpec {
  return {
    ...{ argv, workingDirectory: undefined, streams: "logs", restartPolicy: "Never", maxProcesses: 64 },
    ...patch,
    env: { TEST_TAG: tag, ...patch.env },
  };
}

async function make(argv: readonly string[], patch: Partial<ProcessSpec> = {}, id = "one"): Promise<SupervisedProcess> {
  return await supervisor.create({ id, spec: specOf(argv, patch), note: { any: "thing" } });
}

async function started(argv: readonly string[], patch: Partial<ProcessSpec> = {}): Promise<SupervisedProcess> {
  const made = await make(argv, patch);
  await made.start();
  return made;
}

async function logOf(made: SupervisedProcess): Promise<string[]> {
  return await Array.fromAsync(made.log.read({ tail: undefined, follow: false, timestamps: false }, never));
}

/** Pids of all living processes that this test has started, by a mark of its own. */
async function left(): Promise<number[]> {
  const living = (await linuxProcesses.list()).filter(({ state }) => state !== "Z");
  const ours = await Promise.all(living.map(({ pid }) => linuxProcesses.hasVariable(pid, `TEST_TAG=${tag}`)));
  return living.filter((_, index) => ours[index]).map(({ pid }) => pid);
}

/** Waits until `look` no longer throws. */
async function settles<T>(look: () => Promise<T> | T): Promise<T> {
  return (await eventually("an expectation", async () => ({ found: await look() }), { everyMs: 20 })).found;
}

async function exited(made: SupervisedProcess) {
  return await settles(() => {
    if (made.state.kind !== "exited") throw new Error(`it is ${made.state.kind}`);
    return made.state.exit;
  });
}

describe("a process is started", () => {
  it("with its arguments exactly, and nothing of our environment but PATH", async () => {
    const script = "console.log(JSON.stringify([process.argv.slice(1), process.env, process.cwd()]))";
    const odd = ["a b", "$HOME", "`id`", "; exit 3", "*", ""];
    const made = await started(node(script, "--", ...odd), { env: { OWN: "värde" } });
    expect(await exited(made)).toMatchObject({ code: 0, error: "" });
    const [line = ""] = await logOf(made);
    const [args, env, cwd] = JSON.parse(line);
    const home = join(directory, "work", "one");
    expect(args).toEqual(odd);
    expect(env).toEqual({
      ...{ OWN: "värde", TEST_TAG: tag, HOME: home, PATH: process.env.PATH, SLIPWAY_RUN: expect.any(String) },
    });
    expect(cwd).toBe(home);
  });

  it("by its name in its own PATH, in its own folder", async () => {
    const made = await started(["pwd"], { env: { PATH: "relative:/usr/bin:/bin" }, workingDirectory: "/usr" });
    await exited(made);
    expect(await logOf(made)).toEqual(["/usr"]);
  });

  it.each([
    { because: "no such program", argv: ["no-such-program"], patch: {}, error: /no program "no-such-program"/ },
    { because: "an argument that is too long", argv: ["pwd", "x".repeat(3_000_000)], patch: {}, error: /E2BIG/ },
    { because: "a file that is no program", argv: ["/etc/passwd"], patch: {}, error: /no program/ },
    {
      because: "no such folder",
      argv: ["pwd"],
      patch: { workingDirectory: "/no/such" },
      error: /\/no\/such does not exist/,
    },
  ])("or says why it cannot be: $because", async ({ argv, patch, error }) => {
    const made = await started(argv, patch);
    expect(await exited(made)).toMatchObject({ code: 127, error: expect.stringMatching(error) });
  });

  it("once, however often it is asked for", async () => {
    const made = await make(node(IDLE));
    await Promise.all([made.start(), made.start(), made.start()]);
    expect(await left()).toHaveLength(1);
    expect(await make(node(ECHO))).toBe(made);
  });

  it("with a limit of its processes, under a user of its own", async () => {
    if (!supervisor.limitsProcesses) return;
    const script =
      "const c=require('child_process');let n=0;try{for(;n<200;n++){const p=c.spawn('sleep',['100']);p.on('error',()=>{});if(!p.pid)break}}catch{};console.log(n,process.getuid())";
    const made = await started(node(`${script};${IDLE}`), { maxProcesses: 30 });
    const [count, uid] = await settles(async () => {
      const [line = ""] = await logOf(made);
      if (!line) throw new Error("it has written nothing");
      return line.split(" ").map(Number);
    });
    expect(count).toBeLessThan(30);
    expect(uid).toBe(made.record.user?.uid);
    expect(uid).toBeGreaterThan(0);
    await made.stop(0, never);
    expect(await left()).toEqual([]);
  });

  it("without access to our state, or another's home", async () => {
    if (!isRoot) return;
    await make(["pwd"], {}, "other");
    const script = `for (const f of ${JSON.stringify([`${directory}/state/one/state.json`, `${directory}/work/other`, `${directory}/work`])}) try { require('fs').readdirSync(f); console.log('open') } catch (e) { console.log(e.code) }`;
    const made = await started(node(script));
    await exited(made);
    expect(await logOf(made)).toEqual(["EACCES", "EACCES", "EACCES"]);
  });
});

describe("a connection of lines", () => {
  it("carries them both ways, large ones too, while stderr goes to the log", async () => {
    const made = await started(node(`console.error('hello'); ${ECHO}`), { streams: "lines" });
    const { connection } = made;
    const large = "x".repeat(9_000_000);
    const sending = (async () => {
      for (const line of ["one", large, "ü"]) await connection?.send(line, never);
    })();
    const got: string[] = [];
    for await (const line of connection?.lines() ?? []) {
      got.push(line);
      if (got.length === 3) break;
    }
    await sending;
    expect(got.map((line) => line.length)).toEqual([3, large.length, 1]);
    expect(await logOf(made)).toEqual(["hello"]);
  });

  it("ends with the process, and another process has another", async () => {
    const made = await started(node(ECHO), { streams: "lines", restartPolicy: "Always" });
    const first = made.connection;
    const lines = Array.fromAsync(first?.lines() ?? []);
    process.kill((await left())[0] ?? 0, "SIGKILL");
    expect(await lines).toEqual([]);
    await first?.closed;
    await expect(first?.send("x", never)).rejects.toThrow("takes no more input");
    await settles(() => expect(made.record.restarts).toBe(1));
    await settles(() => expect(made.connection?.instance).toEqual(expect.any(String)));
    expect(made.connection?.instance).not.toBe(first?.instance);
  });

  it("takes one line at a time", async () => {
    const made = await started(node(ECHO), { streams: "lines" });
    await expect(made.connection?.send("a\nb", never)).rejects.toThrow(RangeError);
  });
});

describe("a process that ends", () => {
  it.each([
    { because: "never is never", policy: "Never", code: 3, restarts: 0 },
    { because: "a success is no failure", policy: "OnFailure", code: 0, restarts: 0 },
    { because: "a failure", policy: "OnFailure", code: 3, restarts: 2 },
    { because: "always", policy: "Always", code: 0, restarts: 2 },
  ] as const)("is started again by its policy, later each time: $because", async ({ policy, code, restarts }) => {
    const made = await started(node(`process.exit(${code})`), { restartPolicy: policy });
    if (restarts === 0) {
      expect(await exited(made)).toMatchObject({ code, signal: undefined });
      expect(made.record).toMatchObject({ restarts: 0, wanted: false });
      return;
    }
    await settles(() => expect(made.record.restarts).toBeGreaterThanOrEqual(restarts));
    await settles(() => expect(made.state).toMatchObject({ kind: "restarting", exit: { code } }));
    await made.stop(0, never);
    expect(made.state).toMatchObject({ kind: "exited" });
  });

  it("waits longer before each restart, and says until when", async () => {
    const made = await make(node("process.exit(1)"), { restartPolicy: "Always" });
    const waits: number[] = [];
    const unlisten = supervisor.onChange(() => {
      if (made.state.kind !== "restarting") return;
      waits.push(Date.parse(made.state.next) - Date.parse(made.state.exit.at));
    });
    await made.start();
    await settles(() => expect(waits.length).toBeGreaterThanOrEqual(4));
    unlisten();
    expect([100, 200, 400, 800].filter((ms, index) => (waits[index] ?? 0) < ms)).toEqual([]);
  });

  it("having written without end, has left a bounded log, the newest of it", async () => {
    const flood =
      "const line = 'x'.repeat(1000); for (let n = 0; n < 30000; n++) require('fs').writeSync(2, n + line + '\\n');";
    const made = await started(node(flood));
    expect(await exited(made)).toMatchObject({ code: 0 });
    const folder = join(directory, "state", "one", "log");
    const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size));
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(13 * 1024 * 1024);
    expect((await logOf(made)).at(-1)).toMatch(/^29999x/);
  });

  it("takes what it has started with it", async () => {
    const child = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(DEAF + IDLE)}], {detached: true, stdio: 'ignore'}).unref();`;
    const made = await started(node(`${child} setTimeout(() => process.exit(1), 200)`));
    expect(await exited(made)).toMatchObject({ code: 1 });
    expect(await left()).toEqual([]);
  });

  it("by a signal says which", async () => {
    const made = await started(node(IDLE));
    process.kill((await left())[0] ?? 0, "SIGKILL");
    expect(await exited(made)).toMatchObject({ code: undefined, signal: "SIGKILL" });
  });
});

describe("a process is stopped", () => {
  it("by SIGTERM, in its own time", async () => {
    const made = await started(
      node(`process.on('SIGTERM', () => { console.log('bye'); process.exit(7) }); console.log('up'); ${IDLE}`),
    );
    await settles(async () => expect(await logOf(made)).toEqual(["up"]));
    await made.stop(10_000, never);
    expect(made.state).toMatchObject({ kind: "exited", exit: { code: 7 } });
    expect(await logOf(made)).toEqual(["up", "bye"]);
  });

  it("by SIGKILL after its grace, with what it forked into other sessions", async () => {
    const nested = (depth: number): string =>
      `${DEAF}${depth > 0 ? `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(nested(depth - 1))}], {detached: true, stdio: 'ignore'}).unref();` : ""}${IDLE}`;
    const made = await started(node(nested(2)), { restartPolicy: "Always" });
    await settles(async () => expect(await left()).toHaveLength(3));
    await made.stop(300, never);
    expect(await left()).toEqual([]);
    expect(made.state).toMatchObject({ kind: "exited", exit: { signal: "SIGKILL" } });
    expect(made.record.wanted).toBe(false);
  });

  it("even where it forks without end", async () => {
    if (!supervisor.limitsProcesses) return;
    const bomb = "while :; do setsid sh -c 'sleep 100 & sleep 100' & sleep 0.01; done";
    const made = await started(["sh", "-c", bomb], { maxProcesses: 40 });
    await settles(async () => expect((await left()).length).toBeGreaterThan(20));
    await made.stop(100, never);
    expect(await left()).toEqual([]);
  });

  it("with what cleared its environment and lost its parents, where it has a user of its own", async () => {
    if (!isRoot) return;
    const made = await started(["sh", "-c", "setsid env -i sh -c 'sleep 1234 & exec sleep 1234' & sleep 0.3; exit 0"]);
    await exited(made);
    const uid = made.record.user?.uid;
    const living = (await linuxProcesses.list()).filter(({ state }) => state !== "Z");
    const users = await Promise.all(living.map(({ pid }) => linuxProcesses.userOf(pid)));
    expect(users.filter((user) => user === uid)).toEqual([]);
  });
});

describe("after a kill -9 of this program", () => {
  /** Starts `specs` in another program, which is killed. */
  async function leftBehind(specs: Record<string, ProcessSpec>): Promise<void> {
    await supervisor[Symbol.asyncDispose]();
    const processes = Object.entries(specs).map(([id, spec]) => ({ id, spec, note: null }));
    const program = join(import.meta.dirname, "../../../../test/support/supervising.ts");
    const other = spawn(process.execPath, [program, directory, JSON.stringify(processes)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(other.stdout, "data");
    other.kill("SIGKILL");
    await once(other, "exit");
  }

  it("a server of HTTP is adopted, its log goes on, and its end is seen", async () => {
    await leftBehind({
      one: specOf(node("let n = 0; setInterval(() => console.log(n++), 20)"), { restartPolicy: "Always" }),
    });
    const [pid = 0] = await left();
    supervisor = await openSupervisor(directory);
    const made = supervisor.get("one");
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
    expect(await left()).toEqual([]);
  });

  it("a server of stdio is ended, with all that it forked, and started anew", async () => {
    const fork = `require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(DEAF + IDLE)}], {detached: true, stdio: 'ignore'}).unref();`;
    await leftBehind({ one: specOf(node(`${DEAF}${fork}${IDLE}`), { streams: "lines", restartPolicy: "Always" }) });
    const before = await settles(async () => {
      const pids = await left();
      expect(pids).toHaveLength(2);
      return pids;
    });
    supervisor = await openSupervisor(directory);
    const now = await left();
    expect(now.filter((pid) => before.includes(pid))).toEqual([]);
    expect(supervisor.get("one")?.state.kind).toBe("running");
    expect(supervisor.get("one")?.record.restarts).toBe(1);
  });

  it("what was stopped stays so", async () => {
    const made = await started(node(IDLE), { restartPolicy: "Always" });
    await made.stop(0, never);
    await supervisor[Symbol.asyncDispose]();
    supervisor = await openSupervisor(directory);
    expect(supervisor.get("one")?.state).toMatchObject({ kind: "exited" });
    expect(await left()).toEqual([]);
  });

  it("one whose start was not yet written down is found, too", async () => {
    await leftBehind({ one: specOf(node(IDLE)) });
    expect(await left()).toHaveLength(1);
    const file = join(directory, "state", "one", "state.json");
    const { run, ...state } = JSON.parse(await readFile(file, "utf8"));
    await writeFile(file, JSON.stringify({ ...state, run: { ...run, leader: undefined } }));
    supervisor = await openSupervisor(directory);
    expect(await left()).toEqual([]);
  });

  it("a recycled pid is never taken for ours", async () => {
    await leftBehind({ one: specOf(node(IDLE), { restartPolicy: "Never" }) });
    const [pid = 0] = await left();
    process.kill(pid, "SIGKILL");
    const file = join(directory, "state", "one", "state.json");
    const state = JSON.parse(await readFile(file, "utf8"));
    // Somebody else's process has that pid now: this one's own parent.
    state.run.leader.pid = process.ppid;
    await writeFile(file, JSON.stringify(state));
    supervisor = await openSupervisor(directory);
    expect(supervisor.get("one")?.state).toMatchObject({ kind: "exited" });
    expect(await linuxProcesses.get(process.ppid)).toBeDefined();
  });
});

describe("the end of this program", () => {
  it("ends all processes, which the next one starts again", async () => {
    await started(node(IDLE), { restartPolicy: "Always" });
    await supervisor[Symbol.asyncDispose]();
    expect(await left()).toEqual([]);
    supervisor = await openSupervisor(directory);
    expect(supervisor.get("one")?.state.kind).toBe("running");
    expect(supervisor.get("one")?.record.restarts).toBe(0);
  });
});

describe("a creation that was broken off", () => {
  it("before its state was written leaves no folder", async () => {
    await supervisor[Symbol.asyncDispose]();
    await mkdir(join(directory, "work", "two"));
    await mkdir(join(directory, "state", "two"));
    supervisor = await openSupervisor(directory);
    expect(await readdir(join(directory, "work"))).toEqual([]);
    expect(await readdir(join(directory, "state"))).toEqual([]);
  });
});

describe("a deletion", () => {
  it("leaves nothing: no process, no file; the state of others stays ours alone", async () => {
    await started(node(DEAF + IDLE));
    expect((await stat(join(directory, "state", "one", "state.json"))).mode & 0o777).toBe(0o600);
    await supervisor.delete("one", never);
    expect(await left()).toEqual([]);
    expect(await readdir(join(directory, "state"))).toEqual([]);
    expect(await readdir(join(directory, "work"))).toEqual([]);
  });
});
