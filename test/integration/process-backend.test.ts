import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtempDisposable, readdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { NO_IMAGE, type Workload, type WorkloadSpec } from "../../src/backends/backend.ts";
import { formatPinned, packageKey } from "../../src/backends/process/packages/package-name.ts";
import type { ProcessBackend } from "../../src/backends/process/process-backend.ts";
import { linuxProcesses } from "../../src/backends/process/supervisor/process-table.ts";
import { contractSpec, newOwner, UNCONFINED, UNRESTRICTED } from "../contract/backend.ts";
import { eventually } from "../support/eventually.ts";
import { ended, exchange } from "../support/line-exchange.ts";
import { listen } from "../support/listen.ts";
import { DEAF, ECHO, forked, IDLE, node } from "../support/process-scripts.ts";
import { freePort, ProcessesUnderTest } from "../support/processes-under-test.ts";

jest.setTimeout(60_000);

const within = (): AbortSignal => AbortSignal.timeout(30_000);
const isRoot = process.getuid?.() === 0;
const CLOSED = {
  ...UNCONFINED,
  readOnlyRoot: true,
  network: { egress: { kind: "closed" as const }, ingressPorts: [] },
};
/** Where there is no bubblewrap. */
const BARE_PATH = "/usr/sbin:/bin-of-nothing";

let world: ProcessesUnderTest;
let backend: ProcessBackend;
beforeEach(async () => {
  world = await ProcessesUnderTest.open();
  backend = world.backend();
});
afterEach(() => world[Symbol.asyncDispose]());

const listens = (port: number, script = "") =>
  node(`${script}; require('http').createServer((q, s) => s.end('hello')).listen(${port}, '127.0.0.1')`);

function programOf([command = "", ...args]: readonly string[]): NonNullable<WorkloadSpec["program"]> {
  return { kind: "process", command, args, workingDir: undefined };
}

function specOf(argv: readonly string[], patch: Partial<WorkloadSpec> = {}): WorkloadSpec {
  const made = { owner: newOwner(), port: 8080, image: { pinned: NO_IMAGE }, program: programOf(argv), stdio: true };
  const spec = contractSpec({ ...made, ...patch });
  return { ...spec, env: { TEST_TAG: world.directory, ...spec.env } };
}

async function launch(spec: WorkloadSpec, by = backend): Promise<Workload> {
  const { id } = await by.create(spec, { role: "current", hostPort: undefined }, within());
  return await by.start(id, within());
}

async function current(spec: WorkloadSpec): Promise<Workload | undefined> {
  return (await backend.observe(spec.owner, within()))[0];
}

async function logOf(spec: WorkloadSpec): Promise<string[]> {
  return await Array.fromAsync(
    backend.logs(spec.owner, { tail: undefined, follow: false, timestamps: false }, within()),
  );
}

/** What a script printed that has ended. */
async function printed(script: string, patch: Partial<WorkloadSpec> = {}): Promise<string[]> {
  const spec = specOf(node(script), { stdio: false, restartPolicy: "Never", ...patch });
  await launch(spec);
  await eventually("it has ended", async () => (await current(spec))?.state.kind === "exited");
  return await logOf(spec);
}

/** Pids of what tests of this world have started and still lives. */
async function left(): Promise<number[]> {
  const living = (await linuxProcesses.list()).filter(({ state }) => state !== "Z");
  const ours = await Promise.all(
    living.map(({ pid }) => linuxProcesses.hasVariable(pid, `TEST_TAG=${world.directory}`)),
  );
  return living.filter((_, index) => ours[index]).map(({ pid }) => pid);
}

