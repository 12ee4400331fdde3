import { readFileSync } from "node:fs";
import { describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import type { KubeObject } from "../../src/api/meta.ts";
import {
  API_VERSION,
  type McpGateway,
  type RuntimeBackend,
  type RuntimeDeployment,
} from "../../src/api/v1alpha1/index.ts";
import { kindSchemas } from "../../src/api/v1alpha1/kinds.ts";
import { summarize as gatewayStatus } from "../../src/controllers/mcp-gateway/status.ts";
import { summarize as backendStatus } from "../../src/controllers/runtime-backend/status.ts";
import type { Facts } from "../../src/controllers/runtime-deployment/facts.ts";
import { summarize as deploymentStatus } from "../../src/controllers/runtime-deployment/status.ts";
import { argoHealth } from "../support/argo-health.ts";

/** The statuses are those that the controllers make. */

const FILE = "manifests/argo-cd/argocd-cm.yaml";
const { data } = parse(readFileSync(FILE, "utf8")) as { data: Record<string, string> };
const NOW = new Date("2026-01-01T12:00:00Z");
const METADATA = {
  name: "files",
  namespace: "team-a",
  uid: "u",
  resourceVersion: "1",
  generation: 3,
  creationTimestamp: "",
};

function healthOf(object: { readonly kind: string; readonly [field: string]: unknown } | KubeObject): string {
  const { status, message } = argoHealth(
    data[`resource.customizations.health.slipway.dev_${object.kind}`] ?? "",
    object,
  );
  expect(message).not.toBe("");
  return status;
}

const note = (reason: string) => ({ reason, message: `it is about ${reason}` });

const SETTLED: Facts = {
  generation: 3,
  driven: 3,
  digest: "sha256:1",
  gated: false,
  approval: undefined,
  desiredState: "Running",
  restartPolicy: "Always",
  probe: "mcp",
  transport: { type: "streamable-http", port: 8080, path: "/mcp" },
  publicUrl: "http://gateway.test/team-a/files/mcp",
  backend: "docker",
  observed: true,
  current: {
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
  },
  upToDate: true,
  reachNotes: [],
  asleep: false,
  verdict: {
    kind: "ready",
    mcp: { protocolVersion: "2026-07-28", serverInfo: { name: "files", version: "1" }, tools: 0, toolNames: [] },
  },
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
};

const NOTHING_RUNS = { current: undefined, upToDate: false, image: undefined, verdict: undefined } as const;
const approval = (status: "True" | "False", reason: string) => ({
  name: "files-1",
  condition: { status, ...note(reason) },
});

function deployment(facts: Partial<Facts>): RuntimeDeployment {
  const object: RuntimeDeployment = {
    apiVersion: API_VERSION,
    kind: "RuntimeDeployment",
    metadata: METADATA,
    spec: { source: { image: { reference: "files:1", pullPolicy: "IfNotPresent" } } } as RuntimeDeployment["spec"],
  };
  return { ...object, status: deploymentStatus(object, { ...SETTLED, ...facts }, NOW) };
}

const CASES: readonly { health: string; because: string; phase: string; facts: Partial<Facts> }[] = [
  { health: "Healthy", because: "MCP answers", phase: "Connected", facts: {} },
  { health: "Healthy", because: "nothing is probed", phase: "Running", facts: { probe: "none", verdict: undefined } },
  {
    health: "Healthy",
    because: "it was stopped on request",
    phase: "Stopped",
    facts: { ...NOTHING_RUNS, desiredState: "Stopped" },
  },
  {
    health: "Suspended",
    because: "it awaits its first approval",
    phase: "PendingApproval",
    facts: {
      ...NOTHING_RUNS,
      gated: true,
      approval: approval("False", "PendingApproval"),
      step: note("PendingApproval"),
    },
  },
  {
    health: "Suspended",
    because: "a newer version awaits approval",
    phase: "Connected",
    facts: { gated: true, driven: 2, approval: approval("False", "PendingApproval"), step: note("PendingApproval") },
  },
  {
    health: "Degraded",
    because: "it was rejected",
    phase: "Error",
    facts: {
      ...NOTHING_RUNS,
      gated: true,
      approval: approval("False", "ApprovalRejected"),
      failure: { kind: "refused", ...note("ApprovalRejected") },
    },
  },
  {
    health: "Progressing",
    because: "nothing was done yet",
    phase: "Pending",
    facts: { ...NOTHING_RUNS, step: note("Pending") },
  },
  {
    health: "Progressing",
    because: "its image is built",
    phase: "Building",
    facts: {
      ...NOTHING_RUNS,
      step: note("Building"),
      build: { key: "k", backend: "docker", phase: "Running", attempt: 1 },
    },
  },
  {
    health: "Progressing",
    because: "its container was made",
    phase: "Deploying",
    facts: { step: note("Creating"), verdict: { kind: "pending", failures: 0, failure: undefined } },
  },
  {
    health: "Progressing",
    because: "a newer one takes over",
    phase: "Connected",
    facts: { upToDate: false, step: note("Draining") },
  },
  {
    health: "Degraded",
    because: "it fails, and is tried again",
    phase: "Error",
    facts: { ...NOTHING_RUNS, failure: { kind: "retried", ...note("ImageNotFound") } },
  },
  {
    health: "Degraded",
    because: "its spec is refused",
    phase: "Error",
    facts: { ...NOTHING_RUNS, accepted: false, failure: { kind: "refused", ...note("SourceNotSupported") } },
  },
  {
    health: "Degraded",
    because: "the newer version fails",
    phase: "Connected",
    facts: { upToDate: false, failure: { kind: "retried", ...note("ImageNotFound") } },
  },
  { health: "Progressing", because: "it is being deleted", phase: "Deleting", facts: { deleting: note("Deleting") } },
];

describe("a RuntimeDeployment", () => {
  it.each(CASES)("is $health in phase $phase: $because", ({ health, phase, facts }) => {
    const object = deployment(facts);
    expect(object.status?.phase).toBe(phase);
    expect(healthOf(object)).toBe(health);
  });

  it("has a case for each phase", () => {
    const schema = kindSchemas.find(({ names }) => names.kind === "RuntimeDeployment");
    const phases = schema?.status?.properties?.phase?.enum;
    expect(new Set(CASES.map(({ phase }) => phase))).toEqual(new Set(phases));
  });

  it("is Progressing while its status is that of an older spec, or it has none", () => {
    const { status, ...object } = deployment({});
    expect(healthOf(object)).toBe("Progressing");
    expect(healthOf({ ...object, metadata: { ...METADATA, generation: 4 }, status } as RuntimeDeployment)).toBe(
      "Progressing",
    );
  });

  it("is Progressing while it is deleted, whatever its status still says", () => {
    const object = deployment({});
    const metadata = { ...object.metadata, deletionTimestamp: "2026-01-01T12:00:00Z" };
    expect(healthOf({ ...object, metadata })).toBe("Progressing");
  });
});

describe("an Approval", () => {
  it.each([
    { phase: "Pending", health: "Suspended" },
    { phase: "Approved", health: "Healthy" },
    { phase: "Rejected", health: "Degraded" },
    { phase: "Expired", health: "Degraded" },
    { phase: "Superseded", health: "Healthy" },
  ])("that is $phase is $health", ({ phase, health }) => {
    const conditions = [{ type: "Approved", status: phase === "Approved" ? "True" : "False", ...note(phase) }];
    const object = { kind: "Approval", metadata: METADATA, status: { observedGeneration: 3, phase, conditions } };
    expect(healthOf(object)).toBe(health);
    const schema = kindSchemas.find(({ names }) => names.kind === "Approval");
    expect(schema?.status?.properties?.phase?.enum).toHaveLength(5);
  });
});

describe("a RuntimeBackend", () => {
  const object: RuntimeBackend = {
    apiVersion: API_VERSION,
    kind: "RuntimeBackend",
    metadata: METADATA,
    spec: { type: "docker" } as RuntimeBackend["spec"],
  };
  const withStatus = (available: boolean, otherDefaults: readonly string[] = []) => {
    const told = note(available ? "Available" : "EngineUnavailable");
    const health = { available, ...told, version: undefined, capabilities: undefined };
    return {
      ...object,
      status: backendStatus(object, { health, deployments: 0, otherDefaults, missingBound: undefined }, NOW),
    };
  };

  it.each([
    { health: "Healthy", because: "it answers", given: withStatus(true) },
    { health: "Degraded", because: "it does not", given: withStatus(false) },
    { health: "Degraded", because: "only a person can help", given: withStatus(true, ["other"]) },
    { health: "Progressing", because: "nobody has asked it", given: object },
  ])("is $health when $because", ({ health, given }) => {
    expect(healthOf(given)).toBe(health);
  });
});

describe("an McpGateway", () => {
  const object = { apiVersion: API_VERSION, kind: "McpGateway", metadata: METADATA, spec: {} } as unknown as McpGateway;
  const withStatus = (problem?: { reason: string; message: string }) => ({
    ...object,
    status: gatewayStatus(object, { problem: problem as never, version: "1", registered: 0 }, NOW),
  });

  it.each([
    { health: "Healthy", because: "it answers", given: withStatus() },
    { health: "Degraded", because: "it does not", given: withStatus(note("GatewayUnavailable")) },
    { health: "Progressing", because: "nobody has asked it", given: object },
  ])("is $health when $because", ({ health, given }) => {
    expect(healthOf(given)).toBe(health);
  });
});

describe("a policy", () => {
  const policy = (conditions: readonly object[]) => ({
    kind: "ApprovalPolicy",
    metadata: METADATA,
    status: { observedGeneration: 3, conditions },
  });
  it.each([
    {
      health: "Healthy",
      because: "its rules can be evaluated",
      given: policy([{ type: "Accepted", status: "True", ...note("Accepted") }]),
    },
    {
      health: "Degraded",
      because: "a rule cannot",
      given: policy([{ type: "Accepted", status: "False", ...note("InvalidRule") }]),
    },
    {
      health: "Degraded",
      because: "notices do not arrive",
      given: policy([
        { type: "Accepted", status: "True", ...note("Accepted") },
        { type: "NotificationsDelivered", status: "False", ...note("NotificationsFailed") },
      ]),
    },
    {
      health: "Healthy",
      because: "a profile is known",
      given: { kind: "GuardrailProfile", metadata: METADATA, status: { observedGeneration: 3 } },
    },
    { health: "Progressing", because: "a profile is not", given: { kind: "GuardrailProfile", metadata: METADATA } },
  ])("is $health when $because", ({ health, given }) => {
    expect(healthOf(given)).toBe(health);
  });
});

describe("the file", () => {
  it("has a check for each kind", () => {
    const kinds = kindSchemas.map(({ names }) => `resource.customizations.health.slipway.dev_${names.kind}`);
    expect(
      Object.keys(data)
        .filter((key) => key.includes(".health."))
        .sort(),
    ).toEqual(kinds.sort());
  });

  it("is what the guide shows", () => {
    expect(readFileSync("docs/guides/argo-cd.md", "utf8")).toContain(
      `\`\`\`yaml\n${readFileSync(FILE, "utf8")}\`\`\`\n`,
    );
  });
});
