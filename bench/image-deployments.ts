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

/** Milliseconds, run by run. */
type Times = Record<"slipway" | "straight" | "compose" | "sandboxed" | "pairs", number[]>;

/** 40 image deployments with a published port, image present: from the first apply until all containers run. */
export async function imageDeployments(runs: number): Promise<Row[]> {
  const image = await ensureBusyboxImage();
  const compose = findCompose();
  const times: Times = { slipway: [], straight: [], compose: [], sandboxed: [], pairs: [] };
  await using slipway = await new SlipwayProcess().start();
  await slipway.kubectl.run(["create", "namespace", NAMESPACE]);
  // In turn, so that all meet the same machine; the first round of each warms it up and does not count.
  for (let run = 0; run <= runs; run += 1) {
    const { ms } = await timeSlipway(slipway, image, "unrestricted");
    const straight = await timeStraight(image, COUNT, AT_ONCE);
    const composed = compose ? await timeCompose(compose, image, COUNT) : undefined;
    if (run === 0) continue;
    times.slipway.push(ms);
    times.straight.push(straight);
    if (composed !== undefined) times.compose.push(composed);
  }
  // Apart from the others, since the Engine tidies up after eighty containers for a while.
  for (let run = 0; run <= runs; run += 1) {
    const { ms, pairs } = await timeSlipway(slipway, image, "standard");
    const straight = await timePairs(pairs, AT_ONCE);
    if (run === 0) continue;
    times.sandboxed.push(ms);
    times.pairs.push(straight);
  }
  const bench = `${COUNT} image deployments, applied to all running`;
  const common = { bench, unit: "ms", slipwayRuns: times.slipway } as const;
  return [
    ...(compose ? [atMost(1, { ...common, peer: "docker compose up -d", peerRuns: times.compose })] : []),
    atMost(1.1, { ...common, peer: `straight create and start, ${AT_ONCE} at once`, peerRuns: times.straight }),
    atMost(1.25, {
      ...common,
      bench: `${bench}, each in a sandbox`,
      slipwayRuns: times.sandboxed,
      peer: `straight create and start of the ${2 * COUNT} containers, ${AT_ONCE} at once`,
      peerRuns: times.pairs,
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
