import type { ReviewedSpec } from "../effective-spec/reviewed-spec.ts";

const some = <T>(count: number, make: (name: string) => T): T[] =>
  Array.from({ length: count }, (_, at) => make(`name-of-${at}`));
const text = "a text of an ordinary length, as values are.";

/**
 * A spec that has all that there is, in ordinary numbers: an expression that takes too long for it will for most. What is bounded in
 * truth is each evaluation.
 */
export const ORDINARY_SPEC: ReviewedSpec = {
  backend: "docker",
  source: {
    image: { reference: text, pullPolicy: "IfNotPresent", pullSecretRef: { name: "pull" } },
    git: {
      ...{
        url: text,
        revision: "main",
        contextDir: "server",
        dockerfile: "Dockerfile",
        timeoutSeconds: 600,
        rebuild: "1",
      },
      buildArgs: Object.fromEntries(some(4, (name) => [name, text])),
      credentialsRef: { name: "git" },
      push: { repository: text, secretRef: { name: "push" } },
    },
  },
  image: `${text}${text}`,
  command: some(2, () => text),
  args: some(8, () => text),
  transport: { type: "streamable-http", port: 8080, path: "/mcp" },
  guardrails: {
    profile: "standard",
    enforcement: "Warn",
    network: { egressAllowed: true, allowedHosts: some(16, (name) => `${name}.example`), ingressPorts: [8080, 9090] },
    filesystem: { readOnlyRoot: true, allowedMounts: some(4, (name) => `/${name}`) },
    capabilities: { dropAll: true, add: ["CHOWN", "KILL"] },
    resources: { maxCpu: "1", maxMemory: "1Gi", maxPids: 100 },
    seccomp: { type: "ConfigMap", namespace: "default", name: "seccomp", key: "profile" },
    appArmor: { type: "Localhost", name: "mcp-standard" },
    runAsNonRoot: true,
    recommendedBackends: ["docker", "code-engine"],
  },
  resources: { cpu: "500m", memory: "512Mi", pids: 100 },
  env: some(16, (name) => ({ name, value: text, valueFrom: { secretKeyRef: { name, key: name } } })),
  envFrom: some(2, (name) => ({ prefix: "PREFIX_", secretRef: { name } })),
  volumes: some(4, (name) => ({ name, mountPath: `/${name}`, readOnly: false, volume: { retain: false } })),
  restartPolicy: "Always",
  scaling: { min: 0, max: 4, concurrency: 100, initial: 1, downDelaySeconds: 60, requestTimeoutSeconds: 600 },
  exposure: { visibility: "private" },
  configMaps: some(2, (name) => ({ namespace: "default", name, data: { [name]: text.repeat(20) } })),
};
