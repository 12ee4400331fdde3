import { chmod, mkdir, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { DEAF, ECHO, forked, IDLE, node } from "../../../../test/support/process-scripts.ts";
import { exited, logOf, ProcessWorld, settles } from "../../../../test/support/process-world.ts";
import { linuxProcesses } from "./process-table.ts";

const never = new AbortController().signal;
const isRoot = process.getuid?.() === 0;

let world: ProcessWorld;
beforeEach(async () => {
  world = await ProcessWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

describe("a process is started", () => {
  it("with its arguments exactly, and nothing of our environment but PATH", async () => {
    const script = "console.log(JSON.stringify([process.argv.slice(1), process.env, process.cwd()]))";
    const odd = ["a b", "$HOME", "`id`", "; exit 3", "*", ""];
    const made = await world.started(node(script, "--", ...odd), { env: { OWN: "värde" } });
    expect(await exited(made)).toMatchObject({ code: 0, error: "" });
    const [line = ""] = await logOf(made);
    const [args, env, cwd] = JSON.parse(line);
    const home = join(world.directory, "work", "one");
    expect(args).toEqual(odd);
    expect(env).toEqual({
      ...{
        OWN: "värde",
        TEST_TAG: world.directory,
        HOME: home,
        PATH: process.env.PATH,
        SLIPWAY_RUN: expect.any(String),
      },
    });
    expect(cwd).toBe(home);
  });

  it("by its name in its own PATH, in its own folder", async () => {
    const made = await world.started(["pwd"], { env: { PATH: "relative:/usr/bin:/bin" }, workingDirectory: "/usr" });
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
    const made = await world.started(argv, patch);
    expect(await exited(made)).toMatchObject({ code: 127, error: expect.stringMatching(error) });
  });

  it("once, however often it is asked for", async () => {
    const made = await world.make(node(IDLE));
    await Promise.all([made.start(), made.start(), made.start()]);
    expect(await world.left()).toHaveLength(1);
    expect(await world.make(node(ECHO))).toBe(made);
  });

  it("with a limit of its processes, under a user of its own", async () => {
    if (!world.supervisor.limitsProcesses) return;
    const script =
      "const c=require('child_process');let n=0;try{for(;n<200;n++){const p=c.spawn('sleep',['100']);p.on('error',()=>{});if(!p.pid)break}}catch{};console.log(n,process.getuid())";
    const made = await world.started(node(`${script};${IDLE}`), { maxProcesses: 30 });
    const [count, uid] = await settles(async () => {
      const [line = ""] = await logOf(made);
      if (!line) throw new Error("it has written nothing");
      return line.split(" ").map(Number);
    });
    expect(count).toBeLessThan(30);
    expect(uid).toBe(made.record.user?.uid);
    expect(uid).toBeGreaterThan(0);
    await made.stop(0, never);
    expect(await world.left()).toEqual([]);
  });

  it("without access to our state, or another's home", async () => {
    if (!isRoot) return;
    await world.make(["pwd"], {}, "other");
    const script = `for (const f of ${JSON.stringify([`${world.directory}/state/one/state.json`, `${world.directory}/work/other`, `${world.directory}/work`])}) try { require('fs').readdirSync(f); console.log('open') } catch (e) { console.log(e.code) }`;
    const made = await world.started(node(script));
    await exited(made);
    expect(await logOf(made)).toEqual(["EACCES", "EACCES", "EACCES"]);
  });

  it("not in a folder that its user cannot come to by itself, be that one open to all", async () => {
    if (!isRoot) return;
    const closed = join(world.directory, "closed");
    await mkdir(join(closed, "open"), { recursive: true });
    await writeFile(join(closed, "open", "file"), "secret");
    await chmod(closed, 0o700);
    await symlink(join(closed, "open"), join(world.directory, "link"));
    for (const [index, folder] of [join(closed, "open"), join(world.directory, "link"), closed].entries()) {
      const made = await world.make(["cat", "file"], { workingDirectory: folder }, `of-${index}`);
      await made.start();
      const error = expect.stringMatching(/working directory .* may not be entered by the user/);
      expect(await exited(made)).toMatchObject({ code: 127, error });
    }
  });

  it("with variables for its loader, which those that confine it first have not", async () => {
    const traced = { LD_DEBUG: "libs", GCONV_PATH: "/none" };
    const script = "console.log(process.env.GCONV_PATH, process.env.LD_DEBUG)";
    const made = await world.started(node(script), { env: traced });
    await exited(made);
    const log = await logOf(made);
    expect(log).toContain("/none libs");
    // The loader tells of each program that it is told to.
    expect(log.join("\n")).toMatch(/initialize program: \S*node/);
    expect(log.join("\n")).not.toMatch(/initialize program: \S*(prlimit|setpriv|bwrap)/);
  });

  it("in a folder that everybody may come to, by a link too", async () => {
    await symlink("/usr", join(world.directory, "link"));
    const made = await world.started(["pwd"], { workingDirectory: join(world.directory, "link") });
    await exited(made);
    expect(await logOf(made)).toEqual(["/usr"]);
  });
});

describe("a connection", () => {
  it("carries bytes both ways, with back-pressure, while stderr goes to the log", async () => {
    const made = await world.started(node(`console.error('hello'); ${ECHO}`), { streams: "lines" });
    const stream = made.connection?.stream;
    const sent = `${"x".repeat(9_000_000)}ü\n`;
    expect(stream?.write(sent)).toBe(false);
    let got = Buffer.alloc(0);
    for await (const chunk of stream ?? []) {
      got = Buffer.concat([got, chunk]);
      if (got.at(-1) === 0x0a) break;
    }
    expect(got.toString("utf8") === sent).toBe(true);
    await settles(async () => expect(await logOf(made)).toEqual(["hello"]));
  });

  it("ends with the process, after what that wrote last; another process has another", async () => {
    const last = "process.stdout.write('y'.repeat(500000), () => process.exit(1))";
    const made = await world.started(node(last), { streams: "lines", restartPolicy: "Always" });
    const first = made.connection;
    const got = Buffer.concat(await Array.fromAsync(first?.stream ?? []));
    expect(got).toHaveLength(500_000);
    await settles(() => expect(made.connection?.instance).toEqual(expect.any(String)));
    await settles(() => expect(made.connection?.instance).not.toBe(first?.instance));
  });

  it("ends its process when it is given up, one that does not care too", async () => {
    const made = await world.started(node(DEAF + IDLE), { streams: "lines" });
    made.connection?.stream.destroy();
    expect(await exited(made)).toMatchObject({ signal: "SIGKILL" });
    expect(await world.left()).toEqual([]);
  });

  it("tells who writes to a process that reads no more", async () => {
    const made = await world.started(node(`require('fs').closeSync(0); ${IDLE}`), { streams: "lines" });
    const stream = made.connection?.stream;
    await settles(() => {
      stream?.write("x\n");
      expect(stream?.destroyed).toBe(true);
    });
  });
});

describe("a process that ends", () => {
  it.each([
    { because: "never is never", policy: "Never", code: 3, restarts: 0 },
    { because: "a success is no failure", policy: "OnFailure", code: 0, restarts: 0 },
    { because: "a failure", policy: "OnFailure", code: 3, restarts: 2 },
    { because: "always", policy: "Always", code: 0, restarts: 2 },
  ] as const)("is started again by its policy, later each time: $because", async ({ policy, code, restarts }) => {
    const made = await world.started(node(`process.exit(${code})`), { restartPolicy: policy });
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
    const made = await world.make(node("process.exit(1)"), { restartPolicy: "Always" });
    const waits: number[] = [];
    const unlisten = world.supervisor.onChange(() => {
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
    const made = await world.started(node(flood));
    expect(await exited(made)).toMatchObject({ code: 0 });
    const folder = join(world.directory, "state", "one", "log");
    const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size));
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(13 * 1024 * 1024);
    expect((await logOf(made)).at(-1)).toMatch(/^29999x/);
  });

  it("takes what it has started with it", async () => {
    const made = await world.started(node(`${forked(DEAF + IDLE)} setTimeout(() => process.exit(1), 200)`));
    expect(await exited(made)).toMatchObject({ code: 1 });
    expect(await world.left()).toEqual([]);
  });

  it("by a signal says which", async () => {
    const made = await world.started(node(IDLE));
    process.kill((await world.left())[0] ?? 0, "SIGKILL");
    expect(await exited(made)).toMatchObject({ code: undefined, signal: "SIGKILL" });
  });
});

describe("a process is stopped", () => {
  it("by SIGTERM, in its own time", async () => {
    const made = await world.started(
      node(`process.on('SIGTERM', () => { console.log('bye'); process.exit(7) }); console.log('up'); ${IDLE}`),
    );
    await settles(async () => expect(await logOf(made)).toEqual(["up"]));
    await made.stop(10_000, never);
    expect(made.state).toMatchObject({ kind: "exited", exit: { code: 7 } });
    expect(await logOf(made)).toEqual(["up", "bye"]);
  });

  it("by SIGKILL after its grace, with what it forked into other sessions", async () => {
    const nested = (depth: number): string => `${DEAF}${depth > 0 ? forked(nested(depth - 1)) : ""}${IDLE}`;
    const made = await world.started(node(nested(2)), { restartPolicy: "Always" });
    await settles(async () => expect(await world.left()).toHaveLength(3));
    await made.stop(300, never);
    expect(await world.left()).toEqual([]);
    expect(made.state).toMatchObject({ kind: "exited", exit: { signal: "SIGKILL" } });
    expect(made.record.wanted).toBe(false);
  });

  it("even where it forks without end", async () => {
    if (!world.supervisor.limitsProcesses) return;
    const bomb = "while :; do setsid sh -c 'sleep 100 & sleep 100' & sleep 0.01; done";
    const made = await world.started(["sh", "-c", bomb], { maxProcesses: 40 });
    await settles(async () => expect((await world.left()).length).toBeGreaterThan(20));
    await made.stop(100, never);
    expect(await world.left()).toEqual([]);
  });

  it("with what cleared its environment and lost its parents, where it has a user of its own", async () => {
    if (!isRoot) return;
    const made = await world.started([
      "sh",
      "-c",
      "setsid env -i sh -c 'sleep 1234 & exec sleep 1234' & sleep 0.3; exit 0",
    ]);
    await exited(made);
    const uid = made.record.user?.uid;
    const living = (await linuxProcesses.list()).filter(({ state }) => state !== "Z");
    const users = await Promise.all(living.map(({ pid }) => linuxProcesses.userOf(pid)));
    expect(users.filter((user) => user === uid)).toEqual([]);
  });
});

describe("a deletion", () => {
  it("leaves nothing: no process, no file; the state of others stays ours alone", async () => {
    await world.started(node(DEAF + IDLE));
    expect((await stat(join(world.directory, "state", "one", "state.json"))).mode & 0o777).toBe(0o600);
    await world.supervisor.delete("one", never);
    expect(await world.left()).toEqual([]);
    expect(await readdir(join(world.directory, "state"))).toEqual([]);
    expect(await readdir(join(world.directory, "work"))).toEqual([]);
  });
});
