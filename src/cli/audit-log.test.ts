import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { recordingLogger } from "../../test/support/recording-logger.ts";
import { AuditLog } from "./audit-log.ts";

let folder: string;
let filename: string;
const { logger } = recordingLogger();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "slipway-audit-"));
  filename = join(folder, "api-audit.log");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("writes a line of JSON for each event, into a file that only its owner reads", async () => {
  {
    await using log = new AuditLog(filename, logger);
    log.write({ verb: "create", text: "two\nlines" });
    log.write({ verb: "delete" });
  }
  const lines = (await readFile(filename, "utf8")).split("\n").filter((line) => line !== "");
  expect(lines.map((line) => JSON.parse(line))).toEqual([{ verb: "create", text: "two\nlines" }, { verb: "delete" }]);
  expect((await stat(filename)).mode & 0o777).toBe(0o600);
});

it("goes on in a file that is there, and closes it to others", async () => {
  await writeFile(filename, '{"verb":"patch"}\n', { mode: 0o644 });
  {
    await using log = new AuditLog(filename, logger);
    log.write({ verb: "create" });
  }
  expect(await readFile(filename, "utf8")).toBe('{"verb":"patch"}\n{"verb":"create"}\n');
  expect((await stat(filename)).mode & 0o777).toBe(0o600);
});

it("has written everything once it is closed", async () => {
  {
    await using log = new AuditLog(filename, logger);
    for (let index = 0; index < 5_000; index += 1) log.write({ index, padding: "x".repeat(200) });
  }
  const lines = (await readFile(filename, "utf8")).trim().split("\n");
  expect(lines).toHaveLength(5_000);
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ index: 4_999 });
});
