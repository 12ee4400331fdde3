import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "@jest/globals";
import type { Secret } from "../../src/api/core.ts";
import { AuditWorld } from "../support/audit-world.ts";
import { randomFrom } from "../support/random.ts";
import { SecretClient } from "../support/secret-client.ts";

const CHILD = join(import.meta.dirname, "../support/audit-child.ts");
const KILLS = 25;

/** Runs a writer for so long, kills it, and answers the number that it said last. */
async function writeAndKill(folder: string, first: number, ms: number): Promise<number> {
  const child = spawn(process.execPath, ["--no-warnings", CHILD, folder, String(first)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaints += chunk.toString("utf8");
  });
  const closed = once(child, "close");
  await Promise.race([once(child.stdout, "data"), closed]);
  await sleep(ms);
  child.kill("SIGKILL");
  await closed;
  expect(complaints).toBe("");
  return Number(said.trimEnd().split("\n").at(-1) ?? 0);
}

describe("an audit log whose writer is killed", () => {
  it("keeps every event that was on disk, in one chain without a gap", async () => {
    await using world = await AuditWorld.make(new SecretClient());
    const random = randomFrom(20_261_121);
    const secrets = join(world.folder, "secrets.json");
    let settled = 0;
    let torn = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const from = settled + 1;
      settled = await writeAndKill(world.folder, from, random() * 60);
      expect(settled).toBeGreaterThanOrEqual(from);
      world.client.secrets.clear();
      const stored = JSON.parse(readFileSync(secrets, "utf8")) as [string, Secret][];
      for (const [name, secret] of stored) world.client.secrets.set(name, secret);

      expect(await world.verify()).toMatchObject({ chains: [{ problems: [] }], missing: [] });
      const lines = await world.read();
      const known = new Set(lines.flatMap(({ who }) => (who as string[]).map(Number)));
      for (let number = 1; number <= settled; number++) expect(known.has(number)).toBe(true);
      expect(lines.filter(({ type }) => type === "Healed")).toHaveLength(torn);
      if (kill % 3 === 0 && kill < KILLS - 1) {
        // What power loss can leave of a line that nobody was told of.
        const line = readFileSync(world.path, "utf8").trimEnd().split("\n").at(-1) ?? "";
        await appendFile(world.path, line.slice(0, 1 + Math.floor(random() * (line.length - 1))));
        torn += 1;
      }
    }
    expect(readdirSync(world.folder).filter((name) => name.includes("damaged"))).toEqual([]);
  }, 120_000);
});
