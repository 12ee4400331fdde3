import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { CONFORMANCE_SERVER } from "./conformance-server.ts";

/**
 * Runs test/conformance: against the API server that KUBECONFIG names where CONFORMANCE=external says so, otherwise
 * against ours.
 */
const { CONFORMANCE, KUBECONFIG } = process.env;
if (CONFORMANCE !== undefined && CONFORMANCE !== "external") {
  throw new Error(`CONFORMANCE=${CONFORMANCE}: only "external" is known`);
}
if (CONFORMANCE === "external" && !(KUBECONFIG && existsSync(KUBECONFIG))) {
  throw new Error("CONFORMANCE=external needs KUBECONFIG to name the kubeconfig of an administrator");
}
const jest = ["--experimental-vm-modules", "--no-warnings", "node_modules/jest/bin/jest.js"];
const args = ["--verbose", "--maxWorkers=100%", ...CONFORMANCE_SERVER, "--testPathPatterns", "test/conformance/"];
const { status } = spawnSync(process.execPath, [...jest, ...args, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
