import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { approvalOf, decided, hours, KEYS, keysOf, policyCopy, type Said } from "../../test/support/approvals.ts";
import type { Approval } from "../api/v1alpha1/index.ts";
import type { Decision } from "./decisions.ts";
import { authenticDecisions } from "./decisions.ts";
import { UNKNOWN_REQUESTER } from "./people.ts";
import { stateOf } from "./state.ts";

const robot = "system:serviceaccount:argocd:argocd";
const withDecisions = (approval: Approval, decisions: readonly Decision[]): Approval => ({
  ...approval,
  spec: { ...approval.spec, decisions: [...decisions] },
});
const by = (name: string, more: Partial<Said> = {}): Said => ({ by: name, ...more });
const upon = (approval: Approval, ...said: Said[]) => said.reduce((before, each) => decided(before, each), approval);
const two = policyCopy("two", { approvers: { groups: ["security"], required: 2 } });

describe("how an Approval stands", () => {
  it.each<{ because: string; approval: Approval; now?: Date; want: object }>([
    { because: "nobody has said anything", approval: approvalOf(), want: { phase: "Pending", decidedBy: [] } },
    {
      because: "one yes is enough for one policy",
      approval: upon(approvalOf(), by("sam")),
      want: { phase: "Approved", decidedBy: ["sam"], decidedAt: hours(1) },
    },
    {
      because: "each policy needs its own",
      approval: upon(approvalOf({ policies: [policyCopy("a"), policyCopy("b")] }), by("sam", { policies: ["a"] })),
      want: {
        phase: "Pending",
        tally: [
          { policy: "a", approved: 1, required: 1 },
          { policy: "b", approved: 0, required: 1 },
        ],
      },
    },
    {
      because: "one person may be an approver of both",
      approval: upon(approvalOf({ policies: [policyCopy("a"), policyCopy("b")] }), by("sam")),
      want: { phase: "Approved" },
    },
    {
      because: "two are two",
      approval: upon(approvalOf({ policies: [two] }), by("sam"), by("kim", { at: hours(2) })),
      want: { phase: "Approved", decidedBy: ["sam", "kim"], decidedAt: hours(2) },
    },
    {
      because: "the same person twice is one",
      approval: upon(approvalOf({ policies: [two] }), by("sam"), by("sam")),
      want: { phase: "Pending", tally: [{ policy: "two", approved: 1, required: 2 }] },
    },
    {
      because: "one no rejects",
      approval: upon(approvalOf({ policies: [two] }), by("sam"), by("kim", { verdict: "Rejected" })),
      want: { phase: "Rejected", decidedBy: ["kim"], decidedAt: hours(1) },
    },
    {
      because: "a requester's yes does not count",
      approval: upon(approvalOf({ requesters: ["sam"] }), by("sam")),
      want: { phase: "Pending" },
    },
    {
      because: "unless the policy says so",
      approval: upon(
        approvalOf({ requesters: ["sam"], policies: [policyCopy("a", { requesterMayApprove: true })] }),
        by("sam"),
      ),
      want: { phase: "Approved" },
    },
    {
      because: "a service account asks by two",
      approval: upon(approvalOf({ requesters: ["dana", robot] }), by("sam")),
      want: { phase: "Pending", tally: [{ policy: "production", approved: 1, required: 2 }] },
    },
    {
      because: "so does somebody unknown",
      approval: upon(approvalOf({ requesters: [UNKNOWN_REQUESTER] }), by("sam")),
      want: { phase: "Pending" },
    },
    {
      because: "so does nobody",
      approval: upon(approvalOf({ requesters: [] }), by("sam")),
      want: { phase: "Pending" },
    },
    {
      because: "and two are enough then",
      approval: upon(approvalOf({ requesters: [robot] }), by("sam"), by("kim")),
      want: { phase: "Approved" },
    },
    {
      because: "a policy may take a service account for a person",
      approval: upon(
        approvalOf({ requesters: [robot], policies: [policyCopy("a", { serviceAccountRequests: "Allow" })] }),
        by("sam"),
      ),
      want: { phase: "Approved" },
    },
    {
      because: "or refuse it without asking anybody",
      approval: approvalOf({ requesters: [robot], policies: [policyCopy("a", { serviceAccountRequests: "Refuse" })] }),
      want: {
        phase: "Rejected",
        decidedAt: hours(0),
        decidedBy: [],
        refusal: expect.stringContaining('ApprovalPolicy "a" refuses'),
      },
    },
    {
      because: "time is not over before its end",
      approval: approvalOf(),
      now: new Date(hours(48).getTime() - 1),
      want: { phase: "Pending" },
    },
    {
      because: "and is at its end",
      approval: approvalOf(),
      now: hours(48),
      want: { phase: "Expired", decidedAt: hours(48) },
    },
    {
      because: "the shortest time counts",
      approval: approvalOf({ policies: [policyCopy("a"), policyCopy("b", { timeoutHours: 2 })] }),
      now: hours(3),
      want: { phase: "Expired", expiresAt: hours(2) },
    },
    {
      because: "what was approved in time stays",
      approval: upon(approvalOf(), by("sam", { at: hours(47) })),
      now: hours(999),
      want: { phase: "Approved" },
    },
    {
      because: "a yes after the end is none",
      approval: upon(approvalOf(), by("sam", { at: hours(48) })),
      now: hours(49),
      want: { phase: "Expired" },
    },
    {
      because: "a clock that went back opens nothing",
      approval: approvalOf({ status: { phase: "Expired", decidedAt: hours(48).toISOString() } }),
      now: hours(1),
      want: { phase: "Expired", decidedAt: hours(48) },
    },
    {
      because: "what was superseded stays",
      approval: upon(approvalOf({ status: { phase: "Superseded" } }), by("sam")),
      want: { phase: "Superseded" },
    },
    {
      because: "a rejection that the status has seen stays",
      approval: approvalOf({ status: { phase: "Rejected", decidedBy: ["kim"] } }),
      want: { phase: "Rejected", decidedBy: ["kim"] },
    },
    {
      because: "a status that says yes is not believed",
      approval: approvalOf({ status: { phase: "Approved", decidedBy: ["sam"] } }),
      want: { phase: "Pending" },
    },
    {
      because: "the first of the policies escalates",
      approval: approvalOf({
        policies: [
          policyCopy("a", { escalation: { afterHours: 5 } }),
          policyCopy("b", { escalation: { afterHours: 4 } }),
        ],
      }),
      want: { escalatesAt: hours(4) },
    },
    { because: "none need", approval: approvalOf(), want: { escalatesAt: undefined } },
  ])("$because", ({ approval, now = hours(1), want }) => {
    expect(stateOf(approval, KEYS, now)).toMatchObject({ problem: undefined, ...want });
  });

  describe("is never yes where something was written past admission:", () => {
    const approved = upon(approvalOf({ policies: [two] }), by("sam"), by("kim"));
    const [first, second] = approved.spec.decisions as [Decision, Decision];
    const rejected = upon(approvalOf({ policies: [two] }), by("sam"), by("kim"), by("lee", { verdict: "Rejected" }));
    const no = rejected.spec.decisions[2] as Decision;
    const fresh = approvalOf({ policies: [two] });
    const other = upon(approvalOf({ name: "other", policies: [two] }), by("sam"), by("kim"));
    it.each<{ because: string; approval: Approval }>([
      {
        because: "a decision without stamp",
        approval: withDecisions(fresh, [
          first,
          { verdict: "Approved", by: "kim", at: second.at ?? "", policies: ["two"] },
        ]),
      },
      {
        because: "a stamp that somebody made up",
        approval: withDecisions(fresh, [first, { ...second, stamp: `v1:${"A".repeat(43)}` }]),
      },
      { because: "another name on a stamp", approval: withDecisions(fresh, [first, { ...second, by: "lee" }]) },
      { because: "another time", approval: withDecisions(fresh, [first, { ...second, at: hours(2).toISOString() }]) },
      { because: "another policy", approval: withDecisions(fresh, [first, { ...second, policies: ["two", "a"] }]) },
      { because: "another reason", approval: withDecisions(fresh, [first, { ...second, reason: "x" }]) },
      {
        because: "a no turned into a yes",
        approval: withDecisions(rejected, [first, second, { ...no, verdict: "Approved" }]),
      },
      { because: "another order", approval: withDecisions(fresh, [second, first]) },
      { because: "one taken out", approval: withDecisions(fresh, [second]) },
      { because: "the same one again", approval: withDecisions(fresh, [first, first]) },
      { because: "decisions of another Approval", approval: withDecisions(fresh, other.spec.decisions) },
      {
        because: "decisions of one of its name that is gone",
        approval: withDecisions(approvalOf({ uid: "new", policies: [two] }), approved.spec.decisions),
      },
      {
        because: "decisions on what it said before",
        approval: withDecisions(approvalOf({ policies: [two], requesters: ["lee"] }), approved.spec.decisions),
      },
      {
        because: "another content under the old seal",
        approval: { ...approved, spec: { ...approved.spec, effective: { image: "evil" } } },
      },
      {
        because: "fewer required",
        approval: { ...approved, spec: { ...approved.spec, policies: [policyCopy("two")] } },
      },
      {
        because: "another requester",
        approval: { ...approved, spec: { ...approved.spec, requesters: [{ username: "lee" }] } },
      },
      { because: "stamps of a key that is gone", approval: upon(approvalOf({ keys: keysOf("old") }), by("sam")) },
    ])("$because", ({ approval }) => {
      expect(stateOf(approval, KEYS, hours(1))).toMatchObject({ phase: "Pending", problem: expect.any(String) });
      // Nor is it over: the key may come back.
      expect(stateOf(approval, KEYS, hours(100)).phase).toBe("Pending");
    });

    it("but for the last ones cut off, which only takes a yes away", () => {
      expect(stateOf(withDecisions(fresh, [first]), KEYS, hours(1))).toMatchObject({
        phase: "Pending",
        problem: undefined,
      });
    });

    it("and a no that came before still is one", () => {
      const forged = { ...second, by: "lee" };
      const [decision] = upon(fresh, by("kim", { verdict: "Rejected" })).spec.decisions;
      expect(stateOf(withDecisions(fresh, [decision as Decision, forged]), KEYS, hours(1))).toMatchObject({
        phase: "Rejected",
      });
    });

    it("also without any key", () => {
      expect(stateOf(approved, undefined, hours(100))).toMatchObject({
        phase: "Pending",
        problem: expect.stringContaining("key"),
      });
    });
  });

  it("goes on with a new key while the old one verifies", () => {
    const begun = upon(approvalOf({ policies: [two] }), by("sam"));
    const both = keysOf("b", "a");
    const approved = decided(begun, by("kim"), both);
    expect(stateOf(approved, both, hours(1)).phase).toBe("Approved");
    expect(stateOf(approved, keysOf("b"), hours(1)).problem).toBeDefined();
    expect(stateOf(approved, KEYS, hours(1)).problem).toContain("spec.decisions[1]");
  });
});

