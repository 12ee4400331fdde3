import { expect, it } from "@jest/globals";
import { FakeClock } from "../../test/support/fake-clock.ts";
import type { RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { timeToReady } from "./time-to-ready.ts";

interface Seen {
  readonly generation?: number;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly of?: number;
}

function deployment({ generation = 1, phase, ready, of = generation }: Seen): RuntimeDeployment {
  const condition = {
    type: "Ready",
    status: ready ? "True" : "False",
    reason: "A",
    message: "",
    observedGeneration: of,
  };
  const conditions = phase === undefined ? [] : [{ ...condition, lastTransitionTime: "2026-01-01T00:00:00Z" }];
  return {
    apiVersion: "slipway.dev/v1alpha1",
    kind: "RuntimeDeployment",
    metadata: { name: "files", namespace: "a", uid: "1", generation },
    spec: { source: { image: { reference: "x" } } },
    status: { phase, conditions },
  } as unknown as RuntimeDeployment;
}

const NEW: Seen = {};
const DEPLOYING: Seen = { phase: "Deploying" };
const READY: Seen = { phase: "Connected", ready: true };

it.each<{ because: string; seen: readonly Seen[]; told: readonly number[] }>([
  { because: "it was created and became Ready", seen: [NEW, DEPLOYING, READY], told: [2_000] },
  { because: "being Ready again is nothing new", seen: [NEW, READY, DEPLOYING, READY], told: [1_000] },
  { because: "it was there before this process", seen: [DEPLOYING, READY], told: [] },
  {
    because: "the wait for an approval is nobody's delay",
    seen: [NEW, { phase: "PendingApproval" }, { phase: "PendingApproval" }, DEPLOYING, READY],
    told: [2_000],
  },
  {
    because: "a new generation is measured by its own readiness",
    seen: [NEW, READY, { ...READY, generation: 2, of: 1 }, { ...READY, generation: 2 }],
    told: [1_000, 1_000],
  },
  { because: "what was stopped waits for nothing", seen: [NEW, { phase: "Stopped" }, READY], told: [] },
])("tells $told, since $because", async ({ seen, told }) => {
  const clock = new FakeClock();
  const times: number[] = [];
  const changed = timeToReady(clock, (source, ms) => {
    expect(source).toBe("image");
    times.push(ms);
  });
  let before: RuntimeDeployment | undefined;
  for (const each of seen) {
    const after = deployment(each);
    changed(before, after);
    before = after;
    await clock.advance(1_000);
  }
  expect(times).toEqual(told);
});
