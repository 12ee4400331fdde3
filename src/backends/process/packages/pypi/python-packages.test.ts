import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from "@jest/globals";
import { FakeUv, type UvFault } from "../../../../../test/support/pypi/fake-uv.ts";
import {
  greetingRelease,
  PackageIndex,
  SERVER,
  serverRelease,
} from "../../../../../test/support/pypi/package-index.ts";
import { recordingLogger } from "../../../../../test/support/recording-logger.ts";
import { systemClock } from "../../../../machinery/clock.ts";
import { NpmPackages } from "../npm/npm-packages.ts";
import { PackageCache } from "../package-cache.ts";
import { formatPinned, type PinnedPackage, packageKey } from "../package-name.ts";
import { PythonPackages } from "./python-packages.ts";

jest.setTimeout(120_000);

const never = new AbortController().signal;
let shared: string;
let directory: string;
let uv: FakeUv;
let index: PackageIndex;
const opened: PackageCache[] = [];
const { logger, lines } = recordingLogger();

beforeAll(async () => {
  shared = await mkdtemp(join(tmpdir(), "slipway-uv-"));
  // What runs from here may be of other users.
  await chmod(shared, 0o755);
  uv = await FakeUv.install(join(shared, "bin"));
});
afterAll(() => rm(shared, { recursive: true }));
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-pypi-"));
  await chmod(directory, 0o755);
  await mkdir(join(directory, "index"));
  index = await PackageIndex.open(join(directory, "index"));
  index.wheel(greetingRelease("1.0.0"));
  index.wheel(await serverRelease("1.2.3"));
});
afterEach(async () => {
  for (const cache of opened.splice(0)) cache[Symbol.dispose]();
  await uv.fail(undefined);
  await index[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Another one each time, as after a restart. */
async function openCache(more: Record<string, string | undefined> = {}, ownUsers = false): Promise<PackageCache> {
  const environment = { HOME: directory, PATH: uv.path, UV_INDEX_URL: index.url, ...more };
  const cache = join(directory, "cache");
  const made = await PackageCache.open({
    directory: join(directory, "packages"),
    clock: systemClock,
    tools: {
      npm: new NpmPackages({ environment, cache, node: process.execPath, logger }),
      pypi: new PythonPackages({ environment, cache, ownUsers, logger }),
    },
  });
  opened.push(made);
  return made;
}

const request = (version = "latest", name = SERVER) => ({ registry: "pypi", name, version }) as const;
const refusal = (reason: string, ...says: RegExp[]) =>
  expect.objectContaining({
    reason,
    message: expect.stringMatching(new RegExp(says.map(({ source }) => `(?=[^]*${source})`).join(""))),
  });

/** What a server answers to one call of its tool. */
function greet(argv: readonly string[]): string {
  const [program = "", ...args] = argv;
  const call = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "greet", arguments: { name: "Ada" } } };
  const said = execFileSync(program, args, { input: `${JSON.stringify(call)}\n`, encoding: "utf8", env: {} });
  return JSON.parse(said).result.content[0].text;
}

describe("packages of PyPI", () => {
  it("are resolved, installed once for all that ask, and run", async () => {
    const cache = await openCache();
    const pinned = await cache.resolve(request(">=1,<2"), never);
    expect(formatPinned(pinned)).toMatch(/^pypi:slipway-test-server@1\.2\.3#sha256-[^;]{44};lock=sha256-[^;]{44}$/);
    const [command, second] = await Promise.all([cache.ensure(pinned, never), cache.ensure(pinned, never)]);
    expect(second).toEqual(command);
    expect(greet(command)).toBe("Hello, Ada! (greeting 1.0.0) (server 1.2.3)");
    const trees = (await readdir(join(directory, "packages"))).filter((name) => name.endsWith(".tree"));
    expect(trees).toEqual([`${packageKey(pinned)}.tree`]);
    expect(uv.calls().filter(({ argv }) => argv[1] === "sync")).toHaveLength(1);
  });

  it("run again without the index, and are found whole, though a server has run from them", async () => {
    const pinned = await (await openCache()).resolve(request(), never);
    const command = await (await openCache()).ensure(pinned, never);
    greet(command);
    await index[Symbol.asyncDispose]();
    const offline = await openCache({ PATH: "/no/such" });
    expect(await offline.resolve(request("1.2.3"), never)).toEqual(pinned);
    expect(greet(await offline.ensure(pinned, never))).toContain("server 1.2.3");
  });

  it("stay what they were when the index has newer ones, until they are asked for anew", async () => {
    const cache = await openCache();
    const pinned = await cache.resolve(request(), never);
    index.wheel(greetingRelease("1.1.0", "Good day"));
    index.wheel(await serverRelease("1.3.0"));
    expect(greet(await cache.ensure(pinned, never))).toBe("Hello, Ada! (greeting 1.0.0) (server 1.2.3)");
    expect(await cache.resolve(request("1.2.3"), never)).toEqual(pinned);
    const newer = await cache.resolve(request(), never);
    expect(greet(await cache.ensure(newer, never))).toBe("Good day, Ada! (greeting 1.1.0) (server 1.3.0)");
  });

  it("are made anew where a file is changed, missing or more, or the interpreter is gone", async () => {
    const versioned = join(directory, "versioned");
    await mkdir(versioned);
    await symlink("/usr/bin/python3", join(versioned, "python3"));
    const env = { PATH: `${versioned}:${uv.path}` };
    const pinned = await (await openCache(env)).resolve(request(), never);
    const [python = ""] = await (await openCache(env)).ensure(pinned, never);
    const venv = dirname(dirname(python));
    const [lib = ""] = await readdir(join(venv, "lib"));
    const module = join(venv, "lib", lib, "site-packages", "slipway_test_greeting.py");
    expect((await stat(module)).mode & 0o022).toBe(0);
    const damages = [
      () => appendFile(module, "raise Exception"),
      () => rm(module),
      () => writeFile(join(dirname(module), "more.pth"), "import sys"),
      // Nothing of the tree is changed by it.
      () => rm(join(versioned, "python3")),
    ];
    for (const damage of damages) {
      await damage();
      expect(greet(await (await openCache(env)).ensure(pinned, never))).toContain("Hello, Ada!");
      expect(existsSync(join(dirname(module), "more.pth"))).toBe(false);
    }
  });

  const lockOf = (pinned: PinnedPackage) => join(directory, "packages", `${packageKey(pinned)}.lock.json`);

  it("are installed again as they were pinned when they were gone, or not at all", async () => {
    const cache = await openCache();
    const pinned = await cache.resolve(request(), never);
    await cache.ensure(pinned, never);
    index.wheel(greetingRelease("1.1.0", "Good day"));
    await cache.prune([]);
    expect(await readdir(join(directory, "packages"))).toEqual([`${packageKey(pinned)}.lock.json`]);
    expect(greet(await cache.ensure(pinned, never))).toContain("greeting 1.0.0");

    await cache.prune([]);
    await rm(lockOf(pinned));
    await expect(cache.ensure(pinned, never)).rejects.toThrow(
      refusal("PackageNotPinned", /^spec\.source\.package: /, /other dependencies/, /edit the deployment/),
    );
  });

  it("are refused where the index gives another archive under what was pinned", async () => {
    const cache = await openCache();
    const pinned = await cache.resolve(request(), never);
    await index.replace(greetingRelease("1.0.0", "Evil"));
    await expect(cache.ensure(pinned, never)).rejects.toThrow(
      refusal("PackageNotPinned", /spec\.source\.package\.pypi/, /slipway-test-greeting==1\.0\.0 has another content/),
    );
    expect((await readdir(join(directory, "packages"))).filter((name) => !name.endsWith(".lock.json"))).toEqual([]);
  });

  it("are refused where the index has another hash for what was pinned, and its lock is gone", async () => {
    const cache = await openCache();
    const pinned = await cache.resolve(request(), never);
    await index.republish(await serverRelease("1.2.3", { files: { "other.py": "" } }));
    await rm(lockOf(pinned));
    await expect(cache.ensure(pinned, never)).rejects.toThrow(refusal("PackageNotPinned", /another content/));
  });

  it("run nothing of their own while they are installed: neither a build nor what Python starts with", async () => {
    const [built, started] = [join(directory, "built"), join(directory, "started")];
    await mkdir(join(directory, ".config", "uv"), { recursive: true });
    await writeFile(join(directory, ".config", "uv", "uv.toml"), "[pip]\ncompile-bytecode = true\n");
    const hook = { "hook.pth": `import pathlib; pathlib.Path(${JSON.stringify(started)}).touch()\n` };
    const release = await serverRelease("2.0.0");
    index.wheel({ ...release, files: { ...release.files, ...hook } });
    index.source({ name: SERVER, version: "2.0.0" }, built);
    const cache = await openCache();
    const command = await cache.ensure(await cache.resolve(request("2.0.0"), never), never);
    await (await openCache()).ensure(await cache.resolve(request("2.0.0"), never), never);
    expect([existsSync(built), existsSync(started)]).toEqual([false, false]);
    greet(command);
    expect(existsSync(started)).toBe(true);
  });

  it("that have no wheel are refused, and not built", async () => {
    const ran = join(directory, "ran");
    index.source({ name: "only-source", version: "1.0.0" }, ran);
    index.wheel(await serverRelease("3.0.0", { requires: ["only-source"] }));
    const cache = await openCache();
    for (const asked of [request("latest", "only-source"), request("3.0.0")]) {
      await expect(cache.resolve(asked, never)).rejects.toThrow(
        refusal(
          "PackageNotInstallable",
          /spec\.source\.package\.pypi/,
          /only-source==1\.0\.0 has no wheel/,
          /building/,
        ),
      );
    }
    expect(existsSync(ran)).toBe(false);
  });

  it("leave nothing when they are broken off", async () => {
    await mkdir(join(directory, "packages", "unfinished-1"), { recursive: true });
    const cache = await openCache();
    await expect(cache.resolve(request(), AbortSignal.timeout(50))).rejects.toThrow(/aborted/);
    expect(await readdir(join(directory, "packages"))).toEqual([]);
  });

  it.each<{ because: string; asked?: ReturnType<typeof request>; env?: Record<string, string>; want: RegExp[] }>([
    {
      because: "no such package",
      asked: request("latest", "no-such-server"),
      want: [/PackageNotFound/, /pypi: .*no-such-server/],
    },
    { because: "no such version", asked: request("9.9.9"), want: [/PackageNotFound/, /version: .*no such version/] },
    {
      because: "no version in the range",
      asked: request(">=9"),
      want: [/PackageNotFound/, /version: .*no such version/],
    },
    {
      because: "no index",
      env: { UV_INDEX_URL: "http://127.0.0.1:1/simple" },
      want: [/RegistryUnavailable/, /does not answer/],
    },
    { because: "no uv", env: { PATH: "/no/such" }, want: [/UvMissing/, /install it: https/] },
    { because: "no Python", env: { UV_PYTHON: "3.7" }, want: [/PythonMissing/, /uv python install/] },
  ])(
    "say why they cannot be resolved: $because",
    async ({ asked = request(), env, want: [reason = /x/, says = /x/] }) => {
      const cache = await openCache(env);
      await expect(cache.resolve(asked, never)).rejects.toThrow(refusal(reason.source, says));
    },
  );

  it("that are for other machines only are refused", async () => {
    index.wheel(await serverRelease("4.0.0", { tag: "cp311-cp311-win_amd64" }));
    const cache = await openCache();
    await expect(cache.resolve(request("4.0.0"), never)).rejects.toThrow(
      refusal("PackageNotInstallable", /slipway-test-server==4\.0\.0 has no wheel for this machine/),
    );
  });

  it.each<{ because: string; scripts: Record<string, string>; want: string | RegExp }>([
    { because: "the only one", scripts: { serve: "slipway_test_server:main" }, want: "Hello, Ada!" },
    {
      because: "that of its own name",
      scripts: { other: "no.such:main", slipway_test_server: "slipway_test_server:main" },
      want: "Hello, Ada!",
    },
    { because: "none", scripts: {}, want: /it has no console script/ },
    { because: "several of other names", scripts: { a: "x:a", b: "x:b" }, want: /none of a, b has its own name/ },
  ])("run the script that uvx would: $because", async ({ scripts, want }) => {
    index.wheel(await serverRelease("5.0.0", { scripts }));
    const cache = await openCache();
    const ensured = cache.ensure(await cache.resolve(request("5.0.0"), never), never);
    if (typeof want === "string") expect(greet(await ensured)).toContain(want);
    else await expect(ensured).rejects.toThrow(refusal("NoProgram", /spec\.source\.package/, want));
  });

  it("ask the index that the user's uv.toml names, and that of no project in folders above", async () => {
    await mkdir(join(directory, ".config", "uv"), { recursive: true });
    await writeFile(join(directory, ".config", "uv", "uv.toml"), `index-url = "${index.url}"\n`);
    await writeFile(join(directory, "pyproject.toml"), '[tool.uv]\nindex-url = "http://127.0.0.1:1/simple"\n');
    const cache = await openCache({ UV_INDEX_URL: undefined });
    expect((await cache.resolve(request(), never)).version).toBe("1.2.3");
  });

  it("show no credentials in what they say", async () => {
    index.wants = "me:hush-hush";
    const url = `http://me:hush-hush@${index.host}/simple`;
    const cache = await openCache({ UV_INDEX_URL: url });
    expect((await cache.resolve(request(), never)).name).toBe(SERVER);
    for (const file of await readdir(join(directory, "packages"))) {
      expect(await readFile(join(directory, "packages", file), "utf8")).not.toContain("hush");
    }
    index.status = 500;
    const error = await cache.resolve(request(), never).catch((thrown: unknown) => thrown);
    expect(error).toEqual(refusal("RegistryUnavailable"));
    // The log has what uv wrote.
    const told = `${(error as Error).message} ${String(lines.at(-1)?.fields.error)}`;
    expect(told).toMatch(/\/\/\*\*\*@127\.0\.0\.1:\d+\/simple\/slipway-test-server\//);
    expect(told).not.toMatch(/hush/);
    index.status = undefined;
    const wrong = await openCache({ UV_INDEX_URL: `http://me:wrong@${index.host}/simple` });
    await expect(wrong.resolve(request(), never)).rejects.toThrow(refusal("RegistryUnavailable", /credentials/));
  });

  it("give uv nothing of Slipway's environment but how to reach the index", async () => {
    const secret = { SLIPWAY_TOKEN: "x", UV_PUBLISH_TOKEN: "x", VIRTUAL_ENV: "/x", PYTHONPATH: "/x", UV_NO_BUILD: "0" };
    await (await openCache(secret)).resolve(request(), never);
    const names = uv
      .calls()
      .at(-1)
      ?.environment.filter((name) => Object.hasOwn(secret, name));
    expect(names).toEqual([]);
  });

  it.each<{ because: string; fault: UvFault; reason: string }>([
    {
      because: "uv is too old",
      fault: { command: "venv", code: 2, stderr: "error: unexpected argument '--relocatable' found\n\nUsage: uv venv" },
      reason: "UvMissing",
    },
    {
      because: "uv is killed, or says what nobody knows",
      fault: { command: "pip compile", code: 2, stderr: "error: odd" },
      reason: "InstallFailed",
    },
  ])("say that it is tried again where $because", async ({ fault, reason }) => {
    await uv.fail(fault);
    await expect((await openCache()).resolve(request(), never)).rejects.toThrow(
      expect.objectContaining({ name: "TransientError", reason }),
    );
  });

  it("say that other users cannot reach the interpreter", async () => {
    const home = join(directory, "home");
    await mkdir(join(home, "bin"), { recursive: true });
    await writeFile(join(home, "bin", "python3"), "", { mode: 0o755 });
    const cache = await openCache({}, true);
    const pinned = await cache.resolve(request(), never);
    const [python = ""] = await cache.ensure(pinned, never);
    expect(python).toMatch(/venv\/bin\/python$/);
    await chmod(home, 0o700);
    await rm(python);
    await symlink(join(home, "bin", "python3"), python);
    // Within the minute in which it counts as whole.
    await expect(cache.ensure(pinned, never)).rejects.toThrow(refusal("PythonMissing", /home is|closed/, /all users/));
  });
});
