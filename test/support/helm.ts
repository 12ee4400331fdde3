import { parseArgs } from "node:util";
import { chartOf } from "./chart.ts";
import { HelmRelease } from "./helm-release.ts";
import { Kubectl } from "./kubectl.ts";

/**
 * `helm install` and `helm uninstall` for tests of what documentation says to type, against the API that KUBECONFIG names. What it
 * does not know it refuses. The embedded API has no PodDisruptionBudgets.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { namespace: { type: "string", short: "n" }, "create-namespace": { type: "boolean" } },
});
const [command, releaseName = "", path = "charts/slipway", ...others] = positionals;
const { namespace = "default" } = values;
if (others.length > 0 || releaseName === "")
  throw new Error(`helm ${process.argv.slice(2).join(" ")} is not known here`);

const kubectl = new Kubectl(process.env.KUBECONFIG ?? "");
const release = new HelmRelease(kubectl, (kind) => kind !== "PodDisruptionBudget");
const chart = chartOf({}, { chart: path, namespace, releaseName });
if (command === "install") {
  const { code } = await kubectl.try(["get", "namespace", namespace]);
  if (code !== 0 && values["create-namespace"]) await kubectl.run(["create", "namespace", namespace]);
  await release.apply(chart);
  process.stdout.write(`NAME: ${releaseName}\nNAMESPACE: ${namespace}\nSTATUS: deployed\nNOTES:\n${chart.notes}\n`);
} else if (command === "uninstall") {
  const refusal = await release.uninstall(chart);
  process.stdout.write(refusal ?? `release "${releaseName}" uninstalled\n`);
  process.exitCode = refusal === undefined ? 0 : 1;
} else throw new Error(`helm ${command} is not known here`);
