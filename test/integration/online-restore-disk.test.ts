import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm, stat, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, jest } from "@jest/globals";
import { KillableApiServer } from "../support/killable-api-server.ts";
import { SmallDisk, whyNoSmallDisk } from "../support/small-disk.ts";

/** Processes are started: that takes its time on a machine that does other things, too. */
jest.setTimeout(120_000);

const MAIN = join(import.meta.dirname, "../../src/main.ts");
const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";
const reason = whyNoSmallDisk();
const itOnDisk = reason === undefined ? it : it.skip;
const why = reason === undefined ? "" : ` (skipped: ${reason})`;

itOnDisk(`a disk that fills up on the way leaves a running server as it was, wherever that is${why}`, async () => {
  const folder = await mkdtemp(join(tmpdir(), "slipway-full-"));
  using disk = await SmallDisk.mount(80);
  await using server = await KillableApiServer.start({ dataDir: disk.path, prefix: disk.prefix });
  const file = join(folder, "slipway.backup");
  const dataDir = disk.outside;
  /** What it says on stderr; empty where it succeeds. */
  const slipway = (command: string) => {
    const [program = "", ...args] = [...disk.prefix, process.execPath, "--no-warnings", MAIN, command, file];
    const { status, stderr } = spawnSync(program, [...args, "--data-dir", disk.path, "--force"], { encoding: "utf8" });
    expect([0, 1]).toContain(status);
    return status === 0 ? "" : stderr;
  };
  const create = async (name: string, length: number) => {
    const data = { text: "x".repeat(length) };
    expect((await server.call("POST", CONFIG_MAPS, { metadata: { name }, data })).status).toBe(201);
  };
  const names = async () =>
    (await server.call("GET", CONFIG_MAPS)).body.items.map(({ metadata }) => metadata.name).join();
  for (let at = 0; at < 8; at++) await create(`big-${at}`, 500_000);
  expect(slipway("backup")).toBe("");
  const inBackup = await names();
  const { size } = await stat(file);
  await create("later", 1);
  const before = await names();
  const outcomes: string[] = [];
  // The copy that was sent, the store made of it, the backup of what is replaced, and the log of the transaction.
  for (const copies of [0.5, 1.5, 2.5, 3.2, 8]) {
    const { bavail, bsize } = await statfs(dataDir);
    await writeFile(join(dataDir, "ballast"), Buffer.alloc(Math.max(0, bavail * bsize - Math.round(copies * size))));
    const refusal = slipway("restore");
    await rm(join(dataDir, "ballast"));
    const isRestored = refusal === "";
    expect(await names()).toBe(isRestored ? inBackup : before);
    expect(await server.status("/readyz")).toBe(200);
    const asides = (await readdir(dataDir)).filter((name) => name.startsWith("before-") || name.startsWith("restore"));
    expect(asides).toHaveLength(isRestored ? 1 : 0);
    outcomes.push(isRestored ? "restored" : refusal);
    if (!isRestored) expect(refusal).toMatch(/has not restored the backup: .*(?:ENOSPC|full)/);
    if (isRestored) break;
  }
  console.info(outcomes);
  expect(outcomes.length).toBeGreaterThan(2);
  expect(outcomes.at(-1)).toBe("restored");
  await create("after", 1);
  await server.kill();
  await server.start();
  expect(await names()).toBe(["after", ...inBackup.split(",")].join());
  await rm(folder, { recursive: true });
});
