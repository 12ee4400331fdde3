import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync } from "node:fs";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { SlipwayProcess } from "../../test/support/slipway-process.ts";

/** Something that serves one stdio server over streamable HTTP. */
export interface Bridge extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
}

/** A real server of stdio, with a tool `echo`. */
const SERVER = resolve("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
const COMMAND = [process.execPath, SERVER, "stdio"] as const;

const CACHE = resolve(".cache/bench-peers");
const PEERS = ["supergateway@4.0.0", "mcp-proxy@6.7.19"] as const;
/** Not those of Slipway, and below those that the kernel hands out. */
const FIRST_PORT = 19_800;

/** `slipway up` with a deployment of that server as a local process. */
export async function slipwayBridge(): Promise<Bridge> {
  const slipway = await new SlipwayProcess().start();
  const manifest = {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeDeployment",
    metadata: { name: "echo", namespace: "default" },
    spec: {
      backend: "process",
      source: { process: { command: COMMAND[0], args: COMMAND.slice(1), workingDir: process.cwd() } },
      transport: { type: "stdio" },
    },
  };
  await slipway.kubectl.apply(manifest);
  await slipway.kubectl.run(["wait", "--for=condition=Ready", "rtd/echo", "--timeout=60s"]);
  const url = `${slipway.endpoints.gateway}/default/echo/mcp`;
  return { name: "slipway", url, [Symbol.asyncDispose]: () => slipway[Symbol.asyncDispose]() };
}

/** The peers, from npm, in a folder of their own. */
export async function peerBridges(): Promise<Bridge[]> {
  if (!existsSync(join(CACHE, "node_modules/mcp-proxy"))) {
    mkdirSync(CACHE, { recursive: true });
    const args = ["install", "--prefix", CACHE, "--no-save", "--no-package-lock", "--ignore-scripts", ...PEERS];
    await promisify(execFile)("npm", args, { timeout: 120_000 });
  }
  const [one, other] = [FIRST_PORT, FIRST_PORT + 1];
  return await Promise.all([
    peer("supergateway", one, [
      ...["--stdio", COMMAND.join(" "), "--outputTransport", "streamableHttp", "--stateful"],
      ...["--port", String(one), "--logLevel", "none"],
    ]),
    peer("mcp-proxy", other, ["--port", String(other), "--host", "127.0.0.1", "--server", "stream", "--", ...COMMAND]),
  ]);
}

async function peer(name: string, port: number, args: readonly string[]): Promise<Bridge> {
  const child = spawn(process.execPath, [join(CACHE, "node_modules/.bin", name), ...args], { stdio: "ignore" });
  const ended = once(child, "exit");
  for (let left = 200; !(await isOpen(port)); left -= 1) {
    if (left === 0 || child.exitCode !== null) throw new Error(`bench: ${name} does not listen`);
    await sleep(100);
  }
  return {
    name,
    url: `http://127.0.0.1:${port}/mcp`,
    async [Symbol.asyncDispose]() {
      child.kill();
      const last = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(last);
    },
  };
}

function isOpen(port: number): Promise<boolean> {
  const { promise, resolve: found } = Promise.withResolvers<boolean>();
  const socket = connect(port, "127.0.0.1", () => {
    socket.destroy();
    found(true);
  });
  socket.on("error", () => found(false));
  return promise;
}
