import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { parse } from "yaml";
import { INSTALL_MANIFEST, installManifest, installManifestProblem } from "../../scripts/chart/install-manifest.ts";
import type { Values } from "../../scripts/chart/values.ts";
import { webhookConfigurations } from "../../src/admission-webhook/webhook-configuration.ts";
import { run } from "../../src/cli/program.ts";
import { startTestApiServer, type TestApiServer } from "../support/api-server.ts";
import { chartOf, type Manifest, manifestsOf, valueAt, type Webhook } from "../support/chart.ts";
import { Kubectl } from "../support/kubectl.ts";
import { schemaProblems } from "../support/kubernetes-schema.ts";
import { codeBlocks } from "../support/markdown.ts";
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
    hosts: ["gateway.example.com"],
    origins: ["https://inspector.example.com"],
    ingress: { enabled: true, className: "nginx", hosts: ["mcp.example.com"], tls: [{ secretName: "mcp" }] },
    httpRoute: { enabled: true, parentRefs: [{ name: "public" }] },
  },
  webhooks: { certManager: { enabled: true } },
  codeEngine: { credentials: [{ name: "code-engine", apiKey: "key" }] },
  backends: [{ name: "build-box", spec: { type: "docker", docker: { host: "tcp://10.0.0.7:2376" } } }],
  guardrailProfiles: [{ name: "tight", spec: { enforcement: "Strict" } }],
  approvalPolicies: [{ name: "all", spec: { timeoutHours: 24 } }],
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

const EXAMPLES = codeBlocks("charts/slipway/README.md").filter(({ text }) => text.includes("backends:"));

/** Kinds of others, or ones that the embedded server does not have. */
const NOT_SERVED_HERE = [
  "PodDisruptionBudget",
  "ServiceMonitor",
  "PrometheusRule",
  "HTTPRoute",
  "Certificate",
  "Issuer",
];

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
    const manifests = manifestsOf(INSTALL_MANIFEST, readFileSync(INSTALL_MANIFEST, "utf8"));
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

  it.each(EXAMPLES)("takes what the values in README.md, line $line, declare", async ({ text }) => {
    const declared = valueAt(chartOf(parse(text) as Values).one("ConfigMap", "slipway-defaults"), "data");
    const input = String(Object.values(declared as object)[0]);
    // The kinds come with the chart, and nothing is applied to them here.
    const kinds = chartOf().objects.filter(({ kind }) => kind === "CustomResourceDefinition");
    await kubectl.run(["apply", "--server-side", "-f", "-"], {
      input: kinds.map((each) => JSON.stringify(each)).join("\n"),
    });
    const args = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
    expect(await kubectl.run(args, { input })).toContain("serverside-applied");
  });

  it("has a base for Kustomize", async () => {
    const built = manifestsOf("kustomize", await kubectl.run(["kustomize", "manifests"]));
    expect(built).toHaveLength(manifestsOf(INSTALL_MANIFEST, readFileSync(INSTALL_MANIFEST, "utf8")).length);
  });
});

