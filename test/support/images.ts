import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type Docker from "dockerode";
import { nodeEntries } from "../../examples/quickstart/build-image.ts";
import { engineClient } from "../../scripts/engine/engine-address.ts";
import { type ImageEntry, loadImage } from "../../scripts/engine/load-image.ts";
import { requireTool } from "./tool.ts";

/** Two megabytes: one static program that is also a shell and a web server. */
export const BUSYBOX_IMAGE = "slipway.test/busybox:1";
/** Node and a small MCP server; what misbehaves is a script beside it. */
export const MCP_IMAGE = "slipway.test/mcp:1";

const PROGRAMS = join(import.meta.dirname, "programs");

/** What a container of `MCP_IMAGE` does; `mcp` is the image's own way. */
export const Program = {
  /** A server of the older revisions: initialize, tools/list. Its tools' names come from the variable TOOLS. */
  mcp: "mcp.mjs",
  /** Accepts connections and never answers. */
  silent: "silent.mjs",
  /** Answers everything with 200 and a web page. */
  garbage: "garbage.mjs",
  /** Says why and ends with exit code 3. */
  crashes: "crashes.mjs",
  /** Takes memory until the kernel ends it. */
  hungry: "hungry.mjs",
} as const;

/** The command that makes a container of `MCP_IMAGE` run `program`. */
export function programCommand(program: (typeof Program)[keyof typeof Program]): string[] {
  return ["/usr/bin/node", `/app/${program}`];
}

/** Made once on each Engine, and then found there. */
export async function ensureBusyboxImage(engine: Docker = engineClient(), tag = BUSYBOX_IMAGE): Promise<string> {
  await loadImage(engine, { tag, entries: busyboxEntries(), config: BUSYBOX_CONFIG });
  return tag;
}

/** Made once on each Engine, and then found there. */
export async function ensureMcpImage(engine: Docker = engineClient(), tag = MCP_IMAGE): Promise<string> {
  const programs = Object.values(Program).map((name) => ({ path: `/app/${name}`, file: join(PROGRAMS, name) }));
  await loadImage(engine, {
    tag,
    entries: [...nodeEntries(), ...programs],
    config: {
      Entrypoint: ["/usr/bin/node"],
      Cmd: [`/app/${Program.mcp}`],
      Env: ["PATH=/usr/bin", "PORT=8080"],
      ExposedPorts: { "8080/tcp": {} },
      WorkingDir: "/app",
      User: "65532:65532",
    },
  });
  return tag;
}

/** What a deployment of `makeUniqueImage` needs, since it answers HTTP and not MCP. */
export const WEB_SERVER = { transport: { path: "/marker.txt" }, health: { probe: "http", periodSeconds: 1 } } as const;

/** An image like no other, so that nobody has it: a web server, with `payloadBytes` that do not compress. */
export async function makeUniqueImage(tag: string, payloadBytes = 0, engine: Docker = engineClient()): Promise<void> {
  const marker = { path: "/www/marker.txt", content: randomBytes(16).toString("hex") };
  const payload = payloadBytes > 0 ? [{ path: "/payload", content: randomBytes(payloadBytes) }] : [];
  await loadImage(engine, { tag, entries: [...busyboxEntries(), marker, ...payload], config: BUSYBOX_CONFIG });
}

const BUSYBOX_CONFIG = {
  Entrypoint: ["/bin/busybox"],
  Cmd: ["httpd", "-f", "-p", "8080", "-h", "/www"],
  Env: ["PATH=/bin"],
  ExposedPorts: { "8080/tcp": {} },
  User: "65532:65532",
};

function busyboxEntries(): ImageEntry[] {
  return [
    { path: "/tmp", directory: true, mode: 0o1777 },
    { path: "/bin/busybox", file: requireTool("busybox", "busybox-static"), mode: 0o755 },
    { path: "/www/index.html", content: "It works.\n" },
  ];
}