describe("a process of a deployment", () => {
  it("has its arguments exactly, the declared environment, and nothing of ours", async () => {
    const odd = ["a b", "$HOME", "`id`", "; exit 3", "*", ""];
    const script = "console.log(JSON.stringify([process.argv.slice(1), Object.keys(process.env).sort()]))";
    const program = programOf(node(script, "--", ...odd));
    const [line = ""] = await printed("", { program, env: { TOKEN: "s3cret" } });
    const [args, names] = JSON.parse(line);
    expect(args).toEqual(odd);
    expect(names.filter((name: string) => name !== "PWD")).toEqual([
      "HOME",
      "PATH",
      "SLIPWAY_RUN",
      "TEST_TAG",
      "TOKEN",
    ]);
  });

  it("keeps values of its environment out of the list of processes", async () => {
    const spec = specOf(node(IDLE), { env: { TOKEN: "s3cret-of-a-test" } });
    await launch(spec);
    const { stdout } = await promisify(execFile)("ps", ["axww", "-o", "args"]);
    expect(stdout).toContain("setInterval");
    expect(stdout).not.toContain("s3cret-of-a-test");
  });

  it("cannot read what is Slipway's", async () => {
    if (!isRoot) return;
    const data = join(world.directory, "data");
    await mkdir(data, { mode: 0o700 });
    await writeFile(join(data, "admin.key"), "secret", { mode: 0o644 });
    const paths = [
      join(data, "admin.key"),
      join(world.directory, "state"),
      join(world.directory, "shared", "npm-cache"),
    ];
    const script = `for (const p of ${JSON.stringify(paths)}) try { require('fs').statSync(p + '/.'); console.log('open') } catch (e) { console.log(e.code) }`;
    expect(new Set(await printed(script))).toEqual(new Set(["EACCES"]));
  });

  it("is started again when it is killed, which is counted", async () => {
    const port = await freePort();
    const spec = specOf(listens(port), { stdio: false, port });
    const first = await launch(spec);
    const told: string[] = [];
    const stop = new AbortController();
    backend.watch(({ uid }) => told.push(uid), stop.signal);
    for (const pid of await left()) process.kill(pid, "SIGKILL");
    const second = await eventually("it runs again", async () => {
      const found = await current(spec);
      return found?.state.kind === "running" && found.platformRestarts === 1 ? found : undefined;
    });
    stop.abort();
    expect(second.id).toBe(first.id);
    expect(second.startedAt).not.toBe(first.startedAt);
    expect(told).toContain(spec.owner.uid);
  });

  it.each([
    { policy: "Never", code: 3, state: { kind: "exited", exitCode: 3 } },
    { policy: "OnFailure", code: 0, state: { kind: "exited", exitCode: 0 } },
    { policy: "OnFailure", code: 3, state: { kind: "restarting", exitCode: 3 } },
    { policy: "Always", code: 0, state: { kind: "restarting", exitCode: 0 } },
  ] as const)("obeys restartPolicy $policy where it ends with $code", async ({ policy, code, state }) => {
    const spec = specOf(node(`process.exit(${code})`), { stdio: false, restartPolicy: policy });
    await launch(spec);
    await eventually("its state", async () => {
      expect((await current(spec))?.state).toMatchObject(state);
      return true;
    });
  });

  it("says why its program cannot be run", async () => {
    const spec = specOf(["no-such-program"]);
    expect((await launch(spec)).state).toMatchObject({
      kind: "restarting",
      exitCode: 127,
      error: expect.stringContaining("no-such-program"),
    });
  });

  it.each([{ stdio: true }, { stdio: false }])(
    "leaves nothing, deaf and forked as it is (stdio: $stdio)",
    async ({ stdio }) => {
      const spec = specOf(node(`${DEAF} ${forked(`${DEAF} ${IDLE}`)} ${IDLE}`), { stdio });
      const { id } = await launch(spec);
      await eventually("both run", async () => (await left()).length >= 2);
      await backend.stop(id, 0.5, within());
      expect(await left()).toEqual([]);
      expect((await current(spec))?.state.kind).toBe("exited");
    },
  );

  it.each([{ stdio: true }, { stdio: false }])(
    "hears SIGTERM even if it has just been started (stdio: $stdio)",
    async ({ stdio }) => {
      const spec = specOf(node(IDLE), { stdio });
      const { id } = await launch(spec);
      await backend.stop(id, 20, within());
      expect((await current(spec))?.state).toMatchObject({ kind: "exited", exitCode: 143 });
    },
  );

  it("is told of by its log, over an end of the workload, and by what it uses", async () => {
    const spec = specOf(
      node(`console.error('first'); for (const end = Date.now() + 1500; Date.now() < end;); ${IDLE}`),
    );
    const { id } = await launch(spec);
    const stop = new AbortController();
    const lines: string[] = [];
    const following = (async () => {
      const options = { tail: undefined, follow: true, timestamps: false };
      for await (const line of backend.logs(spec.owner, options, stop.signal)) lines.push(line);
    })();
    const usage = await backend.usage(spec.owner, within());
    expect(usage).toMatchObject({ instances: 1 });
    // A busy machine gives it less than a core.
    expect(usage?.cpuMillis).toBeGreaterThan(50);
    expect(usage?.memoryBytes).toBeGreaterThan(5_000_000);
    await backend.delete(id, within());
    await launch({ ...spec, program: programOf(node(`console.error('second'); ${IDLE}`)), hash: "second" });
    await eventually("both are read", async () => lines.length === 2);
    expect(lines).toEqual(["first", "second"]);
    stop.abort();
    await expect(following).rejects.toThrow();
  });
});