describe("manifests/install.yaml", () => {
  it("has no field that its kinds do not know", () => {
    const manifests = manifestsOf(INSTALL_MANIFEST, readFileSync(INSTALL_MANIFEST, "utf8"));
    expect(manifests.flatMap(schemaProblems)).toEqual([]);
    expect(chartOf(EVERYTHING).objects.flatMap(schemaProblems)).toEqual([]);
  });

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

describe("Chart.yaml", () => {
  it("has the version of the program", () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect(parse(readFileSync("charts/slipway/Chart.yaml", "utf8"))).toMatchObject({ version, appVersion: version });
  });
});

describe("the kinds", () => {
  it("are those of crds/, and outlive the release", () => {
    const definitions = chartOf().objects.filter(({ kind }) => kind === "CustomResourceDefinition");
    expect(definitions).toHaveLength(6);
    for (const { metadata, spec } of definitions) {
      const file = `crds/${metadata.name.split(".")[0]}.yaml`;
      const [own] = manifestsOf(file, readFileSync(file, "utf8"));
      expect(spec).toEqual(own?.spec);
      expect(metadata.annotations).toEqual({ "helm.sh/resource-policy": "keep" });
      expect(own?.metadata.annotations).toBeUndefined();
    }
  });
});

describe("rights", () => {
  const controller = manifestsOf("controller.yaml", readFileSync("manifests/rbac/controller.yaml", "utf8"));
  const rulesOf = (objects: readonly Manifest[]) =>
    new Set(
      objects.flatMap(({ kind, metadata, rules = [] }) =>
        rules.flatMap((rule) =>
          rule.resources.flatMap((resource) =>
            rule.verbs.flatMap((verb) =>
              (rule.resourceNames ?? ["*"]).map(
                (name) => `${kind} ${metadata.namespace ?? ""} ${rule.apiGroups[0]}/${resource} ${verb} ${name}`,
              ),
            ),
          ),
        ),
      ),
    );
  const ofController = ({ metadata }: Manifest) => ["slipway-controller", "slipway-workloads"].includes(metadata.name);

  it("of the controller are those under slipway up, and the webhooks'", () => {
    const made = rulesOf(chartOf().objects.filter(ofController));
    const known = rulesOf(controller);
    expect([...known].filter((rule) => !made.has(rule))).toEqual([]);
    const webhooks = ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"].flatMap((plural) =>
      ["get", "patch"].map((verb) => `ClusterRole  admissionregistration.k8s.io/${plural} ${verb} slipway-guardrails`),
    );
    const secrets = ["slipway-webhook-ca", "slipway-webhook-tls"].map(
      (name) => `Role slipway-system /secrets update ${name}`,
    );
    expect(new Set([...made].filter((rule) => !known.has(rule)))).toEqual(new Set([...webhooks, ...secrets]));
  });

  it("of the controller to write are those that it uses: what changes has a patch, and only its own Lease and Secrets an update", () => {
    const rules = [...rulesOf(chartOf().objects.filter(ofController))];
    expect(rules.filter((rule) => / update /.test(rule)).sort()).toEqual([
      "ClusterRole  slipway.dev/runtimedeployments/finalizers update *",
      "Role slipway-system /secrets update slipway-webhook-ca",
      "Role slipway-system /secrets update slipway-webhook-tls",
      "Role slipway-system coordination.k8s.io/leases update slipway-controller",
    ]);
    expect(rules.filter((rule) => /leases /.test(rule)).sort()).toEqual([
      "Role slipway-system coordination.k8s.io/leases create *",
      "Role slipway-system coordination.k8s.io/leases get slipway-controller",
      "Role slipway-system coordination.k8s.io/leases update slipway-controller",
      "Role slipway-system coordination.k8s.io/leases watch slipway-controller",
    ]);
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
    const roles = manifestsOf("roles.yaml", readFileSync("manifests/rbac/roles.yaml", "utf8"));
    const { one } = chartOf();
    for (const role of roles) expect(one("ClusterRole", role.metadata.name)).toEqual(role);
  });

  it.each([{ values: {} }, { values: EVERYTHING }])("hold no wildcard", ({ values }) => {
    const rules = chartOf(values).objects.flatMap((object) => object.rules ?? []);
    expect(rules.filter((rule) => [rule.apiGroups, rule.resources, rule.verbs].flat().includes("*"))).toEqual([]);
  });
});

describe("webhooks", () => {
  const [mutating, validating] = webhookConfigurations({ stamps: "", rules: "" }, "") as readonly object[];
  const comparable = (webhooks: unknown) =>
    (webhooks as readonly Webhook[])
      .filter(({ name }) => name !== "warnings.admission.slipway.dev")
      .map(({ clientConfig, matchConditions = [], ...rest }) => ({
        ...rest,
        matchConditions: matchConditions.map((each) => ({ ...each, expression: each.expression.trim() })),
      }));

  it.each([
    { kind: "MutatingWebhookConfiguration", own: mutating },
    { kind: "ValidatingWebhookConfiguration", own: validating },
  ])("of $kind ask what the controller answers", ({ kind, own }) => {
    const made = chartOf().one(kind, String(valueAt(own, "metadata.name")));
    expect(comparable(made.webhooks)).toEqual(comparable(valueAt(own, "webhooks")));
  });

  it("fail closed, and concern nothing but slipway.dev", () => {
    const all = chartOf().objects.flatMap((object) => object.webhooks ?? []);
    expect(all).toHaveLength(3);
    for (const { failurePolicy, rules, clientConfig } of all) {
      expect(failurePolicy).toBe("Fail");
      expect(new Set(rules.flatMap((rule) => rule.apiGroups))).toEqual(new Set(["slipway.dev"]));
      expect(clientConfig.service?.path).toMatch(/^\/review\/(stamps|rules)$/);
    }
  });
});

describe("the certificate of cert-manager", () => {
  it("is signed by an authority that outlives it and keeps its key, since pods learn of a renewal after the API server", () => {
    const { one } = chartOf({ webhooks: { certManager: { enabled: true } } });
    const { name } = valueAt(one("Certificate", "slipway-webhook"), "spec.issuerRef") as { name: string };
    const secretName = valueAt(one("Issuer", name), "spec.ca.secretName");
    const authority = one("Certificate", "slipway-webhook-ca");
    expect(authority.spec).toMatchObject({ isCA: true, secretName, privateKey: { rotationPolicy: "Never" } });
    // Those of a CA of our own would be replaced by it.
    expect(["slipway-webhook-ca", "slipway-webhook-tls"]).not.toContain(secretName);
    expect(one("Issuer", String(valueAt(authority, "spec.issuerRef.name"))).spec).toEqual({ selfSigned: {} });
  });
});

