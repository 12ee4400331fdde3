import { ensureEngine } from "../scripts/ensure-engine.ts";
import { ensureSandboxImage } from "../scripts/sandbox-image.ts";
import { apiServer } from "./api-server.ts";
import { gateway } from "./gateway/gateway.ts";
import { stdio } from "./gateway/stdio.ts";
import { imageDeployments } from "./image-deployments.ts";
import type { Row } from "./row.ts";
import { sandbox } from "./sandbox.ts";

/**
 * Prints one JSON object a line. Takes names of benchmarks, or runs all; BENCH_RUNS sets how often each side runs (5).
 * Ends with 0 also where a number is missed: `met` tells.
 */
const benchmarks: Record<string, (runs: number) => Promise<Row[]>> = {
  "image-deployments": imageDeployments,
  sandbox,
  "api-server": apiServer,
  gateway,
  stdio,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in benchmarks));
if (unknown.length > 0) {
  console.error(`bench: ${unknown.join(", ")}: no such benchmark; there are ${Object.keys(benchmarks).join(", ")}`);
  process.exit(2);
}
const runs = Number(process.env.BENCH_RUNS ?? 5);
await ensureEngine(console.error);
await ensureSandboxImage(console.error);
for (const [name, measure] of Object.entries(benchmarks)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  for (const row of await measure(runs)) console.log(JSON.stringify(row));
}
