import { setTimeout as sleep } from "node:timers/promises";
import { API_VERSION, type RuntimeDeployment, runtimeDeployments } from "../src/api/v1alpha1/index.ts";
import type { KubeClient } from "../src/machinery/client.ts";
import { engine, inParallel, settle } from "./engine.ts";

/** Of the benchmarks alone, so that they count nobody else's containers. */
export const NAMESPACE = "slipway-bench";
/** Labels of the containers of all deployments there; the sandboxes are not counted. */
export const WORKLOADS = [`slipway.dev/namespace=${NAMESPACE}`, "slipway.dev/role=workload"];

/** Far beyond what any machine needs. */
const DEADLINE_MS = 120_000;

/** A deployment under `profile`. What runs is no MCP server, so nothing is probed. */
export function deployment(name: string, image: string, profile: string) {
  return {
    apiVersion: API_VERSION,
    kind: "RuntimeDeployment" as const,
    metadata: { name, namespace: NAMESPACE },
    // The server fills in the rest.
    spec: {
      source: { image: { reference: image, pullPolicy: "Never" } },
      guardrails: { profile },
      health: { probe: "none" },
    } as RuntimeDeployment["spec"],
  };
}

/** Deletes deployments and waits until nothing of them is left on the Engine. */
export async function removeDeployments(client: KubeClient, names: readonly string[]): Promise<void> {
  await inParallel(names, 16, (name) => client.delete(runtimeDeployments, { namespace: NAMESPACE, name }));
  const filters = { label: [`slipway.dev/namespace=${NAMESPACE}`] };
  const deadline = performance.now() + DEADLINE_MS;
  do {
    await settle();
    if ((await engine.listContainers({ all: true, filters })).length === 0) return;
  } while (performance.now() < deadline);
  throw new Error(`containers of ${NAMESPACE} are left after ${DEADLINE_MS} ms`);
}

/** Rejects when `what` takes longer than any machine needs. */
export async function late(what: string): Promise<never> {
  await sleep(DEADLINE_MS, undefined, { ref: false });
  throw new Error(`${what}: not done within ${DEADLINE_MS} ms`);
}
