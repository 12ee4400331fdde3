import { describe, expect, it } from "@jest/globals";
import type { RuntimeBackend, RuntimeBackendStatus } from "../../api/v1alpha1/index.ts";
import type { Aspect, BackendHealth } from "../../backends/backend.ts";
import { type BackendFacts, summarize } from "./status.ts";

const NOW = new Date("2026-01-01T00:00:00Z");
const LATER = new Date("2026-01-01T00:05:00Z");
const ANSWERS: BackendHealth = {
  available: true,
  reason: "Available",
  message: "it answers",
  version: "1",
  capabilities: undefined,
};
const SILENT: BackendHealth = { ...ANSWERS, available: false, reason: "BackendUnavailable", version: undefined };
const history: Aspect = { type: "LogHistory", available: true, reason: "Available", message: "seven days" };
const metrics: Aspect = {
  type: "MetricsAvailable",
  available: false,
  reason: "NotConfigured",
  message: "name an instance",
};

function backend(status?: RuntimeBackendStatus): RuntimeBackend {
  return { metadata: { name: "ibm", generation: 3 }, spec: { type: "code-engine" }, status } as RuntimeBackend;
}

function facts(health: BackendHealth, missingBound?: string): BackendFacts {
  return { health, deployments: 0, otherDefaults: [], missingBound };
}

function conditions({ conditions = [] }: RuntimeBackendStatus): string[] {
  return conditions.map(({ type, status, reason }) => `${type}=${status} ${reason}`);
}

describe("aspects of a backend", () => {
  const told = summarize(backend(), facts({ ...ANSWERS, aspects: [history, metrics] }), NOW);

  it("become conditions, with what is missing as message", () => {
    expect(told.conditions).toEqual([
      {
        type: "Available",
        status: "True",
        reason: "Available",
        message: "it answers",
        observedGeneration: 3,
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
      {
        type: "LogHistory",
        status: "True",
        reason: "Available",
        message: "seven days",
        observedGeneration: 3,
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
      {
        type: "MetricsAvailable",
        status: "False",
        reason: "NotConfigured",
        message: "name an instance",
        observedGeneration: 3,
        lastTransitionTime: "2026-01-01T00:00:00Z",
      },
    ]);
  });

  it.each<{ because: string; health: BackendHealth; want: string[] }>([
    {
      because: "nothing changes where it says the same",
      health: { ...ANSWERS, aspects: [history, metrics] },
      want: ["Available=True Available", "LogHistory=True Available", "MetricsAvailable=False NotConfigured"],
    },
    {
      because: "a part that it has no more is told of no more",
      health: { ...ANSWERS, aspects: [metrics] },
      want: ["Available=True Available", "MetricsAvailable=False NotConfigured"],
    },
    {
      because: "one that answers and tells of no part has none",
      health: ANSWERS,
      want: ["Available=True Available"],
    },
    {
      because: "what is known of one that does not answer is what it said last",
      health: SILENT,
      want: ["Available=False BackendUnavailable", "LogHistory=True Available", "MetricsAvailable=False NotConfigured"],
    },
    {
      because: "one that does not answer may know something all the same",
      health: { ...SILENT, aspects: [metrics] },
      want: ["Available=False BackendUnavailable", "MetricsAvailable=False NotConfigured"],
    },
  ])("$because", ({ health, want }) => {
    expect(conditions(summarize(backend(told), facts(health), LATER))).toEqual(want);
  });

  it("keep the moment of their last change", () => {
    const mended = { ...metrics, available: true, reason: "Available", message: "" };
    const after = summarize(backend(told), facts({ ...ANSWERS, aspects: [history, mended] }), LATER);
    expect(after.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([
      "2026-01-01T00:00:00Z",
      "2026-01-01T00:00:00Z",
      "2026-01-01T00:05:00Z",
    ]);
  });

  it("leave alone what only a person can put right", () => {
    const stalled = summarize(backend(told), facts({ ...ANSWERS, aspects: [history] }, "narrow"), NOW);
    expect(conditions(stalled)).toEqual([
      "Available=True Available",
      "LogHistory=True Available",
      "Stalled=True GuardrailProfileNotFound",
    ]);
    const mended = summarize(backend(stalled), facts({ ...SILENT }), LATER);
    expect(conditions(mended)).toEqual(["Available=False BackendUnavailable", "LogHistory=True Available"]);
  });
});
