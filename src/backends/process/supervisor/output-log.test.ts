import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "@jest/globals";
import { node } from "../../../../test/support/process-scripts.ts";
import { logOf, ProcessWorld, settles } from "../../../../test/support/process-world.ts";

let world: ProcessWorld;
beforeEach(async () => {
  world = await ProcessWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

it("goes on after a time in which nothing could be written, and lets the process go on meanwhile", async () => {
  const script = `
    const { writeFileSync, writeSync } = require('fs');
    let n = 0;
    setInterval(() => { writeSync(2, String(n++).padStart(8_000, '-') + '\\n'); writeFileSync('written', String(n)); }, 10);`;
  const made = await world.make(node(script));
  const folder = join(world.directory, "state", "one", "log");
  // As of a full disk: the folder cannot be made.
  await writeFile(folder, "");
  await made.start();
  // A pipe holds eight.
  const written = join(world.directory, "work", "one", "written");
  await settles(async () => expect(Number(await readFile(written, "utf8"))).toBeGreaterThan(30));
  await rm(folder);
  const [first = ""] = await settles(async () => {
    const lines = await logOf(made);
    expect(lines.length).toBeGreaterThan(3);
    return lines;
  });
  expect(Number(first.replaceAll("-", ""))).toBeGreaterThan(20);
});
