import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { INSTALL_MANIFEST, installManifest, installManifestProblem } from "../../scripts/chart/install-manifest.ts";
import type { Values } from "../../scripts/chart/values.ts";
import { webhookConfigurations } from "../../src/admission-webhook/webhook-configuration.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { chartOf, objectsOf, type Rendered } from "../support/chart.ts";
import { Kubectl } from "../support/kubectl.ts";
import { restrictedViolations } from "../support/pod-security.ts";

/** What the chart makes, as a cluster takes it. */

const EVERYTHING: Values = {
  imagePullSecrets: [{ name: "ghcr" }],
  uninstall: { drain: true },
  watchNamespaces: ["team-a", "team-b"],
  serviceAccount: { annotations: { a: "b" } },
  controller: { extraEnv: [{ name: "A", value: "b" }] },
  tracing: { endpoint: "http://collector.observability:4318" },
  metrics: { serviceMonitor: { enabled: true, labels: { release: "prometheus" } } },
  gateway: {
    service: { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.0/8"] },
    ingress: { enabled: true, className: "nginx", hosts: ["mcp.example.com"], tls: [{ secretName: "mcp" }] },
    httpRoute: { enabled: true, parentRefs: [{ name: "public" }] },
  },
  webhooks: { certManager: { enabled: true } },
  codeEngine: { credentials: [{ name: "code-engine", apiKey: "key" }] },
  backends: [{ name: "build-box", spec: { type: "docker", docker: { host: "tcp://10.0.0.7:2376" } } }],
  guardrailProfiles: [{ name: "tight", spec: { enforcement: "Strict" } }],
  networkPolicy: {
    gatewayFrom: [{ namespaceSelector: {} }],
    metricsFrom: [{ namespaceSelector: {} }],
    egress: [{ to: [{ ipBlock: { cidr: "0.0.0.0/0" } }] }],
  },
  podAnnotations: { a: "b" },
  priorityClassName: "system-cluster-critical",
  nodeSelector: { "kubernetes.io/os": "linux" },
  tolerations: [{ key: "platform", operator: "Exists" }],
  affinity: { nodeAffinity: {} },
  commonLabels: { team: "platform" },
};

/** Kinds of others, or ones that the embedded server does not have. */
const NOT_SERVED_HERE = ["PodDisruptionBudget", "ServiceMonitor", "HTTPRoute", "Certificate", "Issuer"];

describe("a cluster", () => {
  let server: TestApiServer;
  let kubectl: Kubectl;
  beforeAll(async () => {
    server = await startTestApiServer({ crds: [] });
    kubectl = new Kubectl(server.kubeconfig);
    for (const name of ["team-a", "team-b"]) await kubectl.run(["create", "namespace", name]);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
  });

  it.each([
    { because: "nothing is said", values: {} },
    { because: "everything is said", values: EVERYTHING },
  ])("takes each manifest without a warning where $because", async ({ values }) => {
    const objects = chartOf(values).objects.filter(({ kind }) => !NOT_SERVED_HERE.includes(kind));
    const args = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-"];
    const { code, stdout, stderr } = await kubectl.try(args, {
      input: objects.map((each) => JSON.stringify(each)).join("\n"),
    });
    expect(stderr).toBe("");
    expect(code).toBe(0);
    expect(stdout.trim().split("\n")).toHaveLength(objects.length);
  });

  it("applies install.yaml twice without a change, and keeps kinds and keys when it is removed", async () => {
    const manifests = objectsOf(INSTALL_MANIFEST, readFileSync(INSTALL_MANIFEST, "utf8"));
    const served = manifests.filter(({ kind }) => !NOT_SERVED_HERE.includes(kind));
    const input = served.map((each) => JSON.stringify(each)).join("\n");
    const apply = ["apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-"];
    await kubectl.run(apply, { input });
    const versions = () =>
      kubectl.run(["get", "-f", "-", "-o", "jsonpath={.items[*].metadata.resourceVersion}"], { input });
    const before = await versions();
    await kubectl.run(apply, { input });
    expect(await versions()).toBe(before);
    expect(before.split(" ")).toHaveLength(served.length);

    const selector = /-l '([^']+)'/.exec(readFileSync(INSTALL_MANIFEST, "utf8"))?.[1] ?? "";
    await kubectl.run(["delete", "-f", "-", "-l", selector, "--wait=false"], { input });
    const left = await kubectl.run(["get", "-f", "-", "--ignore-not-found", "-o", "name"], { input });
    const kept = served.filter(({ kind }) => ["Namespace", "CustomResourceDefinition"].includes(kind));
    expect(left.trim().split("\n")).toHaveLength(kept.length);
  });

  it("has a base for Kustomize", async () => {
    const built = objectsOf("kustomize", await kubectl.run(["kustomize", "manifests"]));
    expect(built).toHaveLength(objectsOf(INSTALL_MANIFEST, readFileSync(INSTALL_MANIFEST, "utf8")).length);
  });
});

