import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type Docker from "dockerode";
import { type Pack, pack } from "tar-stream";
import { ownSandboxImage } from "../src/backends/docker/sandbox/sandbox-settings.ts";
import { debianBase } from "./engine/debian-base.ts";
import { engineClient } from "./engine/engine-address.ts";
import { followBuild } from "./engine/image-progress.ts";
import { CONTENT_LABEL, labelOf } from "./engine/load-image.ts";
import { removeStages } from "./engine/remove-stages.ts";

const SOURCES = join(import.meta.dirname, "../images/sandbox");
/** On what the build leaves behind, by the Dockerfile. */
const STAGE_LABEL = "slipway.dev/build-stage=sandbox";
/** The longest that a step of the build may take without a word: packages come from a mirror that may be far. */
const BUILD_IDLE_MS = 10 * 60_000;
/** The Engine's client would pass these from its configuration; the API takes them as arguments. */
const PROXY_VARIABLES = ["http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/**
 * Builds the image of the network sandbox for this version of Slipway, unless the Engine has it as its sources are now.
 * @throws {Error} with what to type, where it cannot be built.
 */
export async function ensureSandboxImage(
  say: (line: string) => void = console.log,
  engine: Docker = engineClient(),
): Promise<void> {
  const tag = ownSandboxImage();
  const files = readdirSync(SOURCES).toSorted();
  const content = contentOf(files);
  if ((await labelOf(engine, tag, CONTENT_LABEL)) === content) {
    say(`The image ${tag} is there.`);
    return;
  }
  const base = await debianBase(engine, say);
  say(`Building the image ${tag} from ${base}; this takes a minute.`);
  const proxies = PROXY_VARIABLES.filter((name) => process.env[name]).map((name) => [name, process.env[name]]);
  const options = {
    t: tag,
    labels: { [CONTENT_LABEL]: content },
    buildargs: { BASE: base, ...(Object.fromEntries(proxies) as Record<string, string>) },
    forcerm: true,
  };
  await followBuild(
    await engine.buildImage(contextOf(files) as unknown as NodeJS.ReadableStream, options),
    BUILD_IDLE_MS,
  );
  // The stage that compiled is as large as a compiler.
  await removeStages(engine, STAGE_LABEL);
  say(`Built the image ${tag}.`);
}

function contentOf(files: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(SOURCES, file)))
      .update("\0");
  return hash.digest("hex");
}

function contextOf(files: readonly string[]): Pack {
  const archive = pack();
  for (const name of files) {
    const path = join(SOURCES, name);
    archive.entry({ name, mode: statSync(path).mode & 0o777 }, readFileSync(path));
  }
  archive.finalize();
  return archive;
}

if (import.meta.main) {
  try {
    await ensureSandboxImage();
  } catch (error) {
    console.error(`slipway: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
