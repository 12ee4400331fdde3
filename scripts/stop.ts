import { rmSync } from "node:fs";
import { runtimeDeployments } from "../src/api/v1alpha1/index.ts";
import { createKubeClient } from "../src/machinery/http-kube-client.ts";
import { KUBECONFIG, PID_FILE, runningPid, stopServer } from "./local-server.ts";

/** Deletes the deployments of the local server, waits until nothing of them is left, and ends the server. */
const pid = runningPid();
if (pid === undefined) {
  console.log("Slipway is not running.");
} else {
  await deleteDeployments();
  await stopServer(pid);
  rmSync(PID_FILE, { force: true });
  console.log("Stopped Slipway and removed its containers and processes. Its state is kept in .slipway.");
}

async function deleteDeployments(): Promise<void> {
  const client = await createKubeClient({ kubeconfigPath: KUBECONFIG });
  const signal = AbortSignal.timeout(60_000);
  for (;;) {
    const { items } = await client.list(runtimeDeployments, {}, signal);
    if (items.length === 0) return;
    for (const { metadata } of items) {
      if (metadata.deletionTimestamp !== undefined) continue;
      await client.delete(runtimeDeployments, { namespace: metadata.namespace ?? "", name: metadata.name }, { signal });
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
