import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it, jest } from "@jest/globals";
import { restoreBackup } from "../../src/cli/backup.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { startApiServer } from "../../src/server/api-server.ts";
import { backUp, readBackup } from "../../src/server/storage/backup.ts";
import { startTestApiServer } from "../support/api-server.ts";
import { eventually } from "../support/eventually.ts";
import { FaultySystem, whyNoFaults } from "../support/faulty-system.ts";
import { KillableApiServer, type Reply } from "../support/killable-api-server.ts";
import { randomFrom } from "../support/random.ts";
import { recordingLogger } from "../support/recording-logger.ts";

jest.setTimeout(600_000);

/** The long form is for `make soak`. */
const KILLS = process.env.SLIPWAY_SOAK ? 60 : 6;
const MAIN = join(import.meta.dirname, "../../src/main.ts");
/** Slow enough that kills fall between any two steps. */
const FSYNC_MS = 40;
const SEED = Number(process.env.SLIPWAY_SEED ?? Date.now() % 1_000_000);
const reason = whyNoFaults();
const itWithFaults = reason === undefined ? it : it.skip;
const why = reason === undefined ? "" : ` (skipped: ${reason})`;

let folder: string;
let original: string;
let file: string;
let system: FaultySystem;

beforeAll(async () => {
  if (reason !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), "slipway-restore-"));
  original = join(folder, "original");
  file = join(folder, "one.backup");
  await write(original, "in-backup");
  backUp({ dataDir: original, file, overwrite: false, clock: systemClock });
  await write(original, "after-backup");
  system = new FaultySystem();
  system.set({ fsyncMs: FSYNC_MS });
});

afterAll(async () => {
  system?.[Symbol.dispose]();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

/** Starts a server on the directory, and stops it again once it has another namespace. */
async function write(dataDir: string, name: string): Promise<void> {
  await using api = await startTestApiServer({ dataDir, crds: [] });
  await api.server.writer.create({ group: "", plural: "namespaces" }, {
    ...{ apiVersion: "v1", kind: "Namespace", metadata: { name } },
  } as never);
}

/** The namespaces that a server on the directory shows, of those that tell the states apart. */
async function stateOf(dataDir: string): Promise<string> {
  const server = await startApiServer({
    ...{ dataDir, listen: { host: "127.0.0.1", port: 0 }, crds: [], logger: recordingLogger().logger },
  });
  const names = server.reader.list({ group: "", plural: "namespaces" }).map(({ metadata }) => metadata.name);
  await server.close();
  return names.filter((name) => name.endsWith("-backup")).join();
}

/** Runs a command, and kills it at a moment unless it has ended before. */
async function killed(args: readonly string[], afterMs: number): Promise<void> {
  const env = { ...process.env, ...system.env };
  const child = spawn(process.execPath, ["--no-warnings", MAIN, ...args], { stdio: "ignore", env });
  const exit = once(child, "exit");
  await Promise.race([exit, sleep(afterMs, undefined, { ref: false })]);
  child.kill("SIGKILL");
  await exit;
}

async function tookMs(work: () => Promise<unknown>): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

itWithFaults(`a restore killed at ${KILLS} moments leaves the old state or the new one${why}`, async () => {
  console.info(`SLIPWAY_SEED=${SEED}`);
  const random = randomFrom(SEED);
  const outcomes: Record<string, number> = {};
  const dataDir = join(folder, "target");
  const args = ["restore", file, "--data-dir", dataDir, "--force"];
  const copy = () => cp(original, dataDir, { recursive: true });
  await copy();
  const wholeMs = await tookMs(() => killed(args, 60_000));
  expect(await stateOf(dataDir)).toBe("in-backup");
  for (let kill = 0; kill < KILLS; kill++) {
    await rm(dataDir, { recursive: true });
    await copy();
    await killed(args, wholeMs * (0.2 + random() * 0.8));
    const outcome = await stateOf(dataDir);
    expect(["after-backup,in-backup", "in-backup"]).toContain(outcome);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    expect(await readdir(dataDir)).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(restor|moving)/)]));
  }
  console.info(outcomes);
});

