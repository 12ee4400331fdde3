import { join } from "node:path";
import type Docker from "dockerode";
import { nodeEntries } from "../../../examples/quickstart/build-image.ts";
import { engineClient } from "../../../scripts/engine/engine-address.ts";
import { loadImage } from "../../../scripts/engine/load-image.ts";
import { Program } from "../images.ts";
import { escapeProgram } from "./program.ts";

const MCP_SERVER = join(import.meta.dirname, "../programs", Program.mcp);
const HTTPS_CLIENT = join(import.meta.dirname, "programs/https.mjs");

/** Paths in the image. */
export const ESCAPE = "/bin/escape";
/** The same program, for every user root's. */
export const SETUID_ESCAPE = "/bin/escape-suid";
export const HTTPS_ATTEMPT = ["/usr/bin/node", "/app/https.mjs"] as const;

/** Nobody in particular, and not root. */
export const NOBODY = "65532";

/**
 * An image with a real MCP server, and with the means for every attempt beside it. Made once on each Engine for each `user`;
 * the default is root, to whom the least is refused. Answers its name.
 */
export async function ensureEscapeImage({
  engine = engineClient(),
  user = "0",
}: {
  engine?: Docker;
  user?: string;
} = {}): Promise<string> {
  const tag = `slipway.test/escape:${user}`;
  const program = await escapeProgram();
  await loadImage(engine, {
    tag,
    entries: [
      ...nodeEntries(),
      { path: `/app/${Program.mcp}`, file: MCP_SERVER },
      { path: "/app/https.mjs", file: HTTPS_CLIENT },
      { path: ESCAPE, file: program, mode: 0o755 },
      { path: SETUID_ESCAPE, file: program, mode: 0o4755 },
    ],
    config: {
      Entrypoint: ["/usr/bin/node"],
      Cmd: [`/app/${Program.mcp}`],
      Env: ["PATH=/bin:/usr/bin", "PORT=8080"],
      ExposedPorts: { "8080/tcp": {} },
      WorkingDir: "/app",
      User: user,
    },
  });
  return tag;
}
