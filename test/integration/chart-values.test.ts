import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { Ajv } from "ajv";
import { defaultValues, mergedValues, type Values } from "../../scripts/chart/values.ts";
import { documentedValues } from "../../scripts/chart/values-table.ts";
import { chartOf, type Rendered, type RenderedChart } from "../support/chart.ts";

const schema = JSON.parse(readFileSync("charts/slipway/values.schema.json", "utf8"));
const isValid = new Ajv({ allErrors: true, strict: true, strictTypes: false, strictRequired: false }).compile(schema);
const documented = documentedValues(readFileSync("charts/slipway/values.yaml", "utf8"), schema);

/** `a.b` and a value as the map that a values file has. */
function at(path: string, value: unknown): Values {
  const [first = "", ...rest] = path.split(".");
  return { [first]: rest.length === 0 ? value : at(rest.join("."), value) };
}

const pod = (chart: RenderedChart): Rendered => chart.one("Deployment", "slipway-controller").spec.template;
const container = (chart: RenderedChart): Rendered => pod(chart).spec.containers[0];
const flags = (chart: RenderedChart): readonly string[] => container(chart).args;
const uninstall = (chart: RenderedChart): Rendered => chart.one("Job", "slipway-uninstall").spec.template.spec;
const service = (chart: RenderedChart): Rendered => chart.one("Service", "slipway-gateway");
const ingress = (chart: RenderedChart): Rendered => chart.one("Ingress", "slipway-gateway");
const route = (chart: RenderedChart): Rendered => chart.one("HTTPRoute", "slipway-gateway");
const policy = (chart: RenderedChart): Rendered => chart.one("NetworkPolicy", "slipway-controller").spec;
const certificate = (chart: RenderedChart): Rendered => chart.one("Certificate", "slipway-webhook").spec;
const declared = (chart: RenderedChart): string => chart.one("ConfigMap", "slipway-defaults").data["defaults.yaml"];
const rulesFor = (chart: RenderedChart, resource: string): Rendered =>
  chart
    .one("ClusterRole", "slipway-controller")
    .rules.find(
      (rule: Rendered) =>
        rule.resources[0] === resource && rule.verbs[0] === "create" && !rule.resourceNames?.includes("standard"),
    );

interface Case {
  readonly path: string;
  readonly value: unknown;
  /** What it takes beside it. */
  readonly with?: Values;
  /** What there is to see. */
  readonly see: (chart: RenderedChart) => unknown;
  /** Is part of what is seen: `toMatchObject` for objects, `toContain` for lists. */
  readonly is: unknown;
}

const INGRESS = { gateway: { ingress: { enabled: true, hosts: ["mcp.example.com"] } } };
const ROUTE = { gateway: { httpRoute: { enabled: true, parentRefs: [{ name: "public" }] } } };
const MONITOR = { metrics: { serviceMonitor: { enabled: true } } };
const CERT_MANAGER = { webhooks: { certManager: { enabled: true } } };
const SOCKET = { replicas: 1, nodeSelector: { engine: "yes" }, docker: { socket: { enabled: true } } };
const DIGEST = `sha256:${"0a".repeat(32)}`;

