import { readFile } from "node:fs/promises";
import { startTestApiServer } from "./api-server.ts";

/**
 * An API server in a process of its own, for tests that kill it: `node api-server-process.ts DATADIR`. Prints one line of
 * JSON with its kubeconfig's contents when it answers.
 */
const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error("usage: api-server-process.ts DATADIR");
const server = await startTestApiServer({ dataDir, crds: [] });
const { url, caPem, adminToken } = server;
process.stdout.write(
  `${JSON.stringify({ url, caPem, token: adminToken, kubeconfig: await readFile(server.kubeconfig, "utf8") })}\n`,
);
process.on("SIGTERM", () => void server.close().then(() => process.exit(0)));