/** One restore by a server that runs, killed some time after it was asked. Answers the state after that, and the time it had. */
async function killedRestoring(dataDir: string, afterMs: number): Promise<{ outcome: string; ms: number }> {
  await using server = await KillableApiServer.start({ dataDir, env: system.env });
  const path = "/api/v1/namespaces/after-backup/configmaps";
  const acknowledged: Reply[] = [];
  let isOver = false;
  const write = async (writer: number) => {
    for (let at = 0; !isOver; at++) {
      const { status, body } = await server.call("POST", path, { metadata: { name: `writer-${writer}-${at}` } });
      if (status === 201) acknowledged.push(body);
    }
  };
  const writers = [0, 1, 2, 3].map((writer) => write(writer).catch(() => undefined));
  await eventually("there are writes", () => acknowledged.length > 8);
  const quiet = { stdout: { write: () => true } };
  const before = performance.now();
  const restored = restoreBackup({ file, dataDir, force: true }, quiet).then(
    () => true,
    () => false,
  );
  await Promise.race([restored, sleep(afterMs, undefined, { ref: false })]);
  const ms = performance.now() - before;
  await server.kill();
  const isRestored = await restored;
  isOver = true;
  await Promise.all(writers);

  await server.start();
  const { body: namespaces } = await server.call("GET", "/api/v1/namespaces");
  const highest = Math.max(...acknowledged.map(({ metadata }) => Number(metadata.resourceVersion)));
  expect(Number(namespaces.metadata.resourceVersion)).toBeGreaterThanOrEqual(highest);
  expect(await readdir(dataDir)).not.toContain("restore-under-way");
  const names = namespaces.items.map(({ metadata }) => metadata.name);
  const { body: kept } = await server.call("GET", path);
  const keptNames = new Set(kept.items.map(({ metadata }) => metadata.name));
  if (!names.includes("after-backup")) {
    expect(keptNames.size).toBe(0);
    return { outcome: isRestored ? "new" : "new, unanswered", ms };
  }
  // What was acknowledged is there, for nothing has taken its place.
  expect(isRestored).toBe(false);
  for (const { metadata } of acknowledged) expect(keptNames).toContain(metadata.name);
  return { outcome: "old", ms };
}

itWithFaults(
  `a server killed at ${KILLS} moments while it restores has the old state, to the last write, or the new one${why}`,
  async () => {
    console.info(`SLIPWAY_SEED=${SEED}`);
    const random = randomFrom(SEED + 2);
    const outcomes: Record<string, number> = {};
    const dataDir = join(folder, "running");
    const attempt = async (afterMs: number) => {
      await rm(dataDir, { recursive: true, force: true });
      await cp(original, dataDir, { recursive: true });
      const { outcome, ms } = await killedRestoring(dataDir, afterMs);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      return ms;
    };
    const wholeMs = await attempt(60_000);
    expect(outcomes).toEqual({ new: 1 });
    for (let kill = 0; kill < KILLS; kill++) await attempt(wholeMs * random());
    console.info(outcomes);
  },
);

itWithFaults(`a backup killed at ${KILLS} moments is not there, or whole${why}`, async () => {
  const random = randomFrom(SEED + 1);
  const made = join(folder, "made.backup");
  const args = ["backup", made, "--data-dir", original];
  const wholeMs = await tookMs(() => killed(args, 60_000));
  for (let kill = 0; kill < KILLS; kill++) {
    await rm(made, { force: true });
    await killed(args, wholeMs * (0.2 + random() * 0.8));
    if (existsSync(made)) expect(readBackup(made).objects.length).toBeGreaterThan(10);
  }
  // What is left over is nobody else's to read either, and has no name that a backup has.
  for (const name of await readdir(folder))
    expect(name).toMatch(/^(original|target|running|one\.backup|made\.backup(\.[0-9a-f]+\.tmp(-journal)?)?)$/);
});