describe("a process that listens", () => {
  it("has an address while it runs, and excludes who would listen there", async () => {
    const port = await freePort();
    const spec = specOf(listens(port), { stdio: false, port });
    const workload = await launch(spec);
    expect(workload).toMatchObject({ address: `127.0.0.1:${port}`, hostPort: port });
    await eventually("it answers", async () => (await (await fetch(`http://${workload.address}`)).text()) === "hello");
    expect(backend.excludes(workload, { ...spec, hash: "newer" })).toBe(true);
    expect(backend.excludes(workload, { ...spec, port: port + 1 })).toBe(false);
    expect(backend.excludes(workload, { ...spec, stdio: true })).toBe(false);
  });

  it("says who has its port", async () => {
    const port = await freePort();
    const first = specOf(listens(port), { stdio: false, port });
    await launch(first);
    const second = { ...first, owner: newOwner("other") };
    await expect(launch(second)).rejects.toMatchObject({
      name: "TransientError",
      reason: "PortConflict",
      message: expect.stringContaining("RuntimeDeployment test/contract"),
    });
    const server = createServer();
    const taken = Number((await listen(server)).split(":")[1]);
    try {
      await expect(launch(specOf(listens(taken), { stdio: false, port: taken }))).rejects.toMatchObject({
        reason: "PortConflict",
        message: expect.stringContaining(String(taken)),
      });
    } finally {
      server.close();
    }
  });
});

it("keeps its port while it waits to be started again", async () => {
  const port = await freePort();
  const crashing = { ...specOf(node("process.exit(1)"), { stdio: false, port }), restartPolicy: "Always" } as const;
  await launch(crashing);
  await eventually("it waits", async () => {
    const found = await current(crashing);
    return found?.state.kind === "restarting" && found.platformRestarts > 2 ? found : undefined;
  });
  const other = { ...specOf(listens(port), { stdio: false, port }), owner: newOwner("other") };
  await expect(launch(other)).rejects.toMatchObject({ reason: "PortConflict" });
});

it("ends its input before it ends it by force, whoever holds the stream", async () => {
  const spec = specOf(node(`${DEAF} ${ECHO.replace("process.exit()", "process.exit(7)")}`));
  const { id } = await launch(spec);
  const held = await backend.attach(id, within());
  expect(await exchange(held, "here", within())).toBe("here");
  await Promise.all([backend.stop(id, 20, within()), ended(held, within())]);
  expect((await current(spec))?.state).toMatchObject({ kind: "exited", exitCode: 7 });
});

