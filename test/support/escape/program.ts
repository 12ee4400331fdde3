import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { requireTool } from "../tool.ts";

const SOURCES = join(import.meta.dirname, "inside");
const FLAGS = ["-std=gnu11", "-O2", "-static", "-Wall", "-Wextra", "-Werror"];
const COMPILE_MS = 120_000;

/** The path of the attempts' program, compiled once for each state of its sources. It needs no library where it runs. */
export async function escapeProgram(): Promise<string> {
  const compiler = requireTool("gcc", "build-essential");
  const files = globSync("*.[ch]", { cwd: SOURCES })
    .sort()
    .map((name) => join(SOURCES, name));
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  const folder = join(tmpdir(), `slipway-escape-${process.getuid?.() ?? 0}-${hash.digest("hex").slice(0, 16)}`);
  const program = join(folder, "escape");
  if (globSync(program).length > 0) return program;
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unfinished = `${program}-${process.pid}`;
  const sources = files.filter((file) => file.endsWith(".c"));
  await promisify(execFile)(compiler, [...FLAGS, "-o", unfinished, ...sources], { timeout: COMPILE_MS });
  // Others may compile it, too.
  await rename(unfinished, program);
  return program;
}