const CASES: readonly Case[] = [
  { path: "replicas", value: 3, see: (chart) => chart.one("Deployment", "slipway-controller").spec.replicas, is: 3 },
  { path: "image.repository", value: "r.example/s", see: (chart) => container(chart).image, is: "r.example/s:0.1.0" },
  {
    path: "image.tag",
    value: "9",
    see: (chart) => uninstall(chart).containers[0].image,
    is: "ghcr.io/slipway-dev/slipway:9",
  },
  {
    path: "image.digest",
    value: DIGEST,
    see: (chart) => container(chart).image,
    is: `ghcr.io/slipway-dev/slipway@${DIGEST}`,
  },
  { path: "image.pullPolicy", value: "Always", see: (chart) => container(chart).imagePullPolicy, is: "Always" },
  {
    path: "imagePullSecrets",
    value: [{ name: "ghcr" }],
    see: (chart) => [pod(chart).spec.imagePullSecrets, uninstall(chart).imagePullSecrets],
    is: [[{ name: "ghcr" }], [{ name: "ghcr" }]],
  },
  { path: "crds.install", value: false, see: (chart) => chart.has("CustomResourceDefinition"), is: false },
  {
    path: "crds.keep",
    value: false,
    see: (chart) => chart.one("CustomResourceDefinition", "approvals.slipway.dev").metadata.annotations,
    is: undefined,
  },
  { path: "uninstall.check", value: false, see: (chart) => chart.has("Job"), is: false },
  {
    path: "uninstall.drain",
    value: true,
    see: (chart) => [uninstall(chart).containers[0].args, chart.one("ClusterRole", "slipway-uninstall").rules],
    is: [
      ["uninstall", "--drain", "--timeout=240"],
      [{ apiGroups: ["slipway.dev"], resources: ["runtimedeployments"], verbs: ["get", "list", "watch", "delete"] }],
    ],
  },
  {
    path: "uninstall.timeoutSeconds",
    value: 30,
    see: (chart) => [
      uninstall(chart).containers[0].args,
      chart.one("Job", "slipway-uninstall").spec.activeDeadlineSeconds,
    ],
    is: [["uninstall", "--timeout=30"], 90],
  },
  {
    path: "watchNamespaces",
    value: ["a", "b"],
    see: (chart) => flags(chart).filter((flag) => flag.startsWith("--watch")),
    is: ["--watch-namespace=a", "--watch-namespace=b"],
  },
  {
    path: "rbac.create",
    value: false,
    see: (chart) => [chart.has("Role"), chart.has("ClusterRole", "slipway-controller")],
    is: [false, false],
  },
  { path: "rbac.userRoles", value: false, see: (chart) => chart.has("ClusterRole", "slipway-viewer"), is: false },
  {
    path: "serviceAccount.annotations",
    value: { a: "b" },
    see: (chart) => chart.one("ServiceAccount", "slipway-controller").metadata.annotations,
    is: { a: "b" },
  },
  { path: "controller.concurrency", value: 3, see: flags, is: "--concurrency=3" },
  { path: "controller.kubeApiQps", value: 7, see: flags, is: "--kube-api-qps=7" },
  { path: "controller.kubeApiBurst", value: 9, see: flags, is: "--kube-api-burst=9" },
  { path: "controller.leaseSeconds", value: 30, see: flags, is: "--lease-seconds=30" },
  { path: "controller.extraArgs", value: ["--new=yes"], see: flags, is: "--new=yes" },
  {
    path: "controller.extraEnv",
    value: [{ name: "A", value: "1" }],
    see: (chart) => container(chart).env,
    is: { name: "A", value: "1" },
  },
  { path: "log.format", value: "text", see: flags, is: "--log-format=text" },
  { path: "log.level", value: "debug", see: flags, is: "--log-level=debug" },
  {
    path: "tracing.endpoint",
    value: "http://otel:4318",
    see: (chart) => container(chart).env,
    is: { name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: "http://otel:4318" },
  },
  {
    path: "tracing.sampleRatio",
    value: 0.5,
    with: { tracing: { endpoint: "http://otel:4318" } },
    see: (chart) => container(chart).env,
    is: { name: "OTEL_TRACES_SAMPLER_ARG", value: "0.5" },
  },
  {
    path: "metrics.service.annotations",
    value: { a: "b" },
    see: (chart) => chart.one("Service", "slipway-metrics").metadata.annotations,
    is: { a: "b" },
  },
  {
    path: "metrics.serviceMonitor.enabled",
    value: true,
    see: (chart) => chart.one("ServiceMonitor", "slipway").spec.selector.matchLabels,
    is: { "app.kubernetes.io/component": "metrics" },
  },
  {
    path: "metrics.serviceMonitor.labels",
    value: { team: "p" },
    with: MONITOR,
    see: (chart) => chart.one("ServiceMonitor", "slipway").metadata.labels,
    is: { team: "p" },
  },
  {
    path: "metrics.serviceMonitor.interval",
    value: "15s",
    with: MONITOR,
    see: (chart) => chart.one("ServiceMonitor", "slipway").spec.endpoints[0],
    is: { interval: "15s" },
  },
  {
    path: "metrics.serviceMonitor.scrapeTimeout",
    value: "5s",
    with: MONITOR,
    see: (chart) => chart.one("ServiceMonitor", "slipway").spec.endpoints[0],
    is: { scrapeTimeout: "5s" },
  },
  {
    path: "gateway.url",
    value: "https://m.example.com/x",
    with: INGRESS,
    see: flags,
    is: "--gateway-url=https://m.example.com/x",
  },
  { path: "gateway.hosts", value: ["other.example.com"], see: flags, is: "--gateway-host=other.example.com" },
  {
    path: "gateway.origins",
    value: ["https://app.example.com"],
    see: flags,
    is: "--gateway-origin=https://app.example.com",
  },
  {
    path: "gateway.access",
    value: "none",
    see: (chart) => [flags(chart).includes("--gateway-access=none"), chart.notes.includes("WARNING: gateway.access")],
    is: [true, true],
  },
  { path: "gateway.service.type", value: "NodePort", see: (chart) => service(chart).spec.type, is: "NodePort" },
  {
    path: "gateway.service.port",
    value: 8080,
    see: (chart) => [
      service(chart).spec.ports[0].port,
      flags(chart).includes("--gateway-url=http://slipway-gateway.slipway-system.svc:8080"),
    ],
    is: [8080, true],
  },
  {
    path: "gateway.service.nodePort",
    value: 30080,
    with: { gateway: { service: { type: "NodePort" } } },
    see: (chart) => service(chart).spec.ports[0].nodePort,
    is: 30080,
  },
  {
    path: "gateway.service.loadBalancerSourceRanges",
    value: ["10.0.0.0/8"],
    with: { gateway: { service: { type: "LoadBalancer" } } },
    see: (chart) => service(chart).spec.loadBalancerSourceRanges,
    is: ["10.0.0.0/8"],
  },
  {
    path: "gateway.service.annotations",
    value: { a: "b" },
    see: (chart) => service(chart).metadata.annotations,
    is: { a: "b" },
  },
  {
    path: "gateway.ingress.enabled",
    value: true,
    with: INGRESS,
    see: (chart) => [
      ingress(chart).spec.rules[0].http.paths[0].backend.service.name,
      flags(chart).includes("--gateway-host=mcp.example.com"),
    ],
    is: ["slipway-gateway", true],
  },
  {
    path: "gateway.ingress.className",
    value: "nginx",
    with: INGRESS,
    see: (chart) => ingress(chart).spec.ingressClassName,
    is: "nginx",
  },
  {
    path: "gateway.ingress.annotations",
    value: { a: "b" },
    with: INGRESS,
    see: (chart) => ingress(chart).metadata.annotations,
    is: { a: "b" },
  },
  {
    path: "gateway.ingress.hosts",
    value: ["m.example.com"],
    with: { gateway: { ingress: { enabled: true } } },
    see: flags,
    is: "--gateway-url=http://m.example.com",
  },
  {
    path: "gateway.ingress.tls",
    value: [{ hosts: ["mcp.example.com"], secretName: "t" }],
    with: INGRESS,
    see: (chart) => [
      ingress(chart).spec.tls[0].secretName,
      flags(chart).includes("--gateway-url=https://mcp.example.com"),
    ],
    is: ["t", true],
  },
  {
    path: "gateway.httpRoute.enabled",
    value: true,
    with: ROUTE,
    see: (chart) => route(chart).spec.rules[0].backendRefs[0],
    is: { name: "slipway-gateway", port: 80 },
  },
  {
    path: "gateway.httpRoute.annotations",
    value: { a: "b" },
    with: ROUTE,
    see: (chart) => route(chart).metadata.annotations,
    is: { a: "b" },
  },
  {
    path: "gateway.httpRoute.parentRefs",
    value: [{ name: "g", namespace: "n" }],
    with: { gateway: { httpRoute: { enabled: true } } },
    see: (chart) => route(chart).spec.parentRefs,
    is: [{ name: "g", namespace: "n" }],
  },
  {
    path: "gateway.httpRoute.hostnames",
    value: ["m.example.com"],
    with: ROUTE,
    see: (chart) => [
      route(chart).spec.hostnames,
      flags(chart).includes("--gateway-url=https://m.example.com"),
      flags(chart).includes("--gateway-host=m.example.com"),
    ],
    is: [["m.example.com"], true, true],
  },
  {
    path: "webhooks.port",
    value: 10250,
    see: (chart) => [flags(chart).includes("--webhook-listen=0.0.0.0:10250"), container(chart).ports[2].containerPort],
    is: [true, 10250],
  },
  {
    path: "webhooks.timeoutSeconds",
    value: 9,
    see: (chart) =>
      chart
        .one("ValidatingWebhookConfiguration", "slipway-guardrails")
        .webhooks.map((each: Rendered) => each.timeoutSeconds),
    is: [9, 9],
  },
  {
    path: "webhooks.certManager.enabled",
    value: true,
    see: (chart) => [
      certificate(chart).issuerRef,
      flags(chart).includes("--webhook-certificates=/etc/slipway/webhook"),
      pod(chart).spec.volumes.at(-1).secret.secretName,
      chart.one("MutatingWebhookConfiguration", "slipway-guardrails").metadata.annotations,
      rulesOn(chart, "mutatingwebhookconfigurations"),
    ],
    is: [
      { kind: "Issuer", name: "slipway-webhook" },
      true,
      "slipway-webhook-tls",
      { "cert-manager.io/inject-ca-from": "slipway-system/slipway-webhook" },
      0,
    ],
  },
  {
    path: "webhooks.certManager.issuerRef",
    value: { kind: "ClusterIssuer", name: "c" },
    with: CERT_MANAGER,
    see: (chart) => [certificate(chart).issuerRef, chart.has("Issuer")],
    is: [{ kind: "ClusterIssuer", name: "c" }, false],
  },
  {
    path: "webhooks.certManager.duration",
    value: "100h",
    with: CERT_MANAGER,
    see: (chart) => certificate(chart).duration,
    is: "100h",
  },
  {
    path: "webhooks.certManager.renewBefore",
    value: "10h",
    with: CERT_MANAGER,
    see: (chart) => certificate(chart).renewBefore,
    is: "10h",
  },
  {
    path: "docker.socket.enabled",
    value: true,
    with: SOCKET,
    see: (chart) => [
      container(chart).volumeMounts.at(-1).mountPath,
      chart.one("Deployment", "slipway-controller").spec.strategy,
      chart.notes.includes("root there"),
    ],
    is: ["/var/run/docker.sock", { type: "Recreate" }, true],
  },
  {
    path: "docker.socket.path",
    value: "/run/user/1000/docker.sock",
    with: SOCKET,
    see: (chart) => pod(chart).spec.volumes.at(-1).hostPath,
    is: { path: "/run/user/1000/docker.sock", type: "Socket" },
  },
  {
    path: "docker.socket.groupId",
    value: 121,
    with: SOCKET,
    see: (chart) => pod(chart).spec.securityContext.supplementalGroups,
    is: [121],
  },
  {
    path: "codeEngine.credentials",
    value: [{ name: "ce", apiKey: "k: #1" }],
    see: (chart) => chart.one("Secret", "ce").stringData,
    is: { apiKey: "k: #1" },
  },
  {
    path: "backends",
    value: [{ name: "b", spec: { type: "docker" } }],
    see: (chart) => [
      declared(chart),
      rulesFor(chart, "runtimebackends"),
      flags(chart).includes("--filename=/etc/slipway/defaults"),
      chart.notes.includes("no RuntimeBackend"),
    ],
    is: [
      "---\napiVersion: slipway.dev/v1alpha1\nkind: RuntimeBackend\nmetadata:\n  name: b\nspec:\n  type: docker\n",
      { apiGroups: ["slipway.dev"], resources: ["runtimebackends"], resourceNames: ["b"], verbs: ["create", "patch"] },
      true,
      false,
    ],
  },
  {
    path: "guardrailProfiles",
    value: [{ name: "g", spec: { enforcement: "Strict" } }],
    see: (chart) => [
      declared(chart).includes("kind: GuardrailProfile"),
      rulesFor(chart, "guardrailprofiles").resourceNames,
    ],
    is: [true, ["g"]],
  },
  {
    path: "approvalPolicies",
    value: [{ name: "p", spec: {} }],
    see: (chart) => [
      declared(chart).includes("kind: ApprovalPolicy"),
      rulesFor(chart, "approvalpolicies").resourceNames,
    ],
    is: [true, ["p"]],
  },
  { path: "networkPolicy.enabled", value: false, see: (chart) => chart.has("NetworkPolicy"), is: false },
  {
    path: "networkPolicy.gatewayFrom",
    value: [{ ipBlock: { cidr: "10.0.0.0/8" } }],
    see: (chart) => policy(chart).ingress[0].from.map((each: Rendered) => Object.keys(each)[0]),
    is: ["podSelector", "ipBlock"],
  },
  {
    path: "networkPolicy.metricsFrom",
    value: [{ podSelector: {} }],
    see: (chart) => policy(chart).ingress[1].from,
    is: [{ podSelector: {} }],
  },
  {
    path: "networkPolicy.webhookFrom",
    value: [{ ipBlock: { cidr: "10.0.0.0/8" } }],
    see: (chart) => policy(chart).ingress[2].from,
    is: [{ ipBlock: { cidr: "10.0.0.0/8" } }],
  },
  {
    path: "networkPolicy.egress",
    value: [{ ports: [{ port: 443 }] }],
    see: (chart) => [policy(chart).policyTypes, policy(chart).egress],
    is: [["Ingress", "Egress"], [{ ports: [{ port: 443 }] }]],
  },
  { path: "podDisruptionBudget.enabled", value: false, see: (chart) => chart.has("PodDisruptionBudget"), is: false },
  {
    path: "podDisruptionBudget.minAvailable",
    value: "50%",
    see: (chart) => chart.one("PodDisruptionBudget", "slipway-controller").spec.minAvailable,
    is: "50%",
  },
  {
    path: "topologySpreadConstraints",
    value: [{ maxSkew: 2, topologyKey: "rack", whenUnsatisfiable: "DoNotSchedule" }],
    see: (chart) => pod(chart).spec.topologySpreadConstraints,
    is: [
      {
        maxSkew: 2,
        topologyKey: "rack",
        whenUnsatisfiable: "DoNotSchedule",
        labelSelector: {
          matchLabels: {
            "app.kubernetes.io/name": "slipway",
            "app.kubernetes.io/instance": "slipway",
            "app.kubernetes.io/component": "controller",
          },
        },
      },
    ],
  },
  {
    path: "resources",
    value: { limits: { cpu: "2" } },
    see: (chart) => container(chart).resources.limits,
    is: { cpu: "2", memory: "512Mi" },
  },
  {
    path: "podSecurityContext",
    value: { runAsUser: null },
    see: (chart) => pod(chart).spec.securityContext.runAsUser,
    is: undefined,
  },
  {
    path: "securityContext",
    value: { runAsUser: 7 },
    see: (chart) => [
      container(chart).securityContext.runAsUser,
      uninstall(chart).containers[0].securityContext.runAsUser,
    ],
    is: [7, 7],
  },
  {
    path: "terminationGracePeriodSeconds",
    value: 90,
    see: (chart) => pod(chart).spec.terminationGracePeriodSeconds,
    is: 90,
  },
  { path: "podAnnotations", value: { a: "b" }, see: (chart) => pod(chart).metadata.annotations, is: { a: "b" } },
  {
    path: "podLabels",
    value: { a: "b" },
    see: (chart) => pod(chart).metadata.labels,
    is: { a: "b", "app.kubernetes.io/name": "slipway" },
  },
  { path: "priorityClassName", value: "high", see: (chart) => pod(chart).spec.priorityClassName, is: "high" },
  {
    path: "nodeSelector",
    value: { a: "b" },
    see: (chart) => [pod(chart).spec.nodeSelector, uninstall(chart).nodeSelector],
    is: [{ a: "b" }, { a: "b" }],
  },
  {
    path: "tolerations",
    value: [{ operator: "Exists" }],
    see: (chart) => [pod(chart).spec.tolerations, uninstall(chart).tolerations],
    is: [[{ operator: "Exists" }], [{ operator: "Exists" }]],
  },
  { path: "affinity", value: { nodeAffinity: {} }, see: (chart) => pod(chart).spec.affinity, is: { nodeAffinity: {} } },
  {
    path: "commonLabels",
    value: { team: "p" },
    see: (chart) => chart.one("PodDisruptionBudget", "slipway-controller").metadata.labels,
    is: { team: "p" },
  },
];

