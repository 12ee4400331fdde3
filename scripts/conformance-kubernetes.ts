import { spawn } from "node:child_process";
import { KubernetesApi } from "../test/support/kubernetes-api/kubernetes-api.ts";
import { kubernetesPrograms } from "../test/support/kubernetes-api/programs.ts";

/**
 * Runs test/conformance, and what Slipway does by `slipway controller`, where Kubernetes' own code serves custom resources.
 * Arguments are Jest's, for some files only.
 */
const WEBHOOK_HOST = "127.0.0.1";

const programs = kubernetesPrograms(console.log);
console.log(`Custom resources are served by k8s.io/apiextensions-apiserver ${programs.version}.`);
await using api = await KubernetesApi.start(programs);
const env = {
  ...process.env,
  ...{ CONFORMANCE: "external", CONFORMANCE_WEBHOOK_HOST: WEBHOOK_HOST, KUBECONFIG: api.kubeconfig },
  // kube-controller-manager is not there, and ours knows its own objects alone.
  CONFORMANCE_COLLECTS: "built-in",
};
const suite = spawn(process.execPath, ["scripts/conformance.ts", ...process.argv.slice(2)], {
  ...{ stdio: "inherit", env },
  // A group of its own, which ends as a whole.
  detached: true,
});
// Who is stopped still ends the servers, once the suite has ended.
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => suite.pid !== undefined && process.kill(-suite.pid, signal));
}
const { promise, resolve } = Promise.withResolvers<number>();
suite.once("exit", (code) => resolve(code ?? 1));
process.exitCode = await promise;
