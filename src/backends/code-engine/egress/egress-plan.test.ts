import { describe, expect, it } from "@jest/globals";
import { randomFrom } from "../../../../test/support/random.ts";
import { type EgressRule, type EgressStep, egressSteps } from "./egress-plan.ts";
import { contains, EVERYTHING } from "./egress-ranges.ts";

const rule = (name: string, cidr: string, status?: string): EgressRule => ({ name, cidr, entityTag: "1", status });
const ALLOW_ALL = rule("allow-all", EVERYTHING);

function words(step: EgressStep): string {
  if (step.kind === "delete") return `delete ${step.rule.name}`;
  return step.kind === "change" ? `${step.rule.name} to ${step.cidr}` : `create ${step.name} ${step.cidr}`;
}

describe("the steps from the rules that there are to those that shall be", () => {
  it.each<{ because: string; rules: EgressRule[]; ranges: string[]; others?: string[]; want: string[] }>([
    { because: "nothing is to be done", rules: [rule("x", "10.20.0.0/16")], ranges: ["10.20.0.0/16"], want: [] },
    { because: "a closed project has no rules", rules: [ALLOW_ALL], ranges: [], want: ["delete allow-all"] },
    {
      because: "what opens everything becomes the first range, which is never closed on the way",
      rules: [ALLOW_ALL],
      ranges: ["10.20.0.0/16", "192.0.2.1/32"],
      want: ["allow-all to 10.20.0.0/16", "create slipway-1 192.0.2.1/32"],
    },
    {
      because: "a rule is changed where it and a range contain one another",
      rules: [rule("a", "10.20.0.0/16"), rule("b", "192.0.2.1/32")],
      ranges: ["10.20.5.0/24", "192.0.2.0/24"],
      want: ["a to 10.20.5.0/24", "b to 192.0.2.0/24"],
    },
    {
      because: "several within one range become that one, and the others make room first",
      rules: [rule("a", "10.20.1.0/24"), rule("b", "10.20.2.0/24")],
      ranges: ["10.20.0.0/16"],
      want: ["delete b", "a to 10.20.0.0/16"],
    },
    {
      because: "what others added goes",
      rules: [rule("slipway-1", "10.20.0.0/16"), rule("mine", "198.51.100.0/24")],
      ranges: ["10.20.0.0/16"],
      want: ["delete mine"],
    },
    {
      because: "a narrower one beneath a wider one goes before the wider one moves",
      rules: [rule("a", "10.0.0.0/8"), rule("b", "10.20.0.0/16")],
      ranges: ["10.20.5.0/24", "10.30.0.0/16"],
      want: ["delete b", "a to 10.20.5.0/24", "create slipway-1 10.30.0.0/16"],
    },
    {
      because: "two of the same range are one too many",
      rules: [rule("a", "10.20.0.0/16"), rule("b", "10.20.0.0/16")],
      ranges: ["10.20.0.0/16"],
      want: ["delete b"],
    },
    {
      because: "one that failed is made anew",
      rules: [rule("a", "10.20.0.0/16", "failed")],
      ranges: ["10.20.0.0/16"],
      want: ["delete a", "create slipway-1 10.20.0.0/16"],
    },
    {
      because: "a range may be written with bits behind its prefix",
      rules: [rule("a", "10.20.3.4/16")],
      ranges: ["10.20.0.0/16"],
      want: [],
    },
    {
      because: "everything takes the place of all others by itself",
      rules: [rule("allow-all", "10.20.0.0/16"), rule("b", "192.0.2.1/32")],
      ranges: [EVERYTHING],
      want: ["allow-all to 0.0.0.0/0"],
    },
    {
      because: "everything is open by the rule's usual name",
      rules: [],
      ranges: [EVERYTHING],
      want: ["create allow-all 0.0.0.0/0"],
    },
    {
      because: "names are free that no destination of any type has",
      rules: [rule("slipway-1", "10.20.0.0/16")],
      others: ["slipway-2", "allow-all"],
      ranges: ["10.20.0.0/16", "192.0.2.1/32"],
      want: ["create slipway-3 192.0.2.1/32"],
    },
  ])("$because", ({ rules, ranges, others = [], want }) => {
    const taken = new Set([...rules.map(({ name }) => name), ...others]);
    expect(egressSteps(rules, ranges, taken).map(words)).toEqual(want);
  });

  it("never open more than before and after, meet no refusal, and end with what shall be", () => {
    const random = randomFrom(20_261_121);
    for (let round = 0; round < 2_000; round++) {
      const before = acceptedRules(random);
      const ranges = disjoint(Array.from({ length: pick(random, 5) }, () => anyRange(random))).sort();
      const steps = egressSteps(before, ranges, new Set(before.map(({ name }) => name)));
      const project = new Map(before.map(({ name, cidr }) => [name, cidr]));
      const allowed = [...before.map(({ cidr }) => cidr), ...ranges];
      for (const step of steps) {
        apply(project, step);
        for (const open of project.values()) expect(allowed.some((range) => contains(range, open))).toBe(true);
      }
      expect([...project.values()].sort()).toEqual(ranges);
    }
  });
});

/** As Code Engine does, and stricter: a range that contains another rule's is refused like one within it. */
function apply(project: Map<string, string>, step: EgressStep): void {
  if (step.kind === "delete") {
    expect(project.delete(step.rule.name)).toBe(true);
    return;
  }
  const name = step.kind === "change" ? step.rule.name : step.name;
  expect(project.has(name)).toBe(step.kind === "change");
  if (step.cidr === EVERYTHING) project.clear();
  for (const [other, cidr] of project) {
    if (other !== name) expect([contains(cidr, step.cidr), contains(step.cidr, cidr)]).toEqual([false, false]);
  }
  project.set(name, step.cidr);
}

/** Rules as a project may have them: none was added within another, but a wider one may have come later. */
function acceptedRules(random: () => number): EgressRule[] {
  if (pick(random, 6) === 0) return [ALLOW_ALL];
  const ranges = new Set<string>();
  for (let count = pick(random, 5); count > 0; count--) {
    const range = anyRange(random);
    if (![...ranges].some((other) => contains(other, range))) ranges.add(range);
  }
  return [...ranges].map((cidr, at) => rule(`slipway-${at + 1}`, cidr));
}

function disjoint(ranges: readonly string[]): string[] {
  const distinct = [...new Set(ranges)];
  return distinct.filter((range) => !distinct.some((other) => other !== range && contains(other, range)));
}

/** Few bits vary, so that ranges meet. */
function anyRange(random: () => number): string {
  if (pick(random, 12) === 0) return EVERYTHING;
  const [a, b] = [pick(random, 4), pick(random, 4)];
  return [`10.0.0.0/8`, `10.${a}.0.0/16`, `10.${a}.${b}.0/24`, `10.${a}.${b}.1/32`][pick(random, 4)] ?? EVERYTHING;
}

function pick(random: () => number, below: number): number {
  return Math.floor(random() * below);
}