function rulesOn(chart: RenderedChart, resource: string): number {
  const { rules } = chart.one("ClusterRole", "slipway-controller");
  return rules.filter((rule: Rendered) => rule.resources.includes(resource)).length;
}

describe("the values of the chart", () => {
  it("have a case each", () => {
    expect(CASES.map(({ path }) => path)).toEqual(documented.map(({ path }) => path));
  });

  it("all say what they are for", () => {
    expect(documented.filter(({ description }) => description === "")).toEqual([]);
  });

  it.each(CASES)("$path takes effect", ({ path, value, with: given = {}, see, is }) => {
    const values = mergedValues(given, at(path, value));
    isValid(mergedValues(defaultValues(), values));
    expect(isValid.errors).toBeNull();
    const without = path.endsWith(".enabled") && value === true ? {} : given;
    const seen = see(chartOf(values));
    if (Array.isArray(seen) && !Array.isArray(is)) expect(seen).toContainEqual(is);
    else if (typeof is === "object" && !Array.isArray(is)) expect(seen).toMatchObject(is as object);
    else expect(seen).toEqual(is);
    expect(seenOrMissing(see, without)).not.toEqual(seen);
  });

  /** Seen without the value, so that a case cannot pass by what is there anyway. */
  function seenOrMissing(see: Case["see"], values: Values): unknown {
    try {
      return see(chartOf(values));
    } catch (error) {
      return (error as Error).message;
    }
  }
});