describe("pods", () => {
  const podsOf = (values: Values) =>
    chartOf(values).objects.flatMap(({ spec }) => (spec?.template ? [spec.template] : []));

  it.each([{ values: {} }, { values: EVERYTHING }])("pass Pod Security restricted", ({ values }) => {
    const pods = podsOf(values);
    expect(pods).toHaveLength(2);
    expect(pods.flatMap(restrictedViolations)).toEqual([]);
    for (const { spec } of pods) expect(spec.containers[0]?.securityContext?.readOnlyRootFilesystem).toBe(true);
  });

  it("fail it by the Docker socket alone", () => {
    const pods = podsOf({ replicas: 1, nodeSelector: { a: "b" }, docker: { socket: { enabled: true } } });
    expect(pods.flatMap(restrictedViolations)).toEqual(["volume docker"]);
  });
});

describe("selectors", () => {
  const chart = chartOf();
  const labelsOf = (kind: string, name: string) => chart.one(kind, name).spec?.template?.metadata.labels ?? {};

  it.each([
    { kind: "Deployment", name: "slipway-controller", path: "spec.selector.matchLabels" },
    { kind: "PodDisruptionBudget", name: "slipway-controller", path: "spec.selector.matchLabels" },
    { kind: "NetworkPolicy", name: "slipway-controller", path: "spec.podSelector.matchLabels" },
    { kind: "Service", name: "slipway-gateway", path: "spec.selector" },
    { kind: "Service", name: "slipway-webhook", path: "spec.selector" },
    { kind: "Service", name: "slipway-metrics", path: "spec.selector" },
  ])("of $kind $name mean the controllers, and not the pod that uninstalls", ({ kind, name, path }) => {
    const selector = valueAt(chart.one(kind, name), path) as object;
    expect(labelsOf("Deployment", "slipway-controller")).toMatchObject(selector);
    expect(labelsOf("Job", "slipway-uninstall")).not.toMatchObject(selector);
  });

  it("stay the same over versions, since that of a Deployment cannot change", () => {
    const deployment = chart.one("Deployment", "slipway-controller");
    expect(valueAt(deployment, "spec.selector.matchLabels")).toEqual({
      "app.kubernetes.io/name": "slipway",
      "app.kubernetes.io/instance": "slipway",
      "app.kubernetes.io/component": "controller",
    });
  });
});

describe("manifests/monitoring", () => {
  it("has the metrics of manifests/install.yaml scraped as the chart does: without, its alerts would say that nobody leads", () => {
    const monitored = parse(readFileSync("manifests/monitoring/service-monitor.yaml", "utf8")) as Manifest;
    const { one } = chartOf({ metrics: { serviceMonitor: { enabled: true } } });
    expect(monitored.spec).toEqual(one("ServiceMonitor", "slipway").spec);
    const { resources } = parse(readFileSync("manifests/monitoring/kustomization.yaml", "utf8")) as {
      resources: string[];
    };
    expect(resources).toContain("service-monitor.yaml");
    expect(schemaProblems(monitored)).toEqual([]);
  });
});

describe("helm uninstall", () => {
  it("asks first, and nothing else waits for a hook", () => {
    const hooks = chartOf(EVERYTHING).objects.filter(({ metadata }) => metadata.annotations?.["helm.sh/hook"]);
    expect(hooks.map(({ kind, metadata }) => [kind, metadata.annotations?.["helm.sh/hook"]])).toEqual([
      ["Job", "pre-delete"],
    ]);
  });
});

describe("flags", () => {
  const argumentsOf = (values: Values, name: string) =>
    chartOf(values).objects.flatMap(({ spec }) =>
      (spec?.template?.spec.containers ?? []).filter((each) => each.name === name).flatMap(({ args }) => args),
    );

  it("that the chart sets are all in the table of the design", () => {
    const table = readFileSync("docs/design/cluster.md", "utf8");
    const args = ["controller", "uninstall"].flatMap((name) => argumentsOf(EVERYTHING, name));
    const flags = args.flatMap((arg) => /^--[-a-z]+/.exec(arg)?.[0] ?? []);
    expect(new Set(flags).size).toBeGreaterThan(15);
    expect(flags.filter((flag) => !table.includes(`\`${flag}`))).toEqual([]);
  });

  /** The program stops at this kubeconfig, which comes after its flags were read. */
  const taken = async (args: readonly string[]) => {
    const own = args.map((arg) => arg.replace("$(POD_IP)", "10.244.0.7"));
    const write = jest.spyOn(process.stderr, "write").mockReturnValue(true);
    try {
      const code = await run([...own, "--kubeconfig=/nowhere/kubeconfig"]);
      return { code, said: write.mock.calls.map(([chunk]) => String(chunk)).join("") };
    } finally {
      write.mockRestore();
    }
  };

  it.each([
    { because: "nothing is said", values: {}, name: "controller" },
    { because: "everything is said", values: EVERYTHING, name: "controller" },
    { because: "the hook asks", values: {}, name: "uninstall" },
    { because: "the hook drains", values: EVERYTHING, name: "uninstall" },
  ])("of $name are such as the program takes where $because", async ({ values, name }) => {
    const args = argumentsOf(values, name);
    expect(await taken(args)).toEqual({ code: 1, said: expect.stringContaining("/nowhere/kubeconfig") });
    // And it would have said so.
    expect((await taken([...args, "--unheard-of"])).code).toBe(2);
  });
});
