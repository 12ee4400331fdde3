import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { Logger } from "../../machinery/logger.ts";
import type { ProbeHandler } from "./probe-handler.ts";

export interface ProbeListenerOptions {
  /** In a folder that only this user opens. */
  readonly socketPath: string;
  readonly handler: ProbeHandler;
  readonly logger: Logger;
}

/** An endpoint goes along in a header, with credentials for a remote server: 64 KiB of them in base64, and what else there is. */
const MAX_HEADER_BYTES = 128 * 1024;
const CONNECTIONS = 1_024;
const TIMEOUT_MS = 10_000;

/** Listens for probes. The function ends that, and cuts those under way. @throws {Error} when the socket cannot be listened on. */
export async function startProbeListener({
  socketPath,
  handler,
  logger,
}: ProbeListenerOptions): Promise<() => Promise<void>> {
  // Of a thread that died.
  await rm(socketPath, { force: true });
  const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES }, (request, response) => {
    void handler.handle(request, response);
  });
  server.headersTimeout = TIMEOUT_MS;
  server.requestTimeout = TIMEOUT_MS;
  server.maxConnections = CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", (error) => logger.warn("the listener for probes had an error", { error: error.message }));
  return async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  };
}
