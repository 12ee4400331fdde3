import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Workload, WorkloadState } from "../../backends/backend.ts";
import { type Action, type PlanInput, plan, type Trial } from "./plan.ts";

const exited = (exitCode: number): WorkloadState => ({
  kind: "exited",
  exitCode,
  outOfMemory: false,
  error: "",
  at: "",
});

const workload = (patch: Partial<Workload> = {}): Workload => ({
  id: "a",
  owner: { uid: "u", namespace: "n", name: "d" },
  role: "current",
  hash: "new",
  generation: 1,
  image: { pinned: "sha256:1" },
  guardrails: undefined,
  state: { kind: "running" },
  startedAt: "2026-01-01T00:00:00Z",
  platformRestarts: 0,
  hostPort: 4000,
  address: "127.0.0.1:4000",
  drift: [],
  ...patch,
});
const lost: Workload["drift"] = [{ kind: "sandbox", message: "its sandbox ended" }];
const old = workload({ hash: "old" });
const candidate = workload({ id: "b", role: "candidate", hostPort: 5000 });

const TROUBLE = { reason: "ImageNotFound", message: "no such tag" };
const rollout = (hash: string, trouble?: typeof TROUBLE): NonNullable<Workload["rollout"]> => ({
  id: `revision-${hash}`,
  hash,
  generation: 2,
  trouble,
});

const input = (patch: Partial<PlanInput>): PlanInput => ({
  desiredState: "Running",
  target: "new",
  gone: "it was gone",
  restartPolicy: "Always",
  observed: [],
  serves: false,
  trial: "pending",
  proven: false,
  held: false,
  resting: false,
  dormant: false,
  inPlace: false,
  excluded: false,
  hostPort: 4000,
  known: undefined,
  replacing: false,
  ...patch,
});

/** An action in a few words. */
function brief(action: Action): string {
  switch (action.type) {
    case "launch":
      return `launch ${action.role}${action.hostPort === undefined ? "" : ` on ${action.hostPort}`}`;
    case "repair":
      return `repair ${action.workload.id}`;
    case "delete":
      return `${action.graceful ? "stop and delete" : "delete"} ${action.id}`;
    case "start":
    case "stop":
    case "update":
      return `${action.type} ${action.id}`;
    default:
      return action satisfies never;
  }
}

