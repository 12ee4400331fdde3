import { runtimeDeployments } from "../src/api/v1alpha1/index.ts";
import { createKubeClient } from "../src/machinery/http-kube-client.ts";
import { ensureBusyboxImage } from "../test/support/images.ts";
import { SlipwayProcess } from "../test/support/slipway-process.ts";
import { findCompose, timeCompose } from "./compose.ts";
import { deployment, late, NAMESPACE, removeDeployments, WORKLOADS } from "./deployments.ts";
import { countStarts, inParallel } from "./engine.ts";
import { readPairs, timePairs } from "./pairs.ts";
import { atMost, type Row } from "./row.ts";
import { timeStraight } from "./straight.ts";

const COUNT = 40;
/** As many at once as the controllers reconcile. */
const AT_ONCE = 16;

/** 40 image deployments with a published port, image present: from the first apply until all containers run. */
export async function imageDeployments(runs: number): Promise<Row[]> {
  const image = await ensureBusyboxImage();
  const compose = findCompose();
  const times = { slipway: [], straight: [], compose: [], sandboxed: [], pairs: [] } as Record<string, number[]>;
  await using slipway = await new SlipwayProcess().start();
  await slipway.kubectl.run(["create", "namespace", NAMESPACE]);
  // In turn, so that all meet the same machine; the first round warms it up and does not count.
  for (let run = 0; run <= runs; run += 1) {
    const unrestricted = await timeSlipway(slipway, image, "unrestricted");
    const straight = await timeStraight(image, COUNT, AT_ONCE);
    const composed = compose && { compose: await timeCompose(compose, image, COUNT) };
    const { ms: sandboxed, pairs } = await timeSlipway(slipway, image, "standard");
    const round = {
      slipway: unrestricted.ms,
      straight,
      ...composed,
      sandboxed,
      pairs: await timePairs(pairs, AT_ONCE),
    };
    if (run === 0) continue;
    for (const [name, ms] of Object.entries(round)) times[name]?.push(ms);
  }
  const { slipway: slipwayRuns = [], straight = [], compose: composed = [], sandboxed = [], pairs = [] } = times;
  const bench = `${COUNT} image deployments, applied to all running`;
  const common = { bench, unit: "ms", slipwayRuns } as const;
  return [
    ...(compose ? [atMost(1, { ...common, peer: "docker compose up -d", peerRuns: composed })] : []),
    atMost(1.1, { ...common, peer: `straight create and start, ${AT_ONCE} at once`, peerRuns: straight }),
    atMost(1.25, {
      ...common,
      bench: `${bench}, each in a sandbox`,
      slipwayRuns: sandboxed,
      peer: `straight create and start of the ${2 * COUNT} containers, ${AT_ONCE} at once`,
      peerRuns: pairs,
    }),
  ];
}

async function timeSlipway(slipway: SlipwayProcess, image: string, profile: string) {
  using client = await createKubeClient({ kubeconfigPath: slipway.kubectl.kubeconfig });
  using starts = await countStarts(WORKLOADS, COUNT);
  const names = [...Array(COUNT).keys()].map((index) => `bench-${index}`);
  const began = performance.now();
  await inParallel(names, AT_ONCE, async (name) => {
    await client.create(runtimeDeployments, deployment(name, image, profile));
  });
  await Promise.race([starts.done, late(`the start of ${COUNT} containers`)]);
  const ms = performance.now() - began;
  const pairs = await readPairs();
  await removeDeployments(client, names);
  return { ms, pairs };
}
