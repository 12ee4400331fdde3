/** A valid object of a kind, and where it is created. Generated requests are broken forms of these. */
export interface ValidObject {
  readonly collection: string;
  readonly object: Readonly<Record<string, unknown>> & {
    readonly metadata: { readonly name: string } & Readonly<Record<string, unknown>>;
  };
}

const SLIPWAY = "/apis/slipway.dev/v1alpha1";

export const VALID_OBJECTS: readonly ValidObject[] = [
  {
    collection: `${SLIPWAY}/namespaces/default/runtimedeployments`,
    object: {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "RuntimeDeployment",
      metadata: { name: "files", labels: { app: "files" }, annotations: { note: "one" } },
      spec: {
        source: { image: { reference: "ghcr.io/x/y:1", pullPolicy: "IfNotPresent", pullSecretRef: { name: "r" } } },
        transport: { type: "streamable-http", port: 8080, path: "/mcp" },
        resources: { cpu: "250m", memory: "256Mi", pids: 100 },
        env: [
          { name: "A", value: "b" },
          { name: "S", valueFrom: { secretKeyRef: { name: "s", key: "k" } } },
        ],
        volumes: [{ name: "data", mountPath: "/data", volume: { retain: false } }],
        guardrails: { profile: "standard", overrides: { resources: { maxMemory: "512Mi" } } },
        health: { probe: "mcp", periodSeconds: 30 },
        desiredState: "Running",
      },
    },
  },
  {
    collection: `${SLIPWAY}/guardrailprofiles`,
    object: {
      apiVersion: "slipway.dev/v1alpha1",
      kind: "GuardrailProfile",
      metadata: { name: "payments" },
      spec: {
        enforcement: "Warn",
        network: { egressAllowed: true, allowedHosts: ["api.example.com", "10.0.0.0/8"], ingressPorts: [8080] },
        filesystem: { readOnlyRoot: true, allowedMounts: ["/data"] },
        resources: { maxCpu: "500m", maxMemory: "512Mi", maxPids: 100 },
      },
    },
  },
  {
    collection: "/api/v1/namespaces/default/configmaps",
    object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { a: "b" } },
  },
  {
    collection: "/api/v1/namespaces/default/secrets",
    object: { apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, type: "Opaque", data: { k: "dg==" } },
  },
  {
    collection: "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles",
    object: {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: { name: "r" },
      rules: [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }],
    },
  },
  {
    collection: "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    object: {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "things.test.example.com" },
      spec: {
        group: "test.example.com",
        scope: "Namespaced",
        names: { plural: "things", singular: "thing", kind: "Thing", listKind: "ThingList" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: {
              openAPIV3Schema: {
                type: "object",
                properties: {
                  spec: {
                    type: "object",
                    properties: { size: { type: "integer", minimum: 1 }, name: { type: "string", pattern: "^a+$" } },
                    "x-kubernetes-validations": [{ rule: "self.size < 10", message: "too large" }],
                  },
                },
              },
            },
          },
        ],
      },
    },
  },
  {
    collection: "/apis/apps/v1/namespaces/default/deployments",
    object: {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d" },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: "d" } },
        template: {
          metadata: { labels: { app: "d" } },
          spec: { containers: [{ name: "main", image: "x:1", resources: { limits: { memory: "64Mi" } } }] },
        },
      },
    },
  },
];