describe("plan", () => {
  it.each<{ because: string; given: Partial<PlanInput>; want: string[] }>([
    { because: "nothing runs yet", given: {}, want: ["launch current on 4000"] },
    { because: "nobody can say what should run", given: { target: undefined }, want: [] },
    { because: "the last attempt failed a moment ago", given: { held: true }, want: [] },
    { because: "what runs is right", given: { observed: [workload()] }, want: [] },
    { because: "what runs cannot be judged", given: { target: undefined, observed: [old] }, want: [] },
    {
      because: "it was made, not started",
      given: { observed: [workload({ state: { kind: "created" } })] },
      want: ["start a"],
    },
    { because: "it was stopped by hand", given: { observed: [workload({ state: exited(0) })] }, want: ["start a"] },
    { because: "it ended too often", given: { observed: [workload({ state: exited(1) })], resting: true }, want: [] },
    { because: "it was paused", given: { observed: [workload({ state: { kind: "paused" } })] }, want: ["start a"] },
    {
      because: "the backend starts it again itself",
      given: { observed: [workload({ state: { kind: "restarting", exitCode: 1, outOfMemory: false, error: "" } })] },
      want: [],
    },
    {
      because: "Never means never",
      given: { observed: [workload({ state: exited(1) })], restartPolicy: "Never" },
      want: [],
    },
    {
      because: "success is no failure",
      given: { observed: [workload({ state: exited(0) })], restartPolicy: "OnFailure" },
      want: [],
    },
    {
      because: "failure is",
      given: { observed: [workload({ state: exited(1) })], restartPolicy: "OnFailure" },
      want: ["start a"],
    },
    {
      because: "it drifted",
      given: { observed: [workload({ drift: [{ kind: "name", message: "renamed" }] })] },
      want: ["repair a"],
    },
    { because: "its sandbox was lost", given: { observed: [workload({ drift: lost })] }, want: ["repair a"] },
    {
      because: "its sandbox was lost too often",
      given: { observed: [workload({ drift: lost })], resting: true },
      want: [],
    },
    {
      because: "another drift does not wait",
      given: { observed: [workload({ drift: [{ kind: "name", message: "renamed" }] })], resting: true },
      want: ["repair a"],
    },
    {
      because: "a candidate cannot show what it can without its sandbox",
      given: { observed: [old, { ...candidate, drift: lost }], serves: true },
      want: ["repair b"],
    },
    {
      because: "its place replaces it by itself",
      given: { inPlace: true, observed: [old], serves: true },
      want: ["update a"],
    },
    {
      because: "its place is at it",
      given: { inPlace: true, observed: [{ ...old, rollout: rollout("new") }], serves: true },
      want: [],
    },
    {
      because: "its place is at another one by now",
      given: { inPlace: true, observed: [{ ...old, rollout: rollout("other") }], serves: true },
      want: ["update a"],
    },
    {
      because: "what is asked for is what serves, and its place is at another one",
      given: { inPlace: true, observed: [workload({ rollout: rollout("other") })], serves: true },
      want: ["update a"],
    },
    {
      because: "its place has failed, and waits",
      given: { inPlace: true, observed: [{ ...old, rollout: rollout("new", TROUBLE) }], serves: true, held: true },
      want: [],
    },
    {
      because: "its place has failed, and has waited",
      given: { inPlace: true, observed: [{ ...old, rollout: rollout("new", TROUBLE) }], serves: true },
      want: ["update a"],
    },
    {
      because: "its place could not bring it up at all, and has waited",
      given: { inPlace: true, observed: [workload({ state: { kind: "failed", ...TROUBLE } })] },
      want: ["update a"],
    },
    {
      because: "its place brings it up",
      given: { inPlace: true, observed: [workload({ state: { kind: "starting", waitsFor: undefined } })] },
      want: [],
    },
    {
      because: "a drift is mended also where the place replaces by itself",
      given: { inPlace: true, observed: [workload({ drift: [{ kind: "spec", message: "edited" }] })] },
      want: ["repair a"],
    },
    {
      because: "it was stopped as something else",
      given: { inPlace: true, observed: [workload({ hash: "old", state: exited(0) })] },
      want: ["delete a", "launch current on 4000"],
    },

    { because: "two are one too many", given: { observed: [workload(), workload({ id: "c" })] }, want: ["delete c"] },

    { because: "a newer one is tried beside it", given: { observed: [old], serves: true }, want: ["launch candidate"] },
    {
      because: "a newer one cannot run beside it",
      given: { observed: [old], serves: true, excluded: true },
      want: ["stop and delete a", "launch current on 4000"],
    },
    {
      because: "a newer one cannot run beside it, and failed",
      given: { observed: [old], serves: true, excluded: true, held: true },
      want: [],
    },
    {
      because: "there is nothing to protect",
      given: { observed: [old] },
      want: ["stop and delete a", "launch current on 4000"],
    },
    { because: "the trial is on", given: { observed: [old, candidate], serves: true }, want: [] },
    { because: "the trial is on, and the old one failed meanwhile", given: { observed: [old, candidate] }, want: [] },
    {
      because: "the old one is repaired during a trial",
      given: { observed: [{ ...old, state: exited(1) }, candidate], serves: false },
      want: ["start a"],
    },
    {
      because: "the trial failed",
      given: { observed: [old, candidate], serves: true, trial: "failed" },
      want: ["delete b"],
    },
    { because: "it failed, and waits", given: { observed: [old], serves: true, held: true }, want: [] },
    {
      because: "the trial passed",
      given: { observed: [old, candidate], serves: true, trial: "passed" },
      want: ["delete b", "stop and delete a", "launch current on 4000"],
    },
    {
      because: "the trial passed before the controller was killed",
      given: { observed: [old], serves: true, proven: true },
      want: ["stop and delete a", "launch current on 4000"],
    },
    {
      because: "the candidate is of a spec that is history",
      given: { observed: [old, { ...candidate, hash: "other" }], serves: true },
      want: ["delete b", "launch candidate"],
    },
    {
      because: "the spec went back to what runs",
      given: { observed: [old, candidate], target: "old" },
      want: ["delete b"],
    },
    {
      because: "the one that served is gone",
      given: { observed: [candidate] },
      want: ["delete b", "launch current on 4000"],
    },

    {
      because: "a stop stops",
      given: { desiredState: "Stopped", observed: [workload(), candidate] },
      want: ["delete b", "stop a"],
    },
    {
      because: "what is stopped stays so",
      given: { desiredState: "Stopped", observed: [workload({ state: exited(0) })] },
      want: [],
    },
    { because: "nothing need be made to be stopped", given: { desiredState: "Stopped" }, want: [] },
  ])("$because", ({ given, want }) => {
    expect(plan(input(given)).map(brief)).toEqual(want);
  });

  it.each<{ because: string; given: Partial<PlanInput>; want: string | undefined }>([
    { because: "a container that was missed is an incident", given: { known: "a" }, want: "Recreated" },
    { because: "the first is none", given: {}, want: undefined },
    { because: "nor is one that was being replaced", given: { known: "a", replacing: true }, want: undefined },
    {
      because: "a stop by hand is one",
      given: { known: "a", observed: [workload({ state: exited(0) })] },
      want: "Restarted",
    },
    { because: "a start on request is none", given: { observed: [workload({ state: exited(0) })] }, want: undefined },
  ])("$because", ({ given, want }) => {
    const [action] = plan(input(given));
    expect(action && "incident" in action ? action.incident?.reason : undefined).toBe(want);
  });
});