it("is not given to another holder, who would keep its input open, while it ends", async () => {
  const slowly = ECHO.replace("process.exit()", "setTimeout(() => process.exit(7), 1_000)");
  const spec = specOf(node(`${DEAF} ${slowly}`));
  const { id } = await launch(spec);
  const held = await backend.attach(id, within());
  expect(await exchange(held, "here", within())).toBe("here");
  const stopping = backend.stop(id, 20, within());
  await once(held, "finish", { signal: within() });
  await expect(backend.attach(id, within())).rejects.toMatchObject({ reason: "BackendUnavailable" });
  await stopping;
  expect((await current(spec))?.state).toMatchObject({ kind: "exited", exitCode: 7 });
});

it("has one holder at a time, also where its RuntimeBackend was edited and has another backend since", async () => {
  const { id } = await launch(specOf(node(ECHO)));
  const before = await backend.attach(id, within());
  expect(await exchange(before, "before", within())).toBe("before");
  await backend[Symbol.asyncDispose]();
  const after = await world.backend().attach(id, within());
  expect(before.destroyed).toBe(true);
  expect(await exchange(after, "after", within())).toBe("after");
});

describe("a process of one client", () => {
  it("ends with its stream, deaf and forked as it is, and the shared one goes on", async () => {
    const spec = specOf(node(`${DEAF} ${forked(`${DEAF} ${IDLE}`)} ${ECHO.replace("process.exit()", "0")} ${IDLE}`));
    const { id } = await launch(spec);
    const shared = await backend.attach(id, within());
    expect(await exchange(shared, "shared", within())).toBe("shared");
    const before = (await left()).length;
    const own = await backend.attachOwn(id, within());
    expect(await exchange(own, "own", within())).toBe("own");
    expect((await left()).length).toBeGreaterThan(before);
    own.destroy();
    await eventually("only the shared one is left", async () => (await left()).length === before);
    expect(await exchange(shared, "still", within())).toBe("still");
  });

  it("ends its stream where it is killed", async () => {
    const spec = specOf(node(ECHO));
    const { id } = await launch(spec);
    const before = new Set(await left());
    const own = await backend.attachOwn(id, within());
    expect(await exchange(own, "own", within())).toBe("own");
    for (const pid of await left()) if (!before.has(pid)) process.kill(pid, "SIGKILL");
    await ended(own, within());
    await eventually("nothing is kept of it", async () => (await world.host.open()).supervisor.list().size === 1);
  });

  it("is removed by the next Slipway, as nobody could speak to it", async () => {
    const spec = specOf(node(ECHO));
    const { id } = await launch(spec);
    await backend.attachOwn(id, within());
    await world.host[Symbol.asyncDispose]();
    world.host = world.openHost();
    backend = world.backend();
    expect(await current(spec)).toMatchObject({ id, state: { kind: "running" } });
    expect([...(await world.host.open()).supervisor.list().keys()]).toEqual([id]);
  });
});

describe("what nobody needs any more", () => {
  const lock = `sha256-${"A".repeat(43)}=`;
  const pinned = { registry: "npm", name: "some-server", version: "1.0.0", integrity: "sha512-AAAA", lock } as const;

  it("is removed with the orphans: packages without a workload but for their locks, and no others", async () => {
    await launch(specOf(node(IDLE), { image: { pinned: formatPinned(pinned) } }));
    const packages = join(world.directory, "shared", "packages");
    const unused = packageKey({ ...pinned, version: "2.0.0" });
    for (const key of [packageKey(pinned), unused]) {
      await mkdir(join(packages, `${key}.tree`));
      await writeFile(join(packages, `${key}.lock.json`), "{}");
      await writeFile(join(packages, `${key}.digest`), "");
    }
    expect(await backend.collectOrphans(() => true, within())).toEqual([]);
    const kept = ["digest", "lock.json", "tree"].map((what) => `${packageKey(pinned)}.${what}`);
    expect((await readdir(packages)).sort()).toEqual([...kept, `${unused}.lock.json`].sort());
  });

  it("is left by no Slipway that ends without a workload", async () => {
    const spec = specOf(node(IDLE));
    const { id } = await launch(spec);
    await world.host[Symbol.asyncDispose]();
    expect((await readdir(world.directory)).sort()).toEqual(["shared", "state"]);
    world.host = world.openHost();
    backend = world.backend();
    await backend.delete(id, within());
    await writeFile(join(world.directory, "another's"), "");
    await world.host[Symbol.asyncDispose]();
    expect(await readdir(world.directory)).toEqual(["another's"]);
    world.host = world.openHost();
  });
});

