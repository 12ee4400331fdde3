import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";

/** Compiles src/ to dist/. What is read at run time beside it (crds/, manifests/) stays where it is. */
rmSync("dist", { recursive: true, force: true });
const { status } = spawnSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
process.exitCode = status ?? 1;