const state = fc.oneof(
  fc.constantFrom<WorkloadState>({ kind: "created" }, { kind: "running" }, { kind: "paused" }, exited(0), exited(1)),
  fc.constant<WorkloadState>({ kind: "restarting", exitCode: 1, outOfMemory: false, error: "" }),
);
const anyWorkload = fc
  .record({
    role: fc.constantFrom("current" as const, "candidate" as const),
    hash: fc.constantFrom("old", "new", "other"),
    state,
    drift: fc.constantFrom<Workload["drift"]>([], [{ kind: "network", message: "gone" }], lost),
  })
  .map((patch) => workload(patch));
const anyInput = fc
  .record({
    desiredState: fc.constantFrom("Running" as const, "Stopped" as const),
    target: fc.constantFrom("old", "new", undefined),
    restartPolicy: fc.constantFrom("Always" as const, "OnFailure" as const, "Never" as const),
    observed: fc.array(anyWorkload, { maxLength: 4 }),
    trial: fc.constantFrom<Trial>("pending", "passed", "failed"),
    held: fc.boolean(),
    proven: fc.boolean(),
    resting: fc.boolean(),
    inPlace: fc.boolean(),
    excluded: fc.boolean(),
    dormant: fc.boolean(),
    serves: fc.boolean(),
    hostPort: fc.constantFrom(undefined, 4000),
    gone: fc.constant("it was gone"),
    known: fc.constantFrom(undefined, "w0"),
    replacing: fc.boolean(),
  })
  .map((given): PlanInput => ({ ...given, observed: given.observed.map((each, at) => ({ ...each, id: `w${at}` })) }));

/** The world after an action, as a faithful backend would have it. */
function apply(observed: readonly Workload[], action: Action, target: string): Workload[] {
  const change = (id: string, patch: Partial<Workload>) =>
    observed.map((each) => (each.id === id ? { ...each, ...patch } : each));
  switch (action.type) {
    case "delete":
      return observed.filter(({ id }) => id !== action.id);
    case "launch":
      return [
        ...observed,
        workload({ id: `made-${observed.length}-${Math.random()}`, role: action.role, hash: target }),
      ];
    case "start":
      return change(action.id, { state: { kind: "running" } });
    case "stop":
      return change(action.id, { state: exited(0) });
    case "update":
      return change(action.id, { hash: target, rollout: undefined });
    case "repair":
      return change(action.workload.id, { drift: [] });
    default:
      return action satisfies never;
  }
}

const currentsIn = (observed: readonly Workload[]) => observed.filter(({ role }) => role === "current").length;

/** Applies a plan action by action. @throws where it breaks what must hold at any time. */
function applyAll(given: PlanInput, actions: readonly Action[]): readonly Workload[] {
  let { observed } = given;
  const most = Math.max(1, currentsIn(observed));
  for (const action of actions) {
    if (action.type === "launch") {
      expect(currentsIn(observed)).toBe(action.role === "candidate" ? 1 : 0);
      expect(action.role === "current" || given.serves).toBe(true);
    }
    observed = apply(observed, action, given.target ?? "");
    expect(currentsIn(observed)).toBeLessThanOrEqual(most);
  }
  return observed;
}

describe("applying a plan", () => {
  it("ends in an empty plan, with one current workload at most at any time", () => {
    fc.assert(
      fc.property(anyInput, (first) => {
        let given = first;
        let actions = plan(given);
        for (let round = 0; actions.length > 0 && round < 8; round++) {
          const observed = applyAll(given, actions);
          const serves = observed.some(({ role, state: now }) => role === "current" && now.kind === "running");
          // What a trial came to is remembered: a failure as a hold.
          given = { ...given, observed, serves, held: given.held || given.trial === "failed" };
          actions = plan(given);
        }
        expect(actions).toEqual([]);
      }),
      { numRuns: 3_000 },
    );
  });

  it("starts nothing that is dormant, whatever there is, as long as nobody can say what should run", () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        const { observed } = given;
        const asleep = new Set(
          observed.filter(({ state }) => state.kind === "exited" || state.kind === "created").map(({ id }) => id),
        );
        for (const action of plan({ ...given, target: undefined, dormant: true })) {
          expect(action.type).not.toBe("launch");
          if (action.type === "start") expect(asleep.has(action.id)).toBe(false);
        }
      }),
    );
  });

  it("ends in what is wanted, whatever there was", () => {
    fc.assert(
      fc.property(anyInput, (given) => {
        let { observed } = given;
        const settled = {
          ...given,
          target: "new",
          held: false,
          resting: false,
          dormant: false,
          trial: "passed" as const,
          desiredState: "Running" as const,
          restartPolicy: "Always" as const,
        };
        for (let round = 0; round < 8; round++) {
          for (const action of plan({ ...settled, observed, serves: true })) observed = apply(observed, action, "new");
        }
        expect(observed.map(({ role, hash }) => `${role} ${hash}`)).toEqual(["current new"]);
        expect(["running", "restarting"]).toContain(observed[0]?.state.kind);
      }),
      { numRuns: 3_000 },
    );
  });
});
