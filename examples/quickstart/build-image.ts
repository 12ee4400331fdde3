import { join } from "node:path";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { type ImageEntry, loadImage } from "../../scripts/engine/load-image.ts";
import { sharedLibraries } from "../../scripts/engine/shared-libraries.ts";
import { packageVersion, productionFiles } from "./packages.ts";

const ROOT = join(import.meta.dirname, "../..");
const SERVER = "@modelcontextprotocol/server-everything";

/** The image that examples/quickstart/everything.yaml runs. */
export const QUICKSTART_IMAGE = `slipway.local/everything:${packageVersion(SERVER, ROOT)}`;

/**
 * Makes the quickstart's image from what `npm install` brought: Node, the libraries that it loads, the server and its
 * dependencies. No registry and no base image are involved. Does nothing when the Engine has it.
 */
export async function buildQuickstartImage(say: (line: string) => void = console.log): Promise<void> {
  const made = await loadImage(engineClient(), {
    tag: QUICKSTART_IMAGE,
    entries: [...nodeEntries(), ...serverEntries()],
    config: {
      Entrypoint: ["/usr/bin/node", `/app/node_modules/${SERVER}/dist/index.js`],
      Cmd: ["streamableHttp"],
      Env: ["PATH=/usr/bin", "NODE_ENV=production", "PORT=8080"],
      ExposedPorts: { "8080/tcp": {} },
      WorkingDir: "/app",
      // Nobody in particular, and not root.
      User: "65532:65532",
      // The server closes its sessions on SIGINT and does not listen to SIGTERM.
      StopSignal: "SIGINT",
    },
  });
  say(made ? `Built the image ${QUICKSTART_IMAGE} from node_modules.` : `The image ${QUICKSTART_IMAGE} is there.`);
}

/** The Node that runs this program, as /usr/bin/node, and what it takes to load it. */
export function nodeEntries(): ImageEntry[] {
  const libraries = sharedLibraries(process.execPath).map((file) => ({ path: file, file, mode: 0o755 }));
  return [
    { path: "/tmp", directory: true, mode: 0o1777 },
    { path: "/usr/bin/node", file: process.execPath, mode: 0o755 },
    ...libraries,
  ];
}

function serverEntries(): ImageEntry[] {
  return productionFiles(SERVER, ROOT).map((path) => ({ path: join("/app", path), file: join(ROOT, path) }));
}

if (import.meta.main) await buildQuickstartImage();
