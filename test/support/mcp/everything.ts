import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { eventually } from "../eventually.ts";
import { listen } from "../listen.ts";

/** Its program. The argument says what it speaks. */
export const EVERYTHING = fileURLToPath(
  new URL("../../../node_modules/@modelcontextprotocol/server-everything/dist/index.js", import.meta.url),
);

/** server-everything of npm as a process of its own. */
export interface Everything extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** As if the kernel had taken it. */
  kill(): Promise<void>;
}

export async function startEverything(mode: "streamableHttp" | "sse", givenPort?: number): Promise<Everything> {
  const port = givenPort ?? (await freePort());
  const child: ChildProcess = spawn(process.execPath, [EVERYTHING, mode], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: "ignore",
  });
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  await eventually("server-everything listens", () => accepts(port), { everyMs: 50 });
  return {
    port,
    url: `http://127.0.0.1:${port}/${mode === "sse" ? "sse" : "mcp"}`,
    pid: child.pid ?? 0,
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

function accepts(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
  }).finally(() => socket.destroy()) as Promise<boolean>;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const address = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return Number(address.split(":")[1]);
}
