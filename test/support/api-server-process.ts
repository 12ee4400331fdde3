import { readFile } from "node:fs/promises";
import { systemClock } from "../../src/machinery/clock.ts";
import { writeAdminKubeconfig } from "../../src/server/access/kubeconfig.ts";
import { startTestApiServer } from "./api-server.ts";

/**
 * An API server in a process of its own, for tests that kill it: `node api-server-process.ts DATADIR [PORT]`. Prints one
 * line of JSON with what clients need, its kubeconfig's contents among it, when it answers.
 */
const [dataDir, port = "0"] = process.argv.slice(2);
if (dataDir === undefined) throw new Error("usage: api-server-process.ts DATADIR [PORT]");
const server = await startTestApiServer({ dataDir, port: Number(port), crds: [] });
const { url, caPem, adminToken: token, kubeconfig: kubeconfigPath } = server;
// As `slipway up` does, for commands that look for it.
await writeAdminKubeconfig({ dataDir, url, caPem }, systemClock);
const kubeconfig = await readFile(kubeconfigPath, "utf8");
process.stdout.write(`${JSON.stringify({ url, caPem, token, kubeconfig, kubeconfigPath })}\n`);
process.on("SIGTERM", () => void server.close().then(() => process.exit(0)));
