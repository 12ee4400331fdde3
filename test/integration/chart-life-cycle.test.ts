import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { chartOf } from "../support/chart.ts";
import { HelmRelease } from "../support/helm-release.ts";
import { Kubectl } from "../support/kubectl.ts";

/** Install, upgrade, uninstall and install again, in Helm's order. */

const MINUTES = 60_000;
/** Before any test, since the renderer may have to be built. */
const CHART = chartOf();
const NOT_SERVED_HERE = ["PodDisruptionBudget"];
const DEPLOYMENT = {
  apiVersion: "slipway.dev/v1alpha1",
  kind: "RuntimeDeployment",
  metadata: { name: "files", namespace: "default" },
  spec: { source: { image: { reference: "x:1" } } },
};

let server: TestApiServer;
let kubectl: Kubectl;
let release: HelmRelease;
beforeEach(async () => {
  // Without the kinds, which come with the chart.
  server = await startTestApiServer({ crds: [] });
  kubectl = new Kubectl(server.kubeconfig);
  release = new HelmRelease(kubectl, (kind) => !NOT_SERVED_HERE.includes(kind));
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
});

const objectOf = () => kubectl.get("rtd", "files");
const uid = () => kubectl.run(["get", "rtd", "files", "-o", "jsonpath={.metadata.uid}"]);
const webhooks = () =>
  kubectl.run(["get", "mutatingwebhookconfigurations,validatingwebhookconfigurations", "-o", "name"]);

/** As a controller that runs would have let it pass. */
async function declare(): Promise<void> {
  await kubectl.run(["delete", "mutatingwebhookconfiguration,validatingwebhookconfiguration", "slipway-guardrails"]);
  await kubectl.apply(DEPLOYMENT);
}

describe("a release of the chart", () => {
  it(
    "refuses to go while a deployment is left, and names it",
    async () => {
      const chart = CHART;
      await release.apply(chart);
      await declare();
      await release.apply(chart);
      expect(await release.uninstall(chart)).toContain("  default/files\n");
      expect(await kubectl.run(["get", "deployment", "-n", "slipway-system", "-o", "name"])).toContain(
        "slipway-controller",
      );
      expect(await webhooks()).toContain("slipway-guardrails");
    },
    2 * MINUTES,
  );

  it(
    "leaves what is declared where that was asked for, and finds it again",
    async () => {
      const chart = chartOf({ uninstall: { check: false } });
      await release.apply(chart);
      await declare();
      await release.apply(chart);
      const before = await uid();
      expect(await release.uninstall(chart)).toBeUndefined();
      expect(await uid()).toBe(before);
      expect(await webhooks()).toBe("");
      expect(
        await kubectl.run(["get", "deployment,service,serviceaccount", "-n", "slipway-system", "-o", "name"]),
      ).not.toContain("slipway-gateway");
      await release.apply(CHART);
      expect(await uid()).toBe(before);
    },
    2 * MINUTES,
  );

  it(
    "drains where that was asked for",
    async () => {
      const chart = chartOf({ uninstall: { drain: true } });
      await release.apply(chart);
      await declare();
      expect(await release.uninstall(chart)).toBeUndefined();
      expect(await kubectl.run(["get", "rtd", "-A", "-o", "name"])).toBe("");
      expect(await kubectl.run(["get", "crd", "-o", "name"])).toContain("runtimedeployments.slipway.dev");
    },
    2 * MINUTES,
  );

  it(
    "is upgraded from the first chart that there was, and what is declared stays what it is",
    async () => {
      const first = chartOf({}, { chart: "test/support/releases/first-chart/chart" });
      await release.apply(first);
      await declare();
      await release.apply(first);
      const [before, files] = [await objectOf(), await kubectl.run(["get", "rtd", "-A", "-o", "name"])];
      await release.apply(chartOf({}, { isUpgrade: true }), first);
      expect(await objectOf()).toEqual(before);
      expect(await kubectl.run(["get", "rtd", "-A", "-o", "name"])).toBe(files);
      // A Deployment's selector cannot change, so an upgrade that changed it would have been refused.
      expect(await kubectl.run(["get", "deployment", "-n", "slipway-system", "-o", "name"])).toContain(
        "slipway-controller",
      );
      expect(await release.uninstall(CHART)).toContain("  default/files\n");
    },
    2 * MINUTES,
  );

  it(
    "keeps the kinds when it is upgraded to one that does not install them",
    async () => {
      const chart = CHART;
      await release.apply(chart);
      await declare();
      const before = await uid();
      const upgraded = chartOf({ crds: { install: false }, rbac: { userRoles: false } }, { isUpgrade: true });
      await release.apply(upgraded, chart);
      expect(await uid()).toBe(before);
      expect(await kubectl.run(["get", "clusterrole", "--ignore-not-found", "slipway-viewer", "-o", "name"])).toBe("");
    },
    2 * MINUTES,
  );

  it(
    "lets nothing be declared before its controller is there",
    async () => {
      await release.apply(CHART);
      const { code, stderr } = await kubectl.try(["apply", "-f", "-"], { input: JSON.stringify(DEPLOYMENT) });
      expect(code).toBe(1);
      expect(stderr).toContain("stamps.admission.slipway.dev");
      // And nothing else is concerned.
      await kubectl.run(["create", "configmap", "other"]);
    },
    2 * MINUTES,
  );
});
