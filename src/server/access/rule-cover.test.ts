import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { PolicyRule } from "./rbac.ts";
import { compactRules, formatRule, missingRules } from "./rule-cover.ts";
import { RuleTable } from "./rule-table.ts";

const some = <T>(...values: T[]) => fc.subarray(values, { minLength: 1 });
const one = <T>(...values: T[]) => fc.constantFrom(...values);

const rules: fc.Arbitrary<PolicyRule[]> = fc.array(
  fc.oneof(
    fc.record({
      verbs: some("get", "list", "*"),
      apiGroups: some("", "apps", "*"),
      resources: some("pods", "pods/log", "jobs/log", "*/log", "*"),
      resourceNames: fc.oneof(fc.constant([]), some("x", "y")),
    }),
    fc.record({ verbs: some("get", "post", "*"), nonResourceURLs: some("/a", "/a/*", "/a/b", "/a/b*", "*") }),
  ),
  { maxLength: 4 },
);

const requests = fc.oneof(
  fc.record({
    kind: fc.constant("resource" as const),
    verb: one("get", "list", "delete"),
    group: one("", "apps", "batch"),
    version: fc.constant("v1"),
    resource: one("pods", "jobs"),
    subresource: one("", "log", "status"),
    namespace: fc.constant("n"),
    name: one("", "x", "z"),
  }),
  fc.record({
    kind: fc.constant("path" as const),
    verb: one("get", "post"),
    path: one("/a", "/a/b", "/a/bc", "/a/c", "/d"),
  }),
);

function tableOf(granted: readonly PolicyRule[]): RuleTable {
  const table = new RuleTable();
  table.add(granted, "test");
  return table;
}

describe("missingRules", () => {
  it("finds none only where everything wanted is held: nobody can gain a right by granting it", () => {
    fc.assert(
      fc.property(rules, rules, fc.array(requests, { minLength: 5, maxLength: 20 }), (held, wanted, list) => {
        fc.pre(missingRules(held, wanted).length === 0);
        const [owner, granted] = [tableOf(held), tableOf(wanted)];
        for (const request of list) {
          if (granted.sourceOf(request)) expect([request, owner.sourceOf(request)]).toEqual([request, "test"]);
        }
      }),
      { numRuns: 300, maxSkipsPerRun: 1000 },
    );
  });

  it("closes the gap: what was held and what was missing give all that was wanted", () => {
    fc.assert(
      fc.property(rules, rules, (held, wanted) => {
        expect(missingRules([...held, ...missingRules(held, wanted)], wanted)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it("finds nothing missing of what is held", () => {
    fc.assert(fc.property(rules, (held) => expect(missingRules(held, held)).toEqual([])));
  });
});

describe("a message about rules", () => {
  it("joins verbs of one resource, and leaves names and paths apart", () => {
    const parts: PolicyRule[] = [
      { verbs: ["get"], apiGroups: ["apps"], resources: ["jobs"] },
      { verbs: ["get"], apiGroups: ["apps"], resources: ["jobs"], resourceNames: ["j"] },
      { verbs: ["list"], apiGroups: ["apps"], resources: ["jobs"] },
      { verbs: ["get"], nonResourceURLs: ["/a"] },
    ];
    expect(compactRules(parts).map(formatRule)).toEqual([
      '{APIGroups:["apps"], Resources:["jobs"], ResourceNames:["j"], Verbs:["get"]}',
      '{NonResourceURLs:["/a"], Verbs:["get"]}',
      '{APIGroups:["apps"], Resources:["jobs"], Verbs:["get" "list"]}',
    ]);
  });
});
