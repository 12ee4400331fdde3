import type { Values } from "../../scripts/chart/values.ts";

/** What shows that one value of the chart takes effect. */
export interface ValueCase {
  /** Of the value, with dots. */
  readonly path: string;
  readonly value: unknown;
  /** What it takes beside it. */
  readonly with?: Values;
  /** Arguments of the controller that it makes. */
  readonly args?: readonly string[];
  /** By `KIND/NAME:PATH`: of a map the members that are named; of a map with one text that it matches; else all of it. */
  readonly sees?: Readonly<Record<string, unknown>>;
  /** `KIND/NAME` that is not made then. */
  readonly without?: readonly string[];
  /** What the notes say then. */
  readonly says?: string;
}

const DEPLOYMENT = "Deployment/slipway-controller:spec";
const POD = `${DEPLOYMENT}.template`;
const CONTAINER = `${POD}.spec.containers.0`;
const JOB = "Job/slipway-uninstall:spec";
const HOOK = `${JOB}.template.spec`;
const GATEWAY = "Service/slipway-gateway:spec";
const INGRESS = "Ingress/slipway-gateway:spec";
const ROUTE = "HTTPRoute/slipway-gateway:spec";
const POLICY = "NetworkPolicy/slipway-controller:spec";
const MONITOR = "ServiceMonitor/slipway:spec";
const CERTIFICATE = "Certificate/slipway-webhook:spec";
/** A key has a dot in it, so this is all of it. */
const DECLARED = "ConfigMap/slipway-defaults:data";
const LAST_RULE = "ClusterRole/slipway-controller:rules.-1";

const DIGEST = `sha256:${"0a".repeat(32)}`;
const PEM = "-----BEGIN X-----\n";
const A_IS_B = { a: "b" };
const RANGE = [{ ipBlock: { cidr: "10.0.0.0/8" } }];

const withIngress = { gateway: { ingress: { enabled: true, hosts: ["mcp.example.com"] } } };
const withRoute = {
  gateway: { hosts: ["mcp.example.com"], httpRoute: { enabled: true, parentRefs: [{ name: "public" }] } },
};
const withMonitor = { metrics: { serviceMonitor: { enabled: true } } };
const withCertManager = { webhooks: { certManager: { enabled: true } } };
/** What belongs to namespaces is then another role's, and the last rule is that of the value. */
const alone = { watchNamespaces: ["team-a"] };
const withSocket = { replicas: 1, nodeSelector: { engine: "yes" }, docker: { socket: { enabled: true } } };

