import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Pack, pack } from "tar-stream";
import { debianBase } from "./engine/debian-base.ts";
import { engineClient } from "./engine/engine-address.ts";
import { followBuild } from "./engine/image-progress.ts";
import { removeStages } from "./engine/remove-stages.ts";

/** Builds the image of Slipway from what `make build` has made: `node scripts/image.ts [--no-cache] [REPOSITORY:TAG]`. */

const FILES = ["Dockerfile", "LICENSE", "package.json", "node_modules/node/bin/node"];
const FOLDERS = ["dist", "manifests/rbac", "manifests/guardrails"];
/** On what the build leaves behind, by the Dockerfile. */
const STAGE_LABEL = "slipway.dev/build-stage=slipway";
/** Every file has this date, so that equal files make equal layers. */
const EPOCH = new Date(0);
const BUILD_IDLE_MS = 5 * 60_000;

const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
const { values, positionals } = parseArgs({ allowPositionals: true, options: { "no-cache": { type: "boolean" } } });
const [tag = `ghcr.io/slipway-dev/slipway:${version}`] = positionals;
const engine = engineClient();
const base = await debianBase(engine, console.log);
console.log(`Building the image ${tag} from ${base}.`);
const options = { t: tag, buildargs: { BASE: base }, forcerm: true, nocache: values["no-cache"] === true };
const progress = await engine.buildImage(context() as unknown as NodeJS.ReadableStream, options);
await followBuild(progress, BUILD_IDLE_MS);
await removeStages(engine, STAGE_LABEL);
console.log(`Built the image ${tag}.`);

/** What .dockerignore leaves of this folder. */
function context(): Pack {
  const archive = pack();
  const folders = FOLDERS.flatMap((folder) => globSync(join(folder, "**")));
  for (const name of [...FILES, ...folders].sort()) {
    const stat = statSync(name);
    if (stat.isFile())
      archive.entry({ name, mode: stat.mode & 0o111 ? 0o755 : 0o644, mtime: EPOCH }, readFileSync(name));
  }
  archive.finalize();
  return archive;
}
