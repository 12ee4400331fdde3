import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { openSupervisor } from "../../../../test/support/supervising.ts";
import { systemClock } from "../../../machinery/clock.ts";
import { PackageCache } from "./package-cache.ts";
import { pinnedBy } from "./package-lock.ts";
import { type PinnedPackage, packageKey } from "./package-name.ts";

/** These speak to the registry of npm, as the make targets do. */
const EVERYTHING = { name: "@modelcontextprotocol/server-everything", version: "2026.8.31" };
const MEMORY = { name: "@modelcontextprotocol/server-memory", version: "2026.8.31" };
/** With a program and one dependency, so that it is there in a moment. */
const SMALL = { name: "nopt", version: "8.1.0" };
const FILESYSTEM = { name: "@modelcontextprotocol/server-filesystem", version: "2026.8.31" };
const SERVERS = process.env.SLIPWAY_SOAK
  ? { everything: EVERYTHING, memory: MEMORY, files: FILESYSTEM }
  : { files: FILESYSTEM };

const never = new AbortController().signal;
/** What npm has fetched is kept for all tests of this file. */
let fetched: string;
let directory: string;
const caches: PackageCache[] = [];

beforeAll(async () => {
  fetched = await mkdtemp(join(tmpdir(), "slipway-npm-"));
});
afterAll(() => rm(fetched, { recursive: true }));
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "slipway-packages-"));
  await chmod(directory, 0o755);
});
afterEach(async () => {
  for (const cache of caches.splice(0)) cache[Symbol.dispose]();
  await rm(directory, { recursive: true });
});

async function openCache(environment: Record<string, string> = {}): Promise<PackageCache> {
  const cache = await PackageCache.open({
    directory: join(directory, "packages"),
    environment: { ...process.env, ...environment },
    cache: environment.npm_config_registry ? join(directory, "empty") : fetched,
    node: process.execPath,
    clock: systemClock,
  });
  caches.push(cache);
  return cache;
}

const OFFLINE = { npm_config_registry: "https://127.0.0.1:1/" };

describe("packages of npm", () => {
  it("are resolved, installed once for all that ask, and run without the registry afterwards", async () => {
    const cache = await openCache();
    const pinned = await cache.resolve({ ...SMALL, version: "~8.1.0" }, never);
    expect(pinned).toMatchObject({ name: SMALL.name, integrity: expect.stringMatching(/^sha512-/) });
    const [command, second] = await Promise.all([cache.ensure(pinned, never), cache.ensure(pinned, never)]);
    expect(second).toEqual(command);
    expect(command).toEqual([process.execPath, expect.stringMatching(/nopt\/bin\/nopt\.js$/)]);
    expect((await readdir(join(directory, "packages"))).filter((name) => name.endsWith(".tree"))).toHaveLength(1);

    const offline = await openCache(OFFLINE);
    const again = await offline.resolve({ name: pinned.name, version: pinned.version }, never);
    expect(again).toEqual(pinned);
    expect(await offline.ensure(again, never)).toEqual(command);
  }, 120_000);

  it("are made anew where a file is changed, missing or more", async () => {
    const pinned = await (await openCache()).resolve(SMALL, never);
    const [, file = ""] = await (await openCache()).ensure(pinned, never);
    const { size, mode } = await stat(file);
    expect(mode & 0o022).toBe(0);
    const damages = [
      () => appendFile(file, "\n// changed"),
      () => unlink(file),
      () => appendFile(`${file}.more.js`, ""),
    ];
    for (const damage of damages) {
      await damage();
      await (await openCache()).ensure(pinned, never);
      expect((await stat(file)).size).toBe(size);
      await expect(stat(`${file}.more.js`)).rejects.toThrow("ENOENT");
    }
  }, 240_000);

  const lockOf = (pinned: PinnedPackage) => join(directory, "packages", `${packageKey(pinned)}.lock.json`);

  it("are installed again as they were pinned when they were gone, or not at all", async () => {
    const cache = await openCache();
    const pinned = await cache.resolve(SMALL, never);
    const [, file = ""] = await cache.ensure(pinned, never);
    await cache.prune([]);
    await expect(stat(file)).rejects.toThrow("ENOENT");
    // The registry says today what it said then.
    await rm(lockOf(pinned));
    expect((await cache.ensure(pinned, never))[1]).toBe(file);

    // A dependency's range meant another version when this was pinned.
    const lock = JSON.parse(await readFile(lockOf(pinned), "utf8"));
    const [path = ""] = Object.keys(lock.packages).filter((key) => key !== "" && !key.endsWith(SMALL.name));
    lock.packages[path].version = "0.0.1-before";
    const before = pinnedBy(lock, SMALL.name);
    const refused = {
      reason: "PackageNotPinned",
      message: expect.stringMatching(/^spec\.source\.package: .*other dependencies .*edit the deployment/),
    };
    await expect(cache.ensure(before, never)).rejects.toThrow(expect.objectContaining(refused));
  }, 240_000);

  it("leave nothing when they are broken off", async () => {
    await mkdir(join(directory, "packages", "unfinished-1"), { recursive: true });
    const cache = await openCache();
    expect(await readdir(join(directory, "packages"))).toEqual([]);
    const resolving = cache.resolve(SMALL, AbortSignal.timeout(100));
    await expect(resolving).rejects.toThrow(/aborted/);
    expect(await readdir(join(directory, "packages"))).toEqual([]);
  }, 120_000);

  it.each([
    {
      because: "no such package",
      request: { name: "@slipway-test/none-such", version: "1.0.0" },
      env: {},
      reason: "PackageNotFound",
    },
    { because: "no such version", request: { ...SMALL, version: "0.0.0" }, env: {}, reason: "PackageNotFound" },
    { because: "no registry", request: SMALL, env: OFFLINE, reason: "RegistryUnavailable" },
    { because: "no npm", request: SMALL, env: { PATH: "/no/such" }, reason: "NpmMissing" },
  ])(
    "say why they cannot be resolved: $because",
    async ({ request, env, reason }) => {
      const cache = await openCache(env);
      await expect(cache.resolve(request, never)).rejects.toThrow(expect.objectContaining({ reason }));
    },
    120_000,
  );

  it("serve MCP over stdio", async () => {
    const supervisor = await openSupervisor(directory);
    const cache = await openCache();
    for (const [id, request] of Object.entries(SERVERS)) {
      const program = await cache.ensure(await cache.resolve(request, never), never);
      const made = await supervisor.create({
        id,
        note: null,
        spec: {
          ...{ argv: id === "files" ? [...program, directory] : program, env: {}, workingDirectory: undefined },
          ...{ streams: "lines", restartPolicy: "Never", maxProcesses: 64 },
        },
      });
      await made.start();
      expect(await toolsOf(made.connection?.stream)).toBeGreaterThan(3);
      await supervisor.delete(id, never);
    }
    await supervisor[Symbol.asyncDispose]();
  }, 240_000);
});

/** How many tools a server of the 2025 protocol lists. */
async function toolsOf(stream: Duplex | undefined): Promise<number> {
  if (!stream) throw new Error("it has no connection");
  const send = (message: object) => stream.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  const clientInfo = { name: "test", version: "1" };
  send({ id: 1, method: "initialize", params: { protocolVersion: "2025-06-18", capabilities: {}, clientInfo } });
  for await (const line of createInterface({ input: stream })) {
    const message = JSON.parse(line);
    if (message.id === 2) return message.result.tools.length;
    if (message.id !== 1) continue;
    send({ method: "notifications/initialized" });
    send({ id: 2, method: "tools/list" });
  }
  throw new Error("it has ended");
}