describe("values that the schema refuses", () => {
  it.each([
    { because: "a name is misspelt", values: { replica: 2 } },
    { because: "a name is misspelt further down", values: { image: { tags: "1" } } },
    { because: "a number is a text", values: { replicas: "2" } },
    { because: "nobody would run", values: { replicas: 0 } },
    { because: "a digest is cut short", values: { image: { digest: "sha256:12" } } },
    { because: "an address carries a password", values: { gateway: { url: "https://me:pw@x.example" } } },
    { because: "nobody can match a wildcard in a Host header", values: { gateway: { hosts: ["*.example.com"] } } },
    { because: "another listener has the port", values: { webhooks: { port: 7080 } } },
    { because: "the selector is the chart's", values: { commonLabels: { "app.kubernetes.io/name": "x" } } },
    { because: "a backend has no name", values: { backends: [{ spec: {} }] } },
    { because: "a name is none of Kubernetes'", values: { backends: [{ name: "A B", spec: {} }] } },
    { because: "an argument is no flag", values: { controller: { extraArgs: ["up"] } } },
    { because: "access has no such mode", values: { gateway: { access: "auto" } } },
  ])("since $because", ({ values }) => {
    expect(isValid(mergedValues(defaultValues(), values))).toBe(false);
  });

  it("and takes the defaults", () => {
    isValid(defaultValues());
    expect(isValid.errors).toBeNull();
  });
});

describe("values that contradict each other", () => {
  it.each([
    {
      because: "there is one Slipway in a cluster",
      values: {},
      namespace: "tools",
      says: "add --namespace slipway-system",
    },
    {
      because: "two replicas would have two Engines",
      values: { docker: { socket: { enabled: true } } },
      says: "set replicas: 1",
    },
    {
      because: "a pod may move to another Engine",
      values: { replicas: 1, docker: { socket: { enabled: true } } },
      says: "set nodeSelector",
    },
    {
      because: "only known hosts are answered",
      values: { gateway: { ingress: { enabled: true } } },
      says: "set gateway.ingress.hosts",
    },
    {
      because: "a route belongs to a Gateway",
      values: { gateway: { httpRoute: { enabled: true } } },
      says: "parentRefs",
    },
  ])("are refused before anything is made, since $because", ({ values, namespace = "slipway-system", says }) => {
    expect(() => chartOf(values, { namespace })).toThrow(says);
  });
});
