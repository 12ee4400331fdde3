import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { approvalOf, hours, KEYS, policyCopy, policyOf, serverOf } from "../../test/support/approvals.ts";
import { knownOf } from "../../test/support/known.ts";
import type { KubeObject } from "../api/meta.ts";
import type { Approval } from "../api/v1alpha1/index.ts";
import { authenticDecisions } from "../approvals/decisions.ts";
import { stateOf } from "../approvals/state.ts";
import { amend, judge } from "./rules.ts";
import type { Known, Write, Writer } from "./write.ts";

const PEOPLE: readonly Writer[] = [
  { username: "dana", groups: ["security"] },
  { username: "sam", groups: ["security"] },
  { username: "kim", groups: ["security"] },
  { username: "lee", groups: ["leads"] },
  { username: "mallory", groups: ["system:masters"] },
  { username: "system:serviceaccount:slipway-system:slipway-controller", groups: [] },
];
const person = fc.constantFrom(...PEOPLE);

interface Case {
  readonly known: Known;
  readonly approval: Approval;
}

/** Both halves, as an API server asks them. Undefined where either refuses. */
function write(
  oldObject: Approval,
  object: unknown,
  { user, known }: { user: Writer; known: Known },
): Approval | undefined {
  const asked: Write = {
    ...{ operation: "UPDATE", group: "slipway.dev", resource: "approvals", subresource: "" },
    ...{ namespace: "default", name: oldObject.metadata.name, user, dryRun: false, oldObject },
    object: object as KubeObject,
  };
  const amended = amend(asked, known);
  if (amended?.refusal) return undefined;
  const stored = amended?.object ?? (object as KubeObject);
  return judge({ ...asked, object: stored }, known).refusal ? undefined : (stored as Approval);
}

/** The group `security` decides about what dana asked for, `required` of them within 10 hours, and `leads` too after 5. */
function begun(required: number, now: () => Date): Case {
  const policy = policyCopy("production", {
    approvers: { groups: ["security"], required },
    timeoutHours: 10,
    escalation: { afterHours: 5, groups: ["leads"] },
  });
  const known = knownOf({ deployments: [serverOf()], policies: [policyOf(policy)], keys: KEYS, now });
  return { known, approval: approvalOf({ policies: [policy] }) };
}

const withDecision = (approval: Approval, decision: unknown): unknown => ({
  ...approval,
  spec: { ...approval.spec, decisions: [...approval.spec.decisions, decision] },
});

describe("decisions, one after the other,", () => {
  const attempt = fc.record({
    user: person,
    verdict: fc.oneof(
      { weight: 5, arbitrary: fc.constant("Approved") },
      { weight: 1, arbitrary: fc.constant("Rejected") },
    ),
    /** Hours that go by before; clocks go back, too. */
    later: fc.integer({ min: -2, max: 3 }),
  });

  it("are taken as an independent count says", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(attempt, { maxLength: 12 }), (required, attempts) => {
        let hour = 1;
        const { known, approval } = begun(required, () => hours(hour));
        let stored = approval;
        const yes: string[] = [];
        let no = false;
        for (const { user, verdict, later } of attempts) {
          hour = Math.max(0, hour + later);
          const isApprover = ["sam", "kim"].includes(user.username) || (user.username === "lee" && hour >= 5);
          const isOpen = !no && yes.length < required && hour < 10;
          const may = isApprover && isOpen && !yes.includes(user.username);
          const after = write(stored, withDecision(stored, { verdict }), { user, known });
          expect([user.username, hour, after !== undefined]).toEqual([user.username, hour, may]);
          if (!after) continue;
          stored = after;
          if (verdict === "Rejected") no = true;
          else yes.push(user.username);
        }
        expect(stored.spec.decisions.map(({ by }) => by).slice(0, yes.length)).toEqual(yes);
        const { phase, problem } = stateOf(stored, KEYS, hours(hour));
        expect(problem).toBeUndefined();
        expect(phase).toBe(no ? "Rejected" : yes.length >= required ? "Approved" : hour < 10 ? "Pending" : "Expired");
      }),
      { numRuns: 300 },
    );
  });
});

describe("whatever somebody makes of an Approval,", () => {
  /** A place in the object, and what is put there. */
  const edit = fc.record({
    path: fc.constantFrom(
      ...["metadata.labels", "metadata.annotations", "metadata.finalizers", "metadata.ownerReferences"],
      ...[
        "metadata.name",
        "metadata.namespace",
        "spec",
        "spec.decisions",
        "spec.decisions.0",
        "spec.decisions.0.verdict",
      ],
      ...[
        "spec.decisions.0.by",
        "spec.decisions.0.stamp",
        "spec.decisions.1",
        "spec.decisions.2",
        "spec.digest",
        "spec.seal",
      ],
      ...["spec.requesters", "spec.policies", "spec.policies.0.approvers", "spec.effective", "spec.extra", "status"],
    ),
    value: fc.oneof(
      fc.constantFrom<unknown>(
        undefined,
        null,
        "",
        0,
        [],
        {},
        "mallory",
        { verdict: "Approved" },
        { verdict: "Rejected" },
      ),
      fc.constantFrom<unknown>(
        [{ verdict: "Approved", by: "sam" }],
        [{ verdict: "Approved" }, { verdict: "Approved" }],
      ),
      fc.jsonValue({ maxDepth: 2 }),
    ),
  });

  it("it is refused, or is one decision more in their own name", () => {
    fc.assert(
      fc.property(person, fc.array(edit, { minLength: 1, maxLength: 3 }), fc.boolean(), (user, edits, isBegun) => {
        const { known, approval } = begun(3, () => hours(6));
        const first = write(approval, withDecision(approval, { verdict: "Approved" }), {
          user: PEOPLE[1] as Writer,
          known,
        });
        const before = isBegun ? (first as Approval) : approval;
        const object = edits.reduce<unknown>(
          (so, { path, value }) => put(so, path.split("."), value),
          structuredClone(before),
        );
        const after = write(before, object, { user, known });
        if (!after) return;
        const { decisions } = before.spec;
        // Nothing that counts was changed.
        if (after.spec.decisions.length === decisions.length) return expect(after.spec).toEqual(before.spec);
        expect(user.username).not.toMatch(/dana|mallory|controller/);
        expect(after.spec.decisions).toHaveLength(decisions.length + 1);
        expect(after.spec.decisions.slice(0, -1)).toEqual(decisions);
        expect(authenticDecisions(after, KEYS).at(-1)).toMatchObject({ by: user.username, policies: ["production"] });
        expect({ ...after.spec, decisions: [] }).toEqual({ ...before.spec, decisions: [] });
        expect(after.metadata.labels ?? {}).toEqual(before.metadata.labels ?? {});
      }),
      { numRuns: 2_000 },
    );
  });
});

/** With a value at that path, where there is anything to put it into. */
function put(target: unknown, [name = "", ...rest]: readonly string[], value: unknown): unknown {
  if (typeof target !== "object" || target === null) return target;
  const members = target as Record<string, unknown>;
  if (rest.length > 0) put(members[name], rest, value);
  else if (value === undefined && !Array.isArray(target)) delete members[name];
  else if (!Array.isArray(target) || Number(name) <= target.length) members[name] = value;
  return target;
}
