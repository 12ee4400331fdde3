import { runtimeDeployments } from "../src/api/v1alpha1/index.ts";
import { createKubeClient } from "../src/machinery/http-kube-client.ts";
import { ensureBusyboxImage } from "../test/support/images.ts";
import { SlipwayProcess } from "../test/support/slipway-process.ts";
import { deployment, late, NAMESPACE, removeDeployments, WORKLOADS } from "./deployments.ts";
import { countStarts, engine, settle } from "./engine.ts";
import { type Row, within } from "./row.ts";

/** What a sandbox costs: the time that it adds to the start of one deployment, and its memory. */
export async function sandbox(runs: number): Promise<Row[]> {
  const image = await ensureBusyboxImage();
  const added: number[] = [];
  const memory: number[] = [];
  await using slipway = await new SlipwayProcess().start();
  await slipway.kubectl.run(["create", "namespace", NAMESPACE]);
  for (let run = 0; run <= runs; run += 1) {
    const without = await timeOne(slipway, image, "unrestricted");
    const inside = await timeOne(slipway, image, "standard");
    // The first round warms the machine up.
    if (run === 0) continue;
    added.push(inside.ms - without.ms);
    memory.push(inside.sandboxMegabytes ?? Number.NaN);
  }
  return [
    within(350, { bench: "time that a sandbox adds to the start of a deployment", unit: "ms", slipwayRuns: added }),
    within(8, { bench: "memory of a sandbox's control group", unit: "MB", slipwayRuns: memory }),
  ];
}

async function timeOne(slipway: SlipwayProcess, image: string, profile: string) {
  using client = await createKubeClient({ kubeconfigPath: slipway.kubectl.kubeconfig });
  using starts = await countStarts(WORKLOADS, 1);
  const name = `one-${profile}`;
  const began = performance.now();
  await client.create(runtimeDeployments, deployment(name, image, profile));
  await Promise.race([starts.done, late(`the start of ${name}`)]);
  const ms = performance.now() - began;
  await settle();
  const sandboxMegabytes = await memoryOfSandbox();
  await removeDeployments(client, [name]);
  return { ms, sandboxMegabytes };
}

/** Undefined where there is no sandbox. All that its control group is charged for, page cache and kernel memory included. */
async function memoryOfSandbox(): Promise<number | undefined> {
  const filters = { label: [`slipway.dev/namespace=${NAMESPACE}`, "slipway.dev/role=sandbox"] };
  const [found] = await engine.listContainers({ filters });
  if (!found) return undefined;
  const { memory_stats } = await engine.getContainer(found.Id).stats({ stream: false });
  return memory_stats.usage / 1e6;
}
