import { setTimeout as sleep } from "node:timers/promises";
import { API_VERSION, type RuntimeDeployment, runtimeDeployments } from "../src/api/v1alpha1/index.ts";
import { createKubeClient } from "../src/machinery/http-kube-client.ts";
import { ensureBusyboxImage } from "../test/support/images.ts";
import { SlipwayProcess } from "../test/support/slipway-process.ts";
import { findCompose, timeCompose } from "./compose.ts";
import { countStarts, engine, inParallel, settle } from "./engine.ts";
import { atMost, type Row } from "./row.ts";
import { timeStraight } from "./straight.ts";

const COUNT = 40;
/** As many at once as the controllers reconcile. */
const AT_ONCE = 16;
/** Of the benchmark alone, so that it counts nobody else's containers. */
const NAMESPACE = "slipway-bench";
/** Far beyond what any machine needs. */
const DEADLINE_MS = 120_000;
const LABEL = `slipway.dev/namespace=${NAMESPACE}`;

/** 40 image deployments with a published port, image present: from the first apply until all containers run. */
export async function imageDeployments(runs: number): Promise<Row[]> {
  const image = await ensureBusyboxImage();
  const compose = findCompose();
  const times: Record<"slipway" | "straight" | "compose", number[]> = { slipway: [], straight: [], compose: [] };
  await using slipway = await new SlipwayProcess().start();
  await slipway.kubectl.run(["create", "namespace", NAMESPACE]);
  // In turn, so that all meet the same machine; the first round warms it up and does not count.
  for (let run = 0; run <= runs; run += 1) {
    const round = {
      slipway: await timeSlipway(slipway, image),
      straight: await timeStraight(image, COUNT, AT_ONCE),
      ...(compose && { compose: await timeCompose(compose, image, COUNT) }),
    };
    if (run === 0) continue;
    for (const [name, ms] of Object.entries(round)) times[name as keyof typeof times].push(ms);
  }
  const bench = `${COUNT} image deployments, applied to all running`;
  const common = { bench, unit: "ms", slipwayRuns: times.slipway } as const;
  return [
    ...(compose ? [atMost(1, { ...common, peer: "docker compose up -d", peerRuns: times.compose })] : []),
    atMost(1.1, { ...common, peer: `straight create and start, ${AT_ONCE} at once`, peerRuns: times.straight }),
  ];
}

async function timeSlipway(slipway: SlipwayProcess, image: string): Promise<number> {
  using client = await createKubeClient({ kubeconfigPath: slipway.kubectl.kubeconfig });
  using starts = await countStarts(LABEL, COUNT);
  const names = [...Array(COUNT).keys()].map((index) => `bench-${index}`);
  const began = performance.now();
  await inParallel(names, AT_ONCE, async (name) => {
    await client.create(runtimeDeployments, deployment(name, image));
  });
  await Promise.race([starts.done, late()]);
  const took = performance.now() - began;
  await inParallel(names, AT_ONCE, (name) => client.delete(runtimeDeployments, { namespace: NAMESPACE, name }));
  await gone();
  return took;
}

function deployment(name: string, image: string) {
  return {
    apiVersion: API_VERSION,
    kind: "RuntimeDeployment" as const,
    metadata: { name, namespace: NAMESPACE },
    // The server fills in the rest. What runs is no MCP server, so nothing is probed.
    spec: {
      source: { image: { reference: image, pullPolicy: "Never" } },
      health: { probe: "none" },
    } as RuntimeDeployment["spec"],
  };
}

async function late(): Promise<never> {
  await sleep(DEADLINE_MS, undefined, { ref: false });
  throw new Error(`not all of ${COUNT} containers were started within ${DEADLINE_MS} ms`);
}

async function gone(): Promise<void> {
  const filters = { label: [LABEL] };
  const deadline = performance.now() + DEADLINE_MS;
  do {
    await settle();
    if ((await engine.listContainers({ all: true, filters })).length === 0) return;
  } while (performance.now() < deadline);
  throw new Error(`containers of ${NAMESPACE} are left after ${DEADLINE_MS} ms`);
}