describe("manifests/install.yaml", () => {
  it("is what the chart makes", () => {
    expect(readFileSync(INSTALL_MANIFEST, "utf8")).toBe(installManifest());
    expect(installManifestProblem()).toBeUndefined();
  });

  it("says nothing of Helm but what keeps the kinds", () => {
    const lines = readFileSync(INSTALL_MANIFEST, "utf8")
      .split("\n")
      .filter((line) => /helm/i.test(line) && !line.startsWith("#"));
    expect(new Set(lines.map((line) => line.trim()))).toEqual(new Set(["helm.sh/resource-policy: keep"]));
  });
});

describe("the kinds", () => {
  it("are those of crds/, and outlive the release", () => {
    const definitions = chartOf().objects.filter(({ kind }) => kind === "CustomResourceDefinition");
    expect(definitions).toHaveLength(6);
    for (const { metadata, spec } of definitions) {
      const file = `crds/${metadata.name.split(".")[0]}.yaml`;
      const [own] = objectsOf(file, readFileSync(file, "utf8"));
      expect(spec).toEqual(own.spec);
      expect(metadata.annotations).toEqual({ "helm.sh/resource-policy": "keep" });
    }
  });
});

describe("rights", () => {
  const controller = objectsOf("controller.yaml", readFileSync("manifests/rbac/controller.yaml", "utf8"));
  const rulesOf = (objects: readonly Rendered[]) =>
    new Set(
      objects.flatMap(({ kind, metadata, rules = [] }) =>
        rules.flatMap((rule: Rendered) =>
          rule.resources.flatMap((resource: string) =>
            rule.verbs.flatMap((verb: string) =>
              (rule.resourceNames ?? ["*"]).map(
                (name: string) =>
                  `${kind} ${metadata.namespace ?? ""} ${rule.apiGroups[0]}/${resource} ${verb} ${name}`,
              ),
            ),
          ),
        ),
      ),
    );
  const ofController = ({ metadata }: Rendered) => ["slipway-controller", "slipway-workloads"].includes(metadata.name);

  it("of the controller are those under slipway up, and the webhooks'", () => {
    const made = rulesOf(chartOf().objects.filter(ofController));
    const known = rulesOf(controller);
    expect([...known].filter((rule) => !made.has(rule))).toEqual([]);
    const webhooks = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"].flatMap((plural) =>
      ["get", "patch"].map((verb) => `ClusterRole  admissionregistration.k8s.io/${plural} ${verb} slipway-guardrails`),
    );
    const secrets = ["slipway-webhook-ca", "slipway-webhook-tls"].flatMap((name) =>
      ["update", "patch"].map((verb) => `Role slipway-system /secrets ${verb} ${name}`),
    );
    expect(new Set([...made].filter((rule) => !known.has(rule)))).toEqual(new Set([...webhooks, ...secrets]));
  });

  it("on Secrets and workloads are left to the watched namespaces", () => {
    const { objects } = chartOf({ watchNamespaces: ["team-a"] });
    const rules = [...rulesOf(objects.filter(ofController))];
    const namespaced = /\/(secrets|configmaps|runtimedeployments|approvals)[ /]/;
    expect(rules.filter((rule) => rule.startsWith("ClusterRole") && namespaced.test(rule))).toEqual([]);
    expect(rules).toContain("Role team-a /secrets list *");
    expect(rules).toContain("Role team-a slipway.dev/runtimedeployments/status patch *");
    expect(
      rules.filter(
        (rule) =>
          / team-a /.test(rule) && / (create|delete|update|patch) /.test(rule) && /\/(secrets|configmaps) /.test(rule),
      ),
    ).toEqual([]);
  });

  it("for people are those of manifests/rbac", () => {
    const roles = objectsOf("roles.yaml", readFileSync("manifests/rbac/roles.yaml", "utf8"));
    const { one } = chartOf();
    for (const role of roles) expect(one("ClusterRole", role.metadata.name)).toEqual(role);
  });

  it.each([{ values: {} }, { values: EVERYTHING }])("hold no wildcard", ({ values }) => {
    const rules = chartOf(values).objects.flatMap((object) => object.rules ?? []);
    expect(rules.filter((rule: Rendered) => [rule.apiGroups, rule.resources, rule.verbs].flat().includes("*"))).toEqual(
      [],
    );
  });
});

