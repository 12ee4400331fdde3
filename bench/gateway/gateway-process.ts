import { startGateway } from "../../src/gateway/gateway.ts";
import { startDataPath } from "../../src/gateway/mcp/data-path.ts";
import { ReceivedDirectory } from "../../src/gateway/thread/received-directory.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import type { Logger } from "../../src/machinery/logger.ts";

/**
 * The gateway as `slipway up` runs it, in front of one server, in a process of its own: `node gateway-process.ts URL [inline]
 * [busy]`. `inline`: its data path in the main thread; `busy`: the main thread works half of the time, as controllers may.
 * Prints the URL of that server.
 */
const [url = "", ...modes] = process.argv.slice(2);
const silent: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: console.error,
  error: console.error,
  child: () => silent,
};
const directory = new ReceivedDirectory();
directory.receive(
  [
    {
      namespace: "bench",
      name: "echo",
      uid: "1",
      state: { ready: true },
      upstream: { kind: "http", transport: "streamable-http", url, instance: "1" },
      protocolVersion: undefined,
      tools: undefined,
    },
  ],
  [],
);
directory.synced();
const settings = {
  listen: { host: "127.0.0.1", port: 0 },
  names: [],
  origins: [],
  directory,
  clock: systemClock,
  logger: silent,
};
const access = { authenticate: async () => undefined, mayUse: async () => false };
const started = modes.includes("inline")
  ? await startDataPath({
      ...settings,
      publicUrl: undefined,
      requireToken: false,
      adminSocket: undefined,
      streamsSocket: undefined,
      probeSocket: undefined,
      access,
    })
  : await startGateway({
      ...settings,
      logs: { logs: async () => undefined },
      usage: { usage: async () => undefined },
      access: { authenticate: async () => undefined, authorize: async () => false },
      useAccess: access,
    });
if (modes.includes("busy")) {
  setInterval(() => {
    const until = performance.now() + 25;
    while (performance.now() < until) JSON.parse("[1,2,3]");
  }, 50);
}
console.log(`${started.url}/bench/echo/mcp`);
