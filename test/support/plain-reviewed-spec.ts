import type { ReviewedSpec } from "../../src/effective-spec/reviewed-spec.ts";

/** A server of one image under guardrails of which nothing is special. */
export const PLAIN_REVIEWED_SPEC: ReviewedSpec = {
  backend: "docker",
  source: { image: { reference: "nginx", pullPolicy: "IfNotPresent" } },
  image: "unresolved",
  transport: { type: "streamable-http", port: 8080, path: "/mcp" },
  guardrails: {
    profile: "standard",
    enforcement: "Warn",
    network: { egressAllowed: false },
    filesystem: { readOnlyRoot: true },
    capabilities: { dropAll: true },
    resources: {},
    seccomp: { type: "RuntimeDefault" },
    appArmor: { type: "RuntimeDefault" },
    runAsNonRoot: false,
  },
  resources: { cpu: "500m", memory: "512Mi", pids: 100 },
  restartPolicy: "Always",
};