describe("webhooks", () => {
  const [mutating, validating] = webhookConfigurations({ stamps: "", rules: "" }, "") as unknown as readonly Rendered[];
  const comparable = ({ webhooks }: Rendered) =>
    webhooks
      .filter(({ name }: Rendered) => name !== "warnings.admission.slipway.dev")
      .map(({ clientConfig, matchConditions, ...rest }: Rendered) => ({
        ...rest,
        matchConditions: matchConditions.map((each: Rendered) => ({ ...each, expression: each.expression.trim() })),
      }));

  it.each([
    { kind: "MutatingWebhookConfiguration", own: mutating },
    { kind: "ValidatingWebhookConfiguration", own: validating },
  ])("of $kind ask what the controller answers", ({ kind, own }) => {
    const made = chartOf().one(kind, own.metadata.name);
    expect(comparable(made)).toEqual(comparable(own));
  });

  it("fail closed, and concern nothing but slipway.dev", () => {
    const all = chartOf().objects.flatMap((object) => object.webhooks ?? []);
    expect(all).toHaveLength(3);
    for (const { failurePolicy, rules, clientConfig } of all) {
      expect(failurePolicy).toBe("Fail");
      expect(rules.flatMap((rule: Rendered) => rule.apiGroups).every((group: string) => group === "slipway.dev")).toBe(
        true,
      );
      expect(clientConfig.service.path).toMatch(/^\/review\/(stamps|rules)$/);
    }
  });
});

describe("pods", () => {
  const podsOf = (values: Values) =>
    chartOf(values).objects.flatMap(({ spec }) => (spec?.template ? [spec.template] : []));

  it.each([{ values: {} }, { values: EVERYTHING }])("pass Pod Security restricted", ({ values }) => {
    const pods = podsOf(values);
    expect(pods).toHaveLength(2);
    expect(pods.flatMap(restrictedViolations)).toEqual([]);
    for (const { spec } of pods) expect(spec.containers[0].securityContext.readOnlyRootFilesystem).toBe(true);
  });

  it("fail it by the Docker socket alone", () => {
    const pods = podsOf({ replicas: 1, nodeSelector: { a: "b" }, docker: { socket: { enabled: true } } });
    expect(pods.flatMap(restrictedViolations)).toEqual(["volume docker"]);
  });
});

describe("selectors", () => {
  const chart = chartOf();
  const labels = chart.one("Deployment", "slipway-controller").spec.template.metadata.labels;
  const hook = chart.one("Job", "slipway-uninstall").spec.template.metadata.labels;
  const selects = (selector: Record<string, string>, its: Record<string, string>) =>
    Object.entries(selector).every(([key, value]) => its[key] === value);

  it.each([
    ["Deployment slipway-controller", chart.one("Deployment", "slipway-controller").spec.selector.matchLabels],
    ["PodDisruptionBudget", chart.one("PodDisruptionBudget", "slipway-controller").spec.selector.matchLabels],
    ["NetworkPolicy", chart.one("NetworkPolicy", "slipway-controller").spec.podSelector.matchLabels],
    ["Service slipway-gateway", chart.one("Service", "slipway-gateway").spec.selector],
    ["Service slipway-webhook", chart.one("Service", "slipway-webhook").spec.selector],
    ["Service slipway-metrics", chart.one("Service", "slipway-metrics").spec.selector],
  ])("of %s mean the controllers, and not the pod that uninstalls", (_, selector) => {
    expect(selects(selector, labels)).toBe(true);
    expect(selects(selector, hook)).toBe(false);
  });

  it("stay the same over versions, since that of a Deployment cannot change", () => {
    expect(Object.keys(chart.one("Deployment", "slipway-controller").spec.selector.matchLabels)).toEqual([
      "app.kubernetes.io/name",
      "app.kubernetes.io/instance",
      "app.kubernetes.io/component",
    ]);
  });
});

describe("helm uninstall", () => {
  it("asks first, and nothing else waits for a hook", () => {
    const hooks = chartOf(EVERYTHING).objects.filter(({ metadata }) => metadata.annotations?.["helm.sh/hook"]);
    expect(hooks.map(({ kind, metadata }) => [kind, metadata.annotations["helm.sh/hook"]])).toEqual([
      ["Job", "pre-delete"],
    ]);
  });
});

describe("flags", () => {
  it("that the chart sets are all in the table of the design", () => {
    const table = readFileSync("docs/design/cluster.md", "utf8");
    const containers = chartOf(EVERYTHING).objects.flatMap(({ spec }) => spec?.template?.spec.containers ?? []);
    const flags = containers
      .flatMap(({ args }: Rendered) => args)
      .flatMap((arg: string) => /^--[-a-z]+/.exec(arg) ?? []);
    expect(new Set(flags).size).toBeGreaterThan(15);
    expect(flags.filter((flag: string) => !table.includes(`\`${flag}`))).toEqual([]);
  });
});
