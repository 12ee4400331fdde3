import {
  API_VERSION,
  type McpGateway,
  type RuntimeBackend,
  type RuntimeDeployment,
} from "../../src/api/v1alpha1/index.ts";
import { summarize as gatewayStatus } from "../../src/controllers/mcp-gateway/status.ts";
import { summarize as backendStatus } from "../../src/controllers/runtime-backend/status.ts";
import type { Facts } from "../../src/controllers/runtime-deployment/facts.ts";
import { summarize as deploymentStatus } from "../../src/controllers/runtime-deployment/status.ts";
import { settledFacts } from "./settled-deployment.ts";

/** Objects in every phase with the statuses that the controllers make, and what tools of GitOps have to make of them. */

const NOW = new Date("2026-01-01T12:00:00Z");
export const METADATA = {
  name: "files",
  namespace: "team-a",
  uid: "u",
  resourceVersion: "1",
  generation: 3,
  creationTimestamp: "",
};

export const note = (reason: string) => ({ reason, message: `it is about ${reason}` });

const NOTHING_RUNS = { current: undefined, upToDate: false, image: undefined, verdict: undefined } as const;
const approval = (status: "True" | "False", reason: string) => ({
  name: "files-1",
  condition: { status, ...note(reason) },
});

export function deployment(facts: Partial<Facts>): RuntimeDeployment {
  const object: RuntimeDeployment = {
    apiVersion: API_VERSION,
    kind: "RuntimeDeployment",
    metadata: METADATA,
    spec: { source: { image: { reference: "files:1", pullPolicy: "IfNotPresent" } } } as RuntimeDeployment["spec"],
  };
  return { ...object, status: deploymentStatus(object, settledFacts(facts), NOW) };
}

export interface PhaseCase {
  /** To Argo CD. */
  readonly health: "Healthy" | "Suspended" | "Progressing" | "Degraded";
  /** To kstatus, and so to Flux. */
  readonly kstatus: "Current" | "InProgress" | "Failed";
  readonly because: string;
  readonly phase: string;
  readonly facts: Partial<Facts>;
}

export const PHASE_CASES: readonly PhaseCase[] = [
  { health: "Healthy", kstatus: "Current", because: "MCP answers", phase: "Connected", facts: {} },
  {
    health: "Healthy",
    kstatus: "Current",
    because: "nothing is probed",
    phase: "Running",
    facts: { probe: "none", verdict: undefined },
  },
  {
    health: "Healthy",
    kstatus: "InProgress",
    because: "it was stopped on request",
    phase: "Stopped",
    facts: { ...NOTHING_RUNS, desiredState: "Stopped" },
  },
  {
    health: "Suspended",
    kstatus: "InProgress",
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
    kstatus: "InProgress",
    because: "a newer version awaits approval",
    phase: "Connected",
    facts: { gated: true, driven: 2, approval: approval("False", "PendingApproval"), step: note("PendingApproval") },
  },
  {
    health: "Degraded",
    kstatus: "Failed",
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
    kstatus: "InProgress",
    because: "nothing was done yet",
    phase: "Pending",
    facts: { ...NOTHING_RUNS, step: note("Pending") },
  },
  {
    health: "Progressing",
    kstatus: "InProgress",
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
    kstatus: "InProgress",
    because: "its container was made",
    phase: "Deploying",
    facts: { step: note("Creating"), verdict: { kind: "pending", failures: 0, failure: undefined } },
  },
  {
    health: "Progressing",
    kstatus: "InProgress",
    because: "a newer one takes over",
    phase: "Connected",
    facts: { upToDate: false, step: note("Draining") },
  },
  {
    health: "Degraded",
    kstatus: "InProgress",
    because: "it fails, and is tried again",
    phase: "Error",
    facts: { ...NOTHING_RUNS, failure: { kind: "retried", ...note("ImageNotFound") } },
  },
  {
    health: "Degraded",
    kstatus: "Failed",
    because: "its spec is refused",
    phase: "Error",
    facts: { ...NOTHING_RUNS, accepted: false, failure: { kind: "refused", ...note("SourceNotSupported") } },
  },
  {
    health: "Degraded",
    kstatus: "Failed",
    because: "the newer version fails",
    phase: "Connected",
    facts: { upToDate: false, failure: { kind: "retried", ...note("ImageNotFound") } },
  },
  {
    health: "Progressing",
    kstatus: "InProgress",
    because: "it is being deleted",
    phase: "Deleting",
    facts: { deleting: note("Deleting") },
  },
];

const BACKEND: RuntimeBackend = {
  apiVersion: API_VERSION,
  kind: "RuntimeBackend",
  metadata: METADATA,
  spec: { type: "docker" } as RuntimeBackend["spec"],
};

/** A RuntimeBackend that answers, or does not; `otherDefaults` are backends that are the default as well. */
export function backend(available: boolean, otherDefaults: readonly string[] = []): RuntimeBackend {
  const told = note(available ? "Available" : "EngineUnavailable");
  const health = { available, ...told, version: undefined, capabilities: undefined };
  const facts = { health, deployments: 0, otherDefaults, missingBound: undefined };
  return { ...BACKEND, status: backendStatus(BACKEND, facts, NOW) };
}

const GATEWAY = { apiVersion: API_VERSION, kind: "McpGateway", metadata: METADATA, spec: {} } as unknown as McpGateway;

/** An McpGateway that answers, or has a problem. */
export function gateway(problem?: { readonly reason: string; readonly message: string }): McpGateway {
  return {
    ...GATEWAY,
    status: gatewayStatus(GATEWAY, { problem: problem as never, version: "1", registered: 0 }, NOW),
  };
}

/** As it was declared, before anybody saw it. */
export function unseen<T extends { readonly status?: unknown }>({ status: _, ...object }: T): Omit<T, "status"> {
  return object;
}
