import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { converge } from "../bench/scale/converge.ts";
import { cut } from "../bench/scale/cut.ts";
import { fairness } from "../bench/scale/fairness.ts";
import { gone } from "../bench/scale/gone.ts";
import { atMost, type ScaleRow } from "../bench/scale/row.ts";
import { settled } from "../bench/scale/settled.ts";
import { startUp } from "../bench/scale/start-up.ts";
import { SimulatedCluster } from "../test/support/simulated/cluster.ts";
import { bundle } from "./bundle.ts";

/**
 * Measures a controller with N deployments on a simulated place, and prints one JSON object a line. N is 1,000 unless the environment
 * says otherwise, and SECONDS (60) how long it is watched when settled. API server, controller and place are processes of their
 * own. Ends with 1 where a bound is not kept.
 */
const objects = countOf("N", 1_000);
const seconds = countOf("SECONDS", 60);
/**
 * Limits so wide that the controller is measured, a gateway whose address stays, since it is part of each status, and a lease that
 * outlasts the restart of the API server on a busy machine.
 */
const LIMITS = ["--kube-api-qps=10000", "--kube-api-burst=10000"];
const FLAGS = [...LIMITS, "--gateway-url=http://gateway.example.com", "--lease-seconds=300"];

const folder = mkdtempSync(join(tmpdir(), "slipway-scale-"));
let allMet = true;
try {
  cpSync("package.json", join(folder, "package.json"));
  symlinkSync(resolve("manifests"), join(folder, "manifests"));
  await bundle("test/support/simulated/controller.ts", join(folder, "dist"));
  const options = { program: join(folder, "dist/controller.js"), flags: FLAGS };
  await measure(options);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
if (!allMet) process.exitCode = 1;

async function measure(options: { readonly program: string; readonly flags: readonly string[] }): Promise<void> {
  let smaller: number | undefined;
  for (const size of [objects / 100, objects / 10].filter((each) => each >= 100)) {
    await using cluster = await SimulatedCluster.start();
    const { rows, cpuMsEach } = await converge(cluster, await cluster.startController(options), { to: size });
    print(...rows, ...growth(smaller, cpuMsEach, size));
    smaller = cpuMsEach;
  }
  await using cluster = await SimulatedCluster.start();
  const first = await cluster.startController(options);
  const { rows, cpuMsEach } = await converge(cluster, first, { to: objects });
  print(...rows, ...growth(smaller, cpuMsEach, objects));
  print(...(await settled(cluster, first, { objects, seconds, after: "converging" })));
  await first.end();
  const { controller, rows: startRows } = await startUp(cluster, options, objects);
  print(...startRows, ...(await settled(cluster, controller, { objects, seconds, after: "a start" })));
  print(...(await fairness(cluster, controller, objects)));
  print(...(await cut(cluster, controller, objects)));
  await controller.end();
  print(...(await gone(cluster, options, objects)));
}

function growth(smaller: number | undefined, larger: number, size: number): ScaleRow[] {
  if (smaller === undefined) return [];
  const scale = "converge: growth of the CPU for each deployment over a decade";
  return [atMost(1.3, { scale, objects: size, value: larger / smaller, unit: "×" })];
}

function print(...rows: readonly ScaleRow[]): void {
  for (const row of rows) {
    console.log(JSON.stringify(row));
    if (row.met !== false) continue;
    allMet = false;
    console.error(`scale: not met: ${row.scale}: ${row.value} ${row.unit}, must be ${row.must}`);
  }
}

function countOf(name: string, fallback: number): number {
  const value = Number(process.env[name] || fallback);
  if (Number.isInteger(value) && value > 0) return value;
  console.error(
    `scale: ${name} is ${JSON.stringify(process.env[name])}; write a whole number, for example ${name}=${fallback}`,
  );
  process.exit(2);
}