/** In the order of values.yaml. */
export const VALUE_CASES: readonly ValueCase[] = [
  { path: "replicas", value: 3, sees: { [`${DEPLOYMENT}.replicas`]: 3 } },
  { path: "image.repository", value: "r.example/s", sees: { [`${CONTAINER}.image`]: "r.example/s:0.1.0" } },
  { path: "image.tag", value: "9", sees: { [`${HOOK}.containers.0.image`]: "ghcr.io/slipway-dev/slipway:9" } },
  { path: "image.digest", value: DIGEST, sees: { [`${CONTAINER}.image`]: `ghcr.io/slipway-dev/slipway@${DIGEST}` } },
  { path: "image.pullPolicy", value: "Always", sees: { [`${CONTAINER}.imagePullPolicy`]: "Always" } },
  {
    path: "imagePullSecrets",
    value: [{ name: "ghcr" }],
    sees: { [`${POD}.spec.imagePullSecrets`]: [{ name: "ghcr" }], [`${HOOK}.imagePullSecrets`]: [{ name: "ghcr" }] },
  },
  { path: "crds.install", value: false, without: ["CustomResourceDefinition/approvals.slipway.dev"] },
  {
    path: "crds.keep",
    value: false,
    sees: {
      "CustomResourceDefinition/approvals.slipway.dev:metadata.annotations": undefined,
      // What has a finalizer would hold up its kind.
      [`${HOOK}.containers.0.args`]: ["uninstall", "--gateways", "--timeout=240"],
      "ClusterRole/slipway-uninstall:rules.0.resources": ["runtimedeployments", "mcpgateways"],
    },
  },
  { path: "uninstall.check", value: false, without: ["Job/slipway-uninstall", "ClusterRole/slipway-uninstall"] },
  {
    path: "uninstall.drain",
    value: true,
    sees: {
      [`${HOOK}.containers.0.args`]: ["uninstall", "--drain", "--timeout=240"],
      "ClusterRole/slipway-uninstall:rules.0.verbs": ["list", "delete"],
    },
    says: "DELETES EVERY RuntimeDeployment",
  },
  {
    path: "uninstall.timeoutSeconds",
    value: 30,
    sees: { [`${HOOK}.containers.0.args`]: ["uninstall", "--timeout=30"], [`${JOB}.activeDeadlineSeconds`]: 90 },
  },
  {
    path: "watchNamespaces",
    value: ["team-a", "team-b"],
    args: ["--watch-namespace=team-a", "--watch-namespace=team-b"],
    says: "Only these namespaces are served: team-a, team-b",
  },
  {
    path: "rbac.create",
    value: false,
    without: ["Role/slipway-controller", "ClusterRole/slipway-controller", "ClusterRole/slipway-uninstall"],
  },
  { path: "rbac.userRoles", value: false, without: ["ClusterRole/slipway-viewer", "ClusterRole/slipway-user"] },
  {
    path: "serviceAccount.annotations",
    value: A_IS_B,
    sees: { "ServiceAccount/slipway-controller:metadata.annotations": A_IS_B },
  },
  { path: "controller.concurrency", value: 3, args: ["--concurrency=3"] },
  { path: "controller.kubeApiQps", value: 7, args: ["--kube-api-qps=7"] },
  { path: "controller.kubeApiBurst", value: 9, args: ["--kube-api-burst=9"] },
  { path: "controller.leaseSeconds", value: 30, args: ["--lease-seconds=30"] },
  { path: "controller.extraArgs", value: ["--new=yes"], args: ["--new=yes"] },
  {
    path: "controller.extraEnv",
    value: [{ name: "A", value: "1" }],
    sees: { [`${CONTAINER}.env.-1`]: { name: "A", value: "1" } },
  },
  { path: "log.format", value: "text", args: ["--log-format=text"] },
  { path: "log.level", value: "debug", args: ["--log-level=debug"] },
  {
    path: "tracing.endpoint",
    value: "http://otel:4318",
    sees: { [`${CONTAINER}.env.1`]: { name: "OTEL_EXPORTER_OTLP_ENDPOINT", value: "http://otel:4318" } },
  },
  {
    path: "tracing.sampleRatio",
    value: 0.5,
    with: { tracing: { endpoint: "http://otel:4318" } },
    sees: { [`${CONTAINER}.env.-1`]: { name: "OTEL_TRACES_SAMPLER_ARG", value: "0.5" } },
  },
  {
    path: "metrics.service.annotations",
    value: A_IS_B,
    sees: { "Service/slipway-metrics:metadata.annotations": A_IS_B },
  },
  {
    path: "metrics.serviceMonitor.enabled",
    value: true,
    sees: { [`${MONITOR}.selector.matchLabels`]: { "app.kubernetes.io/component": "metrics" } },
  },
  {
    path: "metrics.serviceMonitor.labels",
    value: { release: "prometheus" },
    with: withMonitor,
    sees: { "ServiceMonitor/slipway:metadata.labels": { release: "prometheus" } },
  },
  {
    path: "metrics.serviceMonitor.interval",
    value: "15s",
    with: withMonitor,
    sees: { [`${MONITOR}.endpoints.0.interval`]: "15s" },
  },
  {
    path: "metrics.serviceMonitor.scrapeTimeout",
    value: "5s",
    with: withMonitor,
    sees: { [`${MONITOR}.endpoints.0.scrapeTimeout`]: "5s" },
  },
  {
    path: "metrics.prometheusRule.enabled",
    value: true,
    sees: { "PrometheusRule/slipway:spec.groups.0.rules.0.alert": "SlipwayNoLeader" },
  },
  {
    path: "metrics.prometheusRule.labels",
    value: { release: "prometheus" },
    with: { metrics: { prometheusRule: { enabled: true } } },
    sees: { "PrometheusRule/slipway:metadata.labels": { release: "prometheus" } },
  },
  {
    path: "metrics.dashboard.enabled",
    value: true,
    sees: { "ConfigMap/slipway-dashboard:metadata.labels": { grafana_dashboard: "1" } },
  },
  {
    path: "metrics.dashboard.labels",
    value: { dashboards: "mcp" },
    with: { metrics: { dashboard: { enabled: true } } },
    sees: { "ConfigMap/slipway-dashboard:metadata.labels": { dashboards: "mcp" } },
  },
  {
    path: "gateway.url",
    value: "https://m.example.com/x",
    with: withIngress,
    args: ["--gateway-url=https://m.example.com/x"],
    says: "https://m.example.com/x/NAMESPACE/NAME/mcp",
  },
  { path: "gateway.hosts", value: ["other.example.com"], args: ["--gateway-host=other.example.com"] },
  { path: "gateway.origins", value: ["https://app.example.com"], args: ["--gateway-origin=https://app.example.com"] },
  { path: "gateway.access", value: "none", args: ["--gateway-access=none"], says: "WARNING: gateway.access is none" },
  {
    path: "gateway.service.type",
    value: "NodePort",
    sees: { [`${GATEWAY}.type`]: "NodePort" },
    says: "Set gateway.url to what clients call it by",
  },
  {
    path: "gateway.service.port",
    value: 8080,
    args: ["--gateway-url=http://slipway-gateway.slipway-system.svc:8080"],
    sees: { [`${GATEWAY}.ports.0.port`]: 8080 },
  },
  {
    path: "gateway.service.nodePort",
    value: 30080,
    with: { gateway: { service: { type: "NodePort" } } },
    sees: { [`${GATEWAY}.ports.0.nodePort`]: 30080 },
  },
  {
    path: "gateway.service.loadBalancerSourceRanges",
    value: ["10.0.0.0/8"],
    with: { gateway: { service: { type: "LoadBalancer" } } },
    sees: { [`${GATEWAY}.loadBalancerSourceRanges`]: ["10.0.0.0/8"] },
  },
  {
    path: "gateway.service.annotations",
    value: A_IS_B,
    sees: { "Service/slipway-gateway:metadata.annotations": A_IS_B },
  },
  {
    path: "gateway.ingress.enabled",
    value: true,
    with: { gateway: { ingress: { hosts: ["mcp.example.com"] } } },
    args: ["--gateway-host=mcp.example.com"],
    sees: { [`${INGRESS}.rules.0.http.paths.0.backend.service.name`]: "slipway-gateway" },
  },
  {
    path: "gateway.ingress.className",
    value: "nginx",
    with: withIngress,
    sees: { [`${INGRESS}.ingressClassName`]: "nginx" },
  },
  {
    path: "gateway.ingress.annotations",
    value: A_IS_B,
    with: withIngress,
    sees: { "Ingress/slipway-gateway:metadata.annotations": A_IS_B },
  },
  {
    path: "gateway.ingress.hosts",
    value: ["m.example.com"],
    with: withIngress,
    args: ["--gateway-url=http://m.example.com", "--gateway-host=m.example.com"],
    sees: { [`${INGRESS}.rules.0.host`]: "m.example.com" },
  },
  {
    path: "gateway.ingress.tls",
    value: [{ hosts: ["mcp.example.com"], secretName: "mcp" }],
    with: withIngress,
    args: ["--gateway-url=https://mcp.example.com"],
    sees: { [`${INGRESS}.tls.0.secretName`]: "mcp" },
  },
  {
    path: "gateway.httpRoute.enabled",
    value: true,
    with: { gateway: { hosts: ["mcp.example.com"], httpRoute: { parentRefs: [{ name: "public" }] } } },
    sees: { [`${ROUTE}.rules.0.backendRefs.0`]: { name: "slipway-gateway", port: 80 } },
  },
  {
    path: "gateway.httpRoute.annotations",
    value: A_IS_B,
    with: withRoute,
    sees: { "HTTPRoute/slipway-gateway:metadata.annotations": A_IS_B },
  },
  {
    path: "gateway.httpRoute.parentRefs",
    value: [{ name: "g", namespace: "n" }],
    with: withRoute,
    sees: { [`${ROUTE}.parentRefs`]: [{ name: "g", namespace: "n" }] },
  },
  {
    path: "gateway.httpRoute.hostnames",
    value: ["m.example.com"],
    with: withRoute,
    args: ["--gateway-url=https://m.example.com", "--gateway-host=m.example.com"],
    sees: { [`${ROUTE}.hostnames`]: ["m.example.com"] },
  },
  {
    path: "webhooks.port",
    value: 10250,
    args: ["--webhook-listen=0.0.0.0:10250"],
    sees: { [`${CONTAINER}.ports.2.containerPort`]: 10250 },
  },
  {
    path: "webhooks.timeoutSeconds",
    value: 9,
    sees: {
      "ValidatingWebhookConfiguration/slipway-guardrails:webhooks.1.timeoutSeconds": 9,
      "MutatingWebhookConfiguration/slipway-guardrails:webhooks.0.timeoutSeconds": 9,
    },
  },
  {
    path: "webhooks.certManager.enabled",
    value: true,
    args: ["--webhook-certificates=/etc/slipway/webhook"],
    sees: {
      [`${CERTIFICATE}.issuerRef`]: { kind: "Issuer", name: "slipway-webhook" },
      [`${POD}.spec.volumes.-1.secret.secretName`]: "slipway-webhook-tls",
      "MutatingWebhookConfiguration/slipway-guardrails:metadata.annotations": {
        "cert-manager.io/inject-ca-from": "slipway-system/slipway-webhook",
      },
    },
  },
  {
    path: "webhooks.certManager.issuerRef",
    value: { kind: "ClusterIssuer", name: "c" },
    with: withCertManager,
    sees: { [`${CERTIFICATE}.issuerRef`]: { kind: "ClusterIssuer", name: "c" } },
    without: ["Issuer/slipway-webhook", "Issuer/slipway-webhook-ca", "Certificate/slipway-webhook-ca"],
  },
  {
    path: "webhooks.certManager.duration",
    value: "100h",
    with: withCertManager,
    sees: { [`${CERTIFICATE}.duration`]: "100h" },
  },
  {
    path: "webhooks.certManager.renewBefore",
    value: "10h",
    with: withCertManager,
    sees: { [`${CERTIFICATE}.renewBefore`]: "10h" },
  },
  {
    path: "docker.socket.enabled",
    value: true,
    with: { replicas: 1, nodeSelector: { engine: "yes" } },
    sees: { [`${CONTAINER}.volumeMounts.-1.mountPath`]: "/var/run/docker.sock" },
    says: "WARNING: the controller has the Docker socket",
  },
  {
    path: "docker.socket.path",
    value: "/run/user/1000/docker.sock",
    with: withSocket,
    sees: { [`${POD}.spec.volumes.-1.hostPath`]: { path: "/run/user/1000/docker.sock", type: "Socket" } },
  },
  {
    path: "docker.socket.groupId",
    value: 121,
    with: withSocket,
    sees: { [`${POD}.spec.securityContext.supplementalGroups`]: [121] },
  },
  {
    path: "docker.credentials",
    value: [{ name: "box", ca: `${PEM}a`, cert: `${PEM}b`, key: `${PEM}c` }],
    sees: { "Secret/box:stringData": { "ca.crt": `${PEM}a`, "tls.crt": `${PEM}b`, "tls.key": `${PEM}c` } },
  },
  {
    path: "codeEngine.credentials",
    value: [{ name: "ce", apiKey: "k: #1" }],
    sees: { "Secret/ce:stringData": { apiKey: "k: #1" } },
  },
  {
    path: "backends",
    value: [{ name: "b", spec: { type: "docker" } }],
    with: alone,
    args: ["--filename=/etc/slipway/defaults"],
    sees: {
      [DECLARED]:
        /^---\napiVersion: slipway.dev\/v1alpha1\nkind: RuntimeBackend\nmetadata:\n {2}name: b\nspec:\n {2}type: docker\n$/,
      [LAST_RULE]: { resources: ["runtimebackends"], resourceNames: ["b"], verbs: ["create", "patch"] },
    },
  },
  {
    path: "guardrailProfiles",
    value: [{ name: "g", spec: { enforcement: "Strict" } }],
    with: alone,
    sees: {
      [DECLARED]: /kind: GuardrailProfile\nmetadata:\n {2}name: g\nspec:\n {2}enforcement: Strict\n/,
      [LAST_RULE]: { resources: ["guardrailprofiles"], resourceNames: ["g"] },
    },
  },
  {
    path: "approvalPolicies",
    value: [{ name: "p", spec: { timeoutHours: 1 } }],
    with: alone,
    sees: {
      [DECLARED]: /kind: ApprovalPolicy\nmetadata:\n {2}name: p\nspec:\n {2}timeoutHours: 1\n/,
      [LAST_RULE]: { resources: ["approvalpolicies"], resourceNames: ["p"] },
    },
  },
  { path: "networkPolicy.enabled", value: false, without: ["NetworkPolicy/slipway-controller"] },
  // After the other replicas.
  { path: "networkPolicy.gatewayFrom", value: RANGE, sees: { [`${POLICY}.ingress.0.from.1`]: RANGE[0] } },
  { path: "networkPolicy.metricsFrom", value: RANGE, sees: { [`${POLICY}.ingress.1.from`]: RANGE } },
  { path: "networkPolicy.webhookFrom", value: RANGE, sees: { [`${POLICY}.ingress.2.from`]: RANGE } },
  {
    path: "networkPolicy.egress",
    value: [{ to: RANGE }],
    sees: {
      [`${POLICY}.egress.0`]: { to: RANGE },
      [`${POLICY}.egress.1.ports`]: [{ port: "gateway", protocol: "TCP" }],
      [`${POLICY}.egress.1.to.0.podSelector.matchLabels`]: { "app.kubernetes.io/component": "controller" },
      [`${POLICY}.policyTypes`]: ["Ingress", "Egress"],
    },
  },
  { path: "podDisruptionBudget.enabled", value: false, without: ["PodDisruptionBudget/slipway-controller"] },
  {
    path: "podDisruptionBudget.minAvailable",
    value: "50%",
    sees: { "PodDisruptionBudget/slipway-controller:spec.minAvailable": "50%" },
  },
  {
    path: "topologySpreadConstraints",
    value: [{ maxSkew: 2, topologyKey: "rack", whenUnsatisfiable: "DoNotSchedule" }],
    sees: {
      [`${POD}.spec.topologySpreadConstraints.-1`]: {
        ...{ maxSkew: 2, topologyKey: "rack", whenUnsatisfiable: "DoNotSchedule" },
        labelSelector: { matchLabels: { "app.kubernetes.io/component": "controller" } },
      },
    },
  },
  // Merged with the limits of the chart.
  { path: "resources", value: { limits: { cpu: "2" } }, sees: { [`${CONTAINER}.resources.limits.cpu`]: "2" } },
  {
    path: "podSecurityContext",
    value: { runAsUser: null },
    sees: { [`${POD}.spec.securityContext.runAsUser`]: undefined },
  },
  {
    path: "securityContext",
    value: { runAsUser: 7 },
    sees: {
      [`${CONTAINER}.securityContext.runAsUser`]: 7,
      [`${HOOK}.containers.0.securityContext.runAsUser`]: 7,
    },
  },
  {
    path: "terminationGracePeriodSeconds",
    value: 90,
    sees: { [`${POD}.spec.terminationGracePeriodSeconds`]: 90 },
  },
  { path: "podAnnotations", value: A_IS_B, sees: { [`${POD}.metadata.annotations`]: A_IS_B } },
  {
    path: "podLabels",
    value: { team: "a" },
    with: { commonLabels: { team: "all" } },
    sees: {
      [`${POD}.metadata.labels`]: { team: "a" },
      "Deployment/slipway-controller:metadata.labels": { team: "all" },
    },
  },
  { path: "priorityClassName", value: "high", sees: { [`${POD}.spec.priorityClassName`]: "high" } },
  {
    path: "nodeSelector",
    value: A_IS_B,
    sees: { [`${POD}.spec.nodeSelector`]: A_IS_B, [`${HOOK}.nodeSelector`]: A_IS_B },
  },
  {
    path: "tolerations",
    value: [{ operator: "Exists" }],
    sees: { [`${POD}.spec.tolerations`]: [{ operator: "Exists" }], [`${HOOK}.tolerations`]: [{ operator: "Exists" }] },
  },
  { path: "affinity", value: { nodeAffinity: {} }, sees: { [`${POD}.spec.affinity`]: { nodeAffinity: {} } } },
  {
    path: "commonLabels",
    value: { team: "platform" },
    sees: {
      "PodDisruptionBudget/slipway-controller:metadata.labels": { team: "platform" },
      "CustomResourceDefinition/approvals.slipway.dev:metadata.labels": { team: "platform" },
      "ClusterRole/slipway-viewer:metadata.labels": { team: "platform" },
    },
  },
];
