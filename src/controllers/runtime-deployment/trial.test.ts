import { describe, expect, it } from "@jest/globals";
import type { Workload, WorkloadState } from "../../backends/backend.ts";
import type { ProbeVerdict } from "../../probe/prober.ts";
import { judge, type TrialInput } from "./trial.ts";

const candidate = (state: WorkloadState, platformRestarts = 0): Workload => ({
  id: "b",
  owner: { uid: "u", namespace: "n", name: "d" },
  role: "candidate",
  hash: "new",
  generation: 2,
  image: { pinned: "sha256:1" },
  guardrails: undefined,
  state,
  startedAt: "2026-01-01T00:00:00Z",
  platformRestarts,
  hostPort: 5000,
  address: "127.0.0.1:5000",
  drift: [],
});
const running = candidate({ kind: "running" });
const exited = (exitCode: number, outOfMemory = false) =>
  candidate({ kind: "exited", exitCode, outOfMemory, error: "", at: "" });
const spec = (
  probe: "mcp" | "none",
  periodMs = 10_000,
  restartPolicy: "Always" | "Never" = "Always",
): TrialInput["spec"] => ({
  restartPolicy,
  limits: { cpuMillis: 500, memoryBytes: 256 * 2 ** 20, pids: 100 },
  health: { probe, path: "/mcp", periodMs, timeoutMs: 1_000, failureThreshold: 3 },
});
const ready: ProbeVerdict = { kind: "ready", mcp: undefined };
const silent: ProbeVerdict = {
  kind: "pending",
  failures: 5,
  failure: { reason: "ProbeRefused", message: "nothing listens" },
};

describe("judge", () => {
  it.each<{ because: string; given: Partial<TrialInput>; want: object }>([
    { because: "it answered", given: { verdict: ready }, want: { kind: "passed" } },
    {
      because: "nobody answered yet",
      given: { verdict: silent, ageMs: 1_000 },
      want: { kind: "pending", recheckMs: 59_000 },
    },
    {
      because: "a minute is the least",
      given: { verdict: silent, ageMs: 60_000 },
      want: { kind: "failed", failure: { reason: "ProbeRefused" } },
    },
    {
      because: "slow probes mean more patience",
      given: { spec: spec("mcp", 60_000), verdict: silent, ageMs: 60_000 },
      want: { kind: "pending", recheckMs: 120_000 },
    },
    {
      because: "it was never even asked",
      given: { verdict: undefined, ageMs: 60_000 },
      want: { kind: "failed", failure: { reason: "ProbeTimeout" } },
    },
    {
      because: "it answered, and does no more",
      given: { verdict: { kind: "failed", failure: { reason: "ProbeTimeout", message: "m" } } },
      want: { kind: "failed", failure: { reason: "ProbeTimeout" } },
    },
    {
      because: "it ended",
      given: { candidate: exited(3) },
      want: { kind: "failed", failure: { reason: "CrashLoopBackOff", message: "its process ended with exit code 3" } },
    },
    {
      because: "there was nothing to run",
      given: {
        candidate: candidate({ kind: "exited", exitCode: 127, outOfMemory: false, error: "no program", at: "" }),
      },
      want: {
        kind: "failed",
        failure: { reason: "StartFailed", message: "its process ended with exit code 127 (no program)" },
      },
    },
    { because: "it ended well, and should have answered", given: { candidate: exited(0) }, want: { kind: "failed" } },
    {
      because: "it took too much memory",
      given: { candidate: exited(137, true) },
      want: { kind: "failed", failure: { reason: "OutOfMemory" } },
    },
    {
      because: "it is started again and again",
      given: { candidate: candidate({ kind: "restarting", exitCode: 1, outOfMemory: false, error: "" }) },
      want: { kind: "failed" },
    },
    {
      because: "it runs again after a crash",
      given: { candidate: candidate({ kind: "running" }, 1), verdict: ready },
      want: { kind: "failed" },
    },
    {
      because: "it has not been started",
      given: { candidate: candidate({ kind: "created" }) },
      want: { kind: "pending", recheckMs: undefined },
    },
    {
      because: "unprobed, it has run for a moment",
      given: { spec: spec("none"), ageMs: 1_000 },
      want: { kind: "pending", recheckMs: 2_000 },
    },
    { because: "unprobed, it goes on running", given: { spec: spec("none"), ageMs: 3_000 }, want: { kind: "passed" } },
    {
      because: "unprobed, it did its work once",
      given: { spec: spec("none", 1, "Never"), candidate: exited(0) },
      want: { kind: "passed" },
    },
    {
      because: "unprobed, it failed once",
      given: { spec: spec("none", 1, "Never"), candidate: exited(1) },
      want: { kind: "failed" },
    },
  ])("$because", ({ given, want }) => {
    expect(judge({ candidate: running, spec: spec("mcp"), verdict: undefined, ageMs: 0, ...given })).toMatchObject(
      want,
    );
  });
});
