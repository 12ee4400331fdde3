import { beforeEach, describe, expect, it } from "@jest/globals";
import { deploymentSpec, KEY } from "../../../test/support/deployment-world.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import type { RuntimeDeployment } from "../../api/v1alpha1/index.ts";
import type { Workload, WorkloadSpec } from "../../backends/backend.ts";
import { Memories } from "./memory.ts";
import { awaitRollout, concludeRollout } from "./rollout.ts";
import { newScope, type Scope } from "./scope.ts";
import { holdOf } from "./set-back.ts";

const deployment: RuntimeDeployment = {
  apiVersion: "slipway.dev/v1alpha1",
  kind: "RuntimeDeployment",
  metadata: { ...KEY, uid: "u", resourceVersion: "1", generation: 2, creationTimestamp: "" },
  spec: deploymentSpec(),
};
const TROUBLE = { reason: "ImageNotFound", message: "no such tag" };
const serving: Workload = {
  id: "app",
  owner: { uid: "u", ...KEY },
  role: "current",
  hash: "old",
  generation: 1,
  image: { pinned: "files:1" },
  guardrails: undefined,
  state: { kind: "running" },
  startedAt: "2026-01-01T00:00:00Z",
  platformRestarts: 0,
  hostPort: undefined,
  address: "files.example:443",
  drift: [],
};
const rollout = (id: string, trouble?: typeof TROUBLE): Workload => ({
  ...serving,
  rollout: { id, hash: "new", generation: 2, trouble },
});

describe("a revision that its place tries by itself", () => {
  let clock: FakeClock;
  let memories: Memories;
  const look = (workload: Workload): Scope => {
    const scope = newScope(deployment, memories.of(deployment), new AbortController().signal);
    scope.observed = [workload];
    scope.target = { hash: "new" } as WorkloadSpec;
    scope.token = "2";
    concludeRollout(scope, clock);
    awaitRollout(scope);
    return scope;
  };
  beforeEach(() => {
    clock = new FakeClock();
    memories = new Memories();
  });

  it("is told of while it comes up", () => {
    const { step, failure } = look(rollout("r-2"));
    expect(step).toMatchObject({ reason: "Verifying", message: expect.stringContaining("the earlier one serves") });
    expect(failure).toBeUndefined();
  });

  it("is held back once for each attempt that failed, for longer each time", async () => {
    const holds: number[] = [];
    for (const id of ["r-2", "r-3", "r-4", "r-5", "r-6", "r-7"]) {
      const scope = look(rollout(id, TROUBLE));
      expect(scope.failure).toMatchObject({ kind: "retried", reason: "ImageNotFound" });
      expect(scope.failure?.message).toContain("the earlier one serves on: no such tag");
      const [hold = 0] = scope.requeues;
      holds.push(hold / 60_000);
      // Looks in between change nothing about it.
      await clock.advance(hold / 2);
      expect(holdOf(look(rollout(id, TROUBLE)), clock)).toBeDefined();
      await clock.advance(hold / 2);
      expect(holdOf(look(rollout(id, TROUBLE)), clock)).toBeUndefined();
    }
    expect(holds).toEqual([1, 2, 4, 8, 16, 16]);
  });

  it("says why nothing comes up where nothing serves", () => {
    const { failure } = look({ ...serving, hash: "new", state: { kind: "failed", ...TROUBLE } });
    expect(failure).toMatchObject({ kind: "retried", ...TROUBLE });
  });

  it("is nobody's concern when something else is asked for by now", () => {
    const failed = { id: "r-2", hash: "other", generation: 1, trouble: TROUBLE };
    const scope = look({ ...serving, rollout: failed });
    expect([scope.failure, scope.step]).toEqual([undefined, undefined]);
  });
});
