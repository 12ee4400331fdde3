import type { Workload } from "../../src/backends/backend.ts";
import type { Facts } from "../../src/controllers/runtime-deployment/facts.ts";
import { UNCHANGED } from "../../src/controllers/runtime-deployment/scope.ts";
import type { ProbeVerdict } from "../../src/probe/prober.ts";

/** The workload of a deployment that serves, but for `patch`. */
export const settledWorkload = (patch: Partial<Workload> = {}): Workload => ({
  id: "a",
  owner: { uid: "u", namespace: "team-a", name: "files" },
  role: "current",
  hash: "h",
  generation: 3,
  image: { pinned: "registry/files@sha256:1" },
  guardrails: undefined,
  state: { kind: "running" },
  startedAt: "2026-01-01T11:00:00Z",
  platformRestarts: 0,
  hostPort: 4000,
  address: "127.0.0.1:4000",
  drift: [],
  ...patch,
});

export const SETTLED_VERDICT = {
  kind: "ready" as const,
  mcp: {
    protocolVersion: "2026-07-28",
    serverInfo: { name: "files", version: "1" },
    tools: 2,
    toolNames: ["a", "b"],
  },
} satisfies ProbeVerdict;

/** What a controller knows of a deployment that serves, of generation 3, but for `patch`. */
export const settledFacts = (patch: Partial<Facts> = {}): Facts => ({
  generation: 3,
  driven: 3,
  digest: UNCHANGED,
  gated: false,
  approval: undefined,
  desiredState: "Running",
  restartPolicy: "Always",
  probe: "mcp",
  transport: { type: "streamable-http", port: 8080, path: "/mcp" },
  publicUrl: "http://gateway.test/team-a/files/mcp",
  backend: "docker",
  observed: true,
  current: settledWorkload(),
  upToDate: true,
  reachNotes: [],
  asleep: false,
  verdict: SETTLED_VERDICT,
  failureThreshold: 3,
  overdue: false,
  backingOff: false,
  crash: undefined,
  restartCount: 0,
  guardrails: undefined,
  limitNotes: [],
  accepted: true,
  image: "registry/files@sha256:1",
  build: undefined,
  step: undefined,
  failure: undefined,
  deleting: undefined,
  ...patch,
});
