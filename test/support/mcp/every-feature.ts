import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { nodeEntries } from "../../../examples/quickstart/build-image.ts";
import { productionFiles } from "../../../examples/quickstart/packages.ts";
import { engineClient } from "../../../scripts/engine/engine-address.ts";
import { loadImage } from "../../../scripts/engine/load-image.ts";
import { eventually } from "../eventually.ts";
import { freePort } from "../processes-under-test.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** A server of revision 2026-07-28, and of no other, that has every feature. With the argument `stdio` it uses its pipes. */
export const EVERY_FEATURE = join(ROOT, "test/support/programs/every-feature.mjs");
export const EVERY_FEATURE_IMAGE = "slipway.test/every-feature:1";

/** Made once on each Engine, and then found there. */
export async function ensureEveryFeatureImage(): Promise<string> {
  const packages = [...new Set(["@modelcontextprotocol/server", "zod"].flatMap((name) => productionFiles(name, ROOT)))];
  await loadImage(engineClient(), {
    tag: EVERY_FEATURE_IMAGE,
    entries: [
      ...nodeEntries(),
      ...packages.map((path) => ({ path: join("/app", path), file: join(ROOT, path) })),
      { path: "/app/every-feature.mjs", file: EVERY_FEATURE },
    ],
    config: {
      Entrypoint: ["/usr/bin/node", "/app/every-feature.mjs"],
      Env: ["PATH=/usr/bin", "PORT=8080"],
      ExposedPorts: { "8080/tcp": {} },
      WorkingDir: "/app",
      User: "65532:65532",
    },
  });
  return EVERY_FEATURE_IMAGE;
}

export interface EveryFeature extends AsyncDisposable {
  readonly url: string;
}

/** The program over HTTP, as a process of its own on loopback. */
export async function startEveryFeature(): Promise<EveryFeature> {
  const port = await freePort();
  const env = { PATH: process.env.PATH, PORT: String(port) };
  const child: ChildProcess = spawn(process.execPath, [EVERY_FEATURE, "http"], { env, stdio: "ignore" });
  const url = `http://127.0.0.1:${port}/mcp`;
  await eventually("the server of every feature listens", async () => (await fetch(url)).status > 0, { everyMs: 50 });
  return {
    url,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
