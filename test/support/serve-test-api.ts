import { readFile } from "node:fs/promises";
import type { CustomResourceDefinition } from "../../src/api/custom-resource-definition.ts";
import { systemClock } from "../../src/machinery/clock.ts";
import { writeAdminKubeconfig } from "../../src/server/access/kubeconfig.ts";
import { startTestApiServer } from "./api-server.ts";

/**
 * Makes this process an API server, with the arguments `DATADIR [PORT]`. Prints one line of JSON with what clients need, its
 * kubeconfig's contents among it, when it answers; ends at SIGTERM.
 */
export async function serveTestApi(crds: readonly CustomResourceDefinition[]): Promise<void> {
  const [dataDir, port = "0"] = process.argv.slice(2);
  if (dataDir === undefined) throw new Error("the arguments are DATADIR [PORT]");
  const server = await startTestApiServer({ dataDir, port: Number(port), crds });
  const { url, caPem, adminToken: token, kubeconfig: kubeconfigPath } = server;
  // As `slipway up` does, for commands that look for it.
  await writeAdminKubeconfig({ dataDir, url, caPem }, systemClock);
  const kubeconfig = await readFile(kubeconfigPath, "utf8");
  process.stdout.write(`${JSON.stringify({ url, caPem, token, kubeconfig, kubeconfigPath })}\n`);
  process.on("SIGTERM", () => void server.close().then(() => process.exit(0)));
}
