import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, resolve } from "node:path";
import { CONFORMANCE_SERVER } from "./conformance-server.ts";

/**
 * Runs test/conformance: against the API server that KUBECONFIG names where CONFORMANCE=external says so, otherwise
 * against ours. Against another's also what Slipway itself does there, by `slipway controller`, where that server can reach this machine.
 */
const { CONFORMANCE, CONFORMANCE_WEBHOOK_HOST, KUBECONFIG } = process.env;
if (CONFORMANCE !== undefined && CONFORMANCE !== "external") {
  throw new Error(`CONFORMANCE=${CONFORMANCE}: only "external" is known`);
}
const isExternal = CONFORMANCE === "external";
if (isExternal && !(KUBECONFIG && existsSync(KUBECONFIG))) {
  throw new Error("CONFORMANCE=external needs KUBECONFIG to name the kubeconfig of an administrator");
}
const jest = ["--experimental-vm-modules", "--no-warnings", "node_modules/jest/bin/jest.js", "--verbose"];

/** One after the other, since there is one Slipway in a cluster. */
const SLIPWAY = [
  "test/integration/guardrail-admission.test.ts",
  "test/integration/cluster-webhooks.test.ts",
  "test/e2e/approvals.test.ts",
];

const run = (...args: readonly string[]) => {
  const path = [resolve("node_modules/.bin"), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path };
  const { status } = spawnSync(process.execPath, [...jest, ...args], { stdio: "inherit", env });
  if (status !== 0) process.exitCode = status ?? 1;
};
const own = process.argv.slice(2);
const files = own.some((argument) => argument.startsWith("test/")) ? [] : ["--testPathPatterns", "test/conformance/"];
run("--maxWorkers=100%", ...CONFORMANCE_SERVER, ...files, ...own);
if (isExternal && own.length === 0) {
  if (CONFORMANCE_WEBHOOK_HOST) run("--runInBand", ...SLIPWAY);
  else console.log("CONFORMANCE_WEBHOOK_HOST is not set: admission by slipway controller is not tried");
}