describe("where bubblewrap works", () => {
  it("a process has its own /tmp and processes, and files that it can only read", async () => {
    if ((await confined("yes")).length === 0) return;
    // The folder as a whole may hold what the process needs, such as this checkout.
    await using folder = await mkdtempDisposable(join(tmpdir(), "slipway-outside-"));
    const script = `const fs = require('fs'); const t = (f) => { try { return f() } catch (e) { return e.code } };
      console.log(JSON.stringify([fs.existsSync(${JSON.stringify(folder.path)}), t(() => fs.writeFileSync('/var/tmp/x', '')),
      t(() => fs.writeFileSync('/tmp/x', '')), t(() => fs.writeFileSync(process.env.HOME + '/x', '')),
      fs.readdirSync('/proc').filter((n) => /^[0-9]+$/.test(n)).length < 4, /NoNewPrivs:\\s+1/.test(fs.readFileSync('/proc/self/status'))]))`;
    const [line = ""] = await printed(script, { confinement: { ...UNCONFINED, readOnlyRoot: true } });
    expect(JSON.parse(line)).toEqual([false, "EROFS", null, null, true, true]);
  });

  it("a server of stdio whose egress is closed reaches nothing, this machine included", async () => {
    if ((await confined("yes")).length === 0) return;
    const server = createServer((_request, response) => response.end());
    const address = await listen(server);
    const ask = `fetch('http://${address}').then(() => console.error('open'), (e) => console.error(e.cause.code)).then(() => process.exit())`;
    try {
      const patch = { stdio: true, restartPolicy: "Never" as const };
      expect(await printed(ask, { ...patch, confinement: CLOSED })).toEqual(["ECONNREFUSED"]);
      expect(await printed(ask, patch)).toEqual(["open"]);
    } finally {
      server.close();
    }
  });

  it("is where a strict profile's workload starts, and nowhere else", async () => {
    await world.host[Symbol.asyncDispose]();
    world.host = world.openHost({ ...process.env, PATH: BARE_PATH });
    backend = world.backend();
    const spec = specOf(node(IDLE), { guardrails: { ...UNRESTRICTED, enforcement: "Strict" } });
    expect((await launch(spec)).state).toMatchObject({ error: expect.stringContaining("bubblewrap") });
    const health = await backend.health(within());
    expect(health).toMatchObject({ available: true, message: expect.stringContaining("bubblewrap is not installed") });
    expect(health.capabilities?.guardrails.features["filesystem.readOnlyRoot"].enforcement).toBe("NotEnforced");
  });

  it("what started without it has drifted, and is confined by its mending", async () => {
    if ((await confined("yes")).length === 0) return;
    await world.host[Symbol.asyncDispose]();
    world.host = world.openHost({ ...process.env, PATH: BARE_PATH });
    backend = world.backend();
    const port = await freePort();
    const spec = specOf(listens(port), { stdio: false, port });
    expect(await launch(spec)).toMatchObject({ state: { kind: "running" }, drift: [] });
    await world.host[Symbol.asyncDispose]();
    world.host = world.openHost();
    backend = world.backend();
    const [adopted] = await backend.observe(spec.owner, within());
    if (adopted?.drift.length) await backend.repair(adopted, within());
    expect(await current(spec)).toMatchObject({ state: { kind: "running" }, drift: [] });
    const [kept] = (await world.host.open()).supervisor.list().values();
    expect(kept?.record.run?.sandboxed).toBe(true);
  });
});

/** What is so where bubblewrap works. */
async function confined<T>(value: T): Promise<T[]> {
  return (await world.host.sandbox.support()).kind === "works" ? [value] : [];
}