describe("random histories", () => {
  const people = ["dana", "sam", "kim", "lee", robot];
  const names = ["a", "b", "c"];
  const policy = fc.record({
    required: fc.integer({ min: 1, max: 3 }),
    requesterMayApprove: fc.boolean(),
    serviceAccountRequests: fc.constantFrom("TwoApprovers" as const, "Allow" as const),
    timeoutHours: fc.integer({ min: 1, max: 10 }),
  });
  const said = fc.record({
    by: fc.constantFrom(...people),
    verdict: fc.oneof(
      { weight: 9, arbitrary: fc.constant("Approved" as const) },
      { weight: 1, arbitrary: fc.constant("Rejected" as const) },
    ),
    at: fc.integer({ min: 0, max: 12 }),
    policies: fc.subarray(names),
  });
  const history = fc.record({
    policies: fc.array(policy, { minLength: 1, maxLength: 3 }),
    requesters: fc.subarray(["dana", "sam", robot]),
    said: fc.array(said, { maxLength: 8 }),
    now: fc.integer({ min: 0, max: 20 }),
    closed: fc.option(fc.constantFrom("Expired" as const, "Superseded" as const), { nil: undefined, freq: 8 }),
  });
  type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

  /** Counts on the fingers, and knows nothing of stamps. */
  function expected({ policies, requesters, said: all, now, closed }: History): string {
    if (all.some(({ verdict }) => verdict === "Rejected")) return "Rejected";
    if (closed) return closed;
    let end = 1000;
    for (const { timeoutHours } of policies) end = Math.min(end, timeoutHours);
    const impersonal = requesters.length === 0 || requesters.includes(robot);
    let missing = 0;
    policies.forEach((each, index) => {
      const who: Record<string, true> = {};
      for (const one of all) {
        if (one.at >= end || !one.policies.includes(names[index] ?? "")) continue;
        if (requesters.includes(one.by) && !each.requesterMayApprove) continue;
        who[one.by] = true;
      }
      const least = impersonal && each.serviceAccountRequests === "TwoApprovers" ? 2 : 1;
      if (Object.keys(who).length < Math.max(least, each.required)) missing++;
    });
    if (missing === 0) return "Approved";
    return now >= end ? "Expired" : "Pending";
  }

  function made({ policies, requesters, said: all, closed }: History): Approval {
    const approval = approvalOf({
      requesters,
      policies: policies.map(({ required, ...more }, index) =>
        policyCopy(names[index] ?? "", { approvers: { groups: ["g"], required }, ...more }),
      ),
      ...(closed && { status: { phase: closed } }),
    });
    return upon(approval, ...all.map(({ at, ...one }) => ({ ...one, at: hours(at) })));
  }

  it("end as an independent count says", () => {
    fc.assert(
      fc.property(history, (given) => {
        const state = stateOf(made(given), KEYS, hours(given.now));
        expect(state.problem).toBeUndefined();
        expect(state.phase).toBe(expected(given));
        expect(state.decidedAt === undefined).toBe(state.phase === "Pending" || state.phase === given.closed);
      }),
      { numRuns: 500 },
    );
  });

  it("are approved or not, whatever the clock does", () => {
    fc.assert(
      fc.property(history, fc.integer({ min: -1000, max: 1000 }), (given, now) => {
        const approval = made(given);
        const isApproved = stateOf(approval, KEYS, hours(given.now)).phase === "Approved";
        expect(stateOf(approval, KEYS, hours(now)).phase === "Approved").toBe(isApproved);
      }),
      { numRuns: 500 },
    );
  });

  it("are not believed when decisions are moved, dropped from between, repeated or altered", () => {
    const mischief = fc.record({ kind: fc.constantFrom("swap", "drop", "repeat", "rename", "turn"), at: fc.nat() });
    fc.assert(
      fc.property(history, mischief, (given, { kind, at }) => {
        const approval = made(given);
        const decisions = [...approval.spec.decisions];
        fc.pre(decisions.length >= 2);
        const index = at % (decisions.length - 1);
        const here = decisions[index] as Decision;
        if (kind === "swap") decisions.splice(index, 2, decisions[index + 1] as Decision, here);
        else if (kind === "drop") decisions.splice(index, 1);
        else if (kind === "repeat") decisions.push(here);
        else if (kind === "rename") decisions[index] = { ...here, by: "mallory" };
        else decisions[index] = { ...here, verdict: here.verdict === "Approved" ? "Rejected" : "Approved" };
        const forged = withDecisions(approval, decisions);
        expect(authenticDecisions(forged, KEYS).length).toBeLessThan(decisions.length);
        const { phase, problem } = stateOf(forged, KEYS, hours(given.now));
        expect(problem).toBeDefined();
        expect(phase).not.toBe("Approved");
      }),
    );
  });
});
