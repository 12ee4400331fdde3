import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { glob } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installManifestProblem } from "./chart/install-manifest.ts";

/** Fails when a generated file differs from what its schema makes, or when types, lint or format are off. */
let failed = false;

const fresh = mkdtempSync(join(tmpdir(), "slipway-generated-"));
try {
  run(process.execPath, ["scripts/generate.ts", fresh]);
  const made = await files(fresh);
  const folders = ["crds", "charts/slipway/files", "src/api/v1alpha1/generated", "docs/reference"];
  const committed = (await Promise.all(folders.map((folder) => files(".", folder)))).flat();
  const generated = committed.filter(
    (file) => /^(crds|charts)/.test(file) || read(file)?.includes("Generated from the schema"),
  );
  for (const file of new Set([...made, ...generated])) {
    if (read(join(fresh, file)) !== read(file)) {
      fail(`${file} is not what the schemas make: run 'make generate' and commit it`);
    }
  }
} finally {
  rmSync(fresh, { recursive: true });
}
const problem = installManifestProblem();
if (problem !== undefined) fail(problem);
run("node_modules/.bin/tsc", ["-p", "tsconfig.json"]);
run("node_modules/.bin/biome", ["ci"]);
if (failed) process.exitCode = 1;
else console.log("Generated files, types, lint and format are in order.");

function run(command: string, args: string[]): void {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) fail(`${command} ${args.join(" ")} ended with ${status}`);
}

function fail(message: string): void {
  console.error(message);
  failed = true;
}

async function files(root: string, folder = "."): Promise<string[]> {
  const entries = glob(join(folder, "**/*.*"), { cwd: root });
  return await Array.fromAsync(entries);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
