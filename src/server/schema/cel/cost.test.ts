import { expect, it } from "@jest/globals";
import type { JsonSchema } from "../../../api/json-schema.ts";
import { compileRuleExpression } from "../../../cel/expression.ts";
import { maxCost } from "./cost.ts";
import { RuleEnvironment } from "./environment.ts";

/** kube-apiserver's budget for one rule. */
const BUDGET = 10_000_000;

function costOf(schema: JsonSchema, rule: string): number {
  const environment = new RuleEnvironment();
  const type = environment.types.typeOf(schema);
  if (type === undefined) throw new Error("the schema has no type");
  return maxCost(compileRuleExpression(environment.forSelf(type, false), rule).ast, type);
}

const list = (maxItems?: number): JsonSchema => ({
  type: "array",
  items: { type: "string", maxLength: 10 },
  ...(maxItems === undefined ? {} : { maxItems }),
});

it.each([
  { because: "a bounded list is cheap", schema: list(10), rule: "self.all(x, x != '')", affordable: true },
  {
    because: "pairs of a bounded list are",
    schema: list(100),
    rule: "self.all(x, self.all(y, x != y))",
    affordable: true,
  },
  {
    because: "an unbounded list is not, in pairs",
    schema: list(),
    rule: "self.all(x, self.all(y, x != y))",
    affordable: false,
  },
  {
    because: "a short text may match",
    schema: { type: "string", maxLength: 253 },
    rule: "self.matches('^[a-z]+$')",
    affordable: true,
  },
  {
    because: "a number's text has no bound",
    schema: { type: "integer" },
    rule: "('n' + string(self)) != ''",
    affordable: false,
  },
  {
    because: "the better branch does not count",
    schema: list(),
    rule: "true ? self.all(x, self.exists(y, x == y)) : true",
    affordable: false,
  },
  {
    because: "what macros make has the size of its source",
    schema: list(5),
    rule: "self.map(x, x + x).all(x, x != '')",
    affordable: true,
  },
] satisfies { because: string; schema: JsonSchema; rule: string; affordable: boolean }[])(
  "$because",
  ({ schema, rule, affordable }) => {
    expect(costOf(schema, rule) <= BUDGET).toBe(affordable);
  },
);

it("grows with the bound", () => {
  const rule = "self.all(x, x.contains('a'))";
  expect(costOf(list(100), rule)).toBeGreaterThan(5 * costOf(list(10), rule));
});
