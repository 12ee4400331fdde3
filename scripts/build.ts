import { spawnSync } from "node:child_process";
import { copyFileSync, globSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** Compiles src/ to dist/, and copies the data that modules read from beside themselves. */
rmSync("dist", { recursive: true, force: true });
const { status } = spawnSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
process.exitCode = status ?? 1;

const sources = globSync("**/*.*", { cwd: "src", withFileTypes: true }).filter((entry) => entry.isFile());
for (const { parentPath, name } of sources.filter((entry) => !entry.name.endsWith(".ts"))) {
  const file = relative("src", join(parentPath, name));
  const target = join("dist", file);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join("src", file), target);
}
