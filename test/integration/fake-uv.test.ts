import { execFileSync } from "node:child_process";
import { mkdtemp, readdir, readFile, readlink, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { CommandFailed, runCommand } from "../../src/backends/process/run-command.ts";
import { FakeUv } from "../support/pypi/fake-uv.ts";
import { GREETING, greetingRelease, PackageIndex, SERVER, serverRelease } from "../support/pypi/package-index.ts";

jest.setTimeout(120_000);

/**
 * What tests rely on of the double is what uv's reference says (docs.astral.sh/uv/reference/cli and /environment) and the
 * snapshots of its own tests show (crates/uv/tests/it: pip_compile.rs, pip_sync.rs, venv.rs, network.rs). Where a real uv is at
 * hand, the same can be asked of it.
 */
describe("the double of uv", () => {
  let directory: string;
  let index: PackageIndex;
  let uv: FakeUv;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "slipway-fake-uv-"));
    index = await PackageIndex.open(directory);
    index.wheel(greetingRelease("1.0.0"));
    index.wheel(await serverRelease("1.2.3"));
    index.source({ name: SERVER, version: "1.2.3" }, join(directory, "ran"));
    uv = await FakeUv.install(join(directory, "bin"));
    await run("venv", "venv", "--relocatable", "--no-project", "--python=>=3.9", "--no-python-downloads");
  });
  afterAll(async () => {
    await index[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const run = async (...args: string[]) =>
    await runCommand([join(directory, "bin", "uv"), ...args], {
      cwd: directory,
      env: { HOME: directory, PATH: uv.path, UV_INDEX_URL: index.url },
      ...{ timeoutMs: 60_000, signal: AbortSignal.timeout(60_000) },
    });
  /** How it ended, and what it wrote. */
  const failure = async (...args: string[]): Promise<string> => {
    const error = await run(...args).then(
      () => new Error("it worked"),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof CommandFailed)) throw error;
    return error.message.replace(/^\S+ /, "");
  };
  const COMPILE = ["--output-file=out.txt", "--python=venv/bin/python", "--generate-hashes", "--only-binary=:all:"];
  const SYNC = ["--python=venv/bin/python", "--require-hashes", "--only-binary=:all:", "--link-mode=copy"];
  const compile = async (text: string, ...more: string[]) => {
    await writeFile(join(directory, "in.txt"), `${text}\n`);
    return ["pip", "compile", "in.txt", ...COMPILE, ...more];
  };

  it.each([
    {
      because: "an option that nobody knows",
      args: ["venv", "x", "--relocate"],
      says: /unexpected argument '--relocate' found/,
    },
    { because: "one of another command", args: ["venv", "x", "--require-hashes"], says: /unexpected argument/ },
    { because: "one twice", args: ["venv", "x", "--no-project", "--no-project"], says: /multiple times/ },
    { because: "one without its value", args: ["venv", "x", "--python"], says: /a value is required/ },
    { because: "a value that it does not take", args: ["venv", "x", "--no-project=1"], says: /unexpected value '1'/ },
    { because: "a command that nobody knows", args: ["pip", "lock"], says: /unrecognized subcommand/ },
  ])("ends with 2 for $because", async ({ args, says }) => {
    expect(await failure(...args)).toMatch(new RegExp(`^ended with 2: error: .*${says.source}`));
  });

  it("makes an environment that says which Python it has, without pip", async () => {
    const config = await readFile(join(directory, "venv", "pyvenv.cfg"), "utf8");
    expect(config).toMatch(/^home = \/.+\nimplementation = CPython\nuv = .+\nversion_info = 3\.\d+\.\d+\n/);
    expect(config).toMatch(/^relocatable = true$/m);
    expect(await readlink(join(directory, "venv", "bin", "python"))).toMatch(/python3?/);
    expect(await readdir(join(directory, "venv", "bin"))).not.toContain("pip");
  });

  it("writes one version of each, with the hashes of all its files in their order", async () => {
    await run(...(await compile(SERVER, "--no-header", "--no-annotate", "--refresh")));
    const hash = String.raw` \\\n    --hash=sha256:[0-9a-f]{64}`;
    const want = new RegExp(`^${GREETING}==1\\.0\\.0${hash}\n${SERVER}==1\\.2\\.3${hash}${hash}\n$`);
    expect(await readFile(join(directory, "out.txt"), "utf8")).toMatch(want);
  });

  it("installs what runs wherever the environment is moved", async () => {
    await run(...(await compile(SERVER)));
    await run("venv", "moving", "--relocatable", "--python=>=3.9");
    await run("pip", "sync", "out.txt", ...SYNC.with(0, "--python=moving/bin/python"));
    await rename(join(directory, "moving"), join(directory, "moved"));
    const script = join(directory, "moved", "bin", SERVER);
    expect(await readFile(script, "utf8")).toMatch(
      /^#!\/bin\/sh\n'''exec' "\$\(dirname -- "\$\(realpath -- "\$0"\)"\)"\/'python'/,
    );
    const input = '{"jsonrpc":"2.0","id":1,"method":"ping"}\n';
    expect(execFileSync(script, { input, encoding: "utf8" })).toBe('{"jsonrpc": "2.0", "id": 1, "result": {}}\n');
  });

  it.each([
    {
      because: "an unknown name",
      asked: "nobody-has-this",
      says: /Because nobody-has-this was not found in the package registry and you\s+require nobody-has-this, we/,
    },
    {
      because: "an unknown version",
      asked: `${SERVER}==9`,
      says: /Because there is no version of slipway-test-server==9 and you\s+require slipway-test-server==9/,
    },
  ])("ends with 1 for $because, in a report that is wrapped", async ({ asked, says }) => {
    const said = await failure(...(await compile(asked)));
    expect(said).toMatch(/^ended with 1: × No solution found when resolving dependencies:\n {2}╰─▶ /);
    expect(said).toMatch(new RegExp(says.source.replaceAll(" ", String.raw`\s+`)));
    expect(Math.max(...said.split("\n").map((line) => line.length))).toBeLessThan(100);
  });

  it("ends with 1 where an archive is another one, and says which hash it had", async () => {
    await writeFile(join(directory, "other.txt"), `${GREETING}==1.0.0 --hash=sha256:${"0".repeat(64)}\n`);
    expect(await failure("pip", "sync", "other.txt", ...SYNC)).toMatch(
      /^ended with 1: .*Failed to download `slipway-test-greeting==1\.0\.0`\n {2}╰─▶ Hash mismatch for[\s\S]*Expected:\n {8}sha256:0{64}\n[\s\S]*Computed:\n {8}sha256:[0-9a-f]{64}$/,
    );
  });

  it("ends with 2 where something has no hash", async () => {
    await writeFile(join(directory, "bare.txt"), `${GREETING}==1.0.0\n`);
    expect(await failure("pip", "sync", "bare.txt", ...SYNC)).toMatch(
      /^ended with 2: error: In `--require-hashes` mode/,
    );
  });
});
