import type { FieldError } from "../resource.ts";
import { forbidden } from "../schema/field-errors.ts";

/** kube-apiserver's limits for one expression, and for all of a schema together. */
const EXPRESSION_LIMIT = 10_000_000;
const SCHEMA_LIMIT = 100_000_000;
/** How many of the most expensive expressions are named when the whole is too expensive. */
const NAMED_EXPRESSIONS = 4;
const REMEDY =
  "(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)";

/** Adds up what the rules of a schema could cost in the worst case. */
export class CostBudget {
  readonly #expressions: { path: string; what: string; cost: number }[] = [];

  add(path: string, what: "rule" | "messageExpression", cost: number): void {
    this.#expressions.push({ path, what, cost });
  }

  /** `root` names the schema. */
  errors(root: string): FieldError[] {
    const errors = this.#expressions
      .filter(({ cost }) => cost > EXPRESSION_LIMIT)
      .map(({ path, what, cost }) =>
        forbidden(
          path,
          `estimated ${what} cost exceeds budget by factor of ${factor(cost, EXPRESSION_LIMIT)} ${REMEDY}`,
        ),
      );
    const total = this.#expressions.reduce((sum, { cost }) => sum + cost, 0);
    if (total <= SCHEMA_LIMIT) return errors;
    const expensive = [...this.#expressions].sort((a, b) => b.cost - a.cost).slice(0, NAMED_EXPRESSIONS);
    for (const { path } of expensive.filter(({ cost }) => cost > SCHEMA_LIMIT / 100)) {
      const because = "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
      errors.push(forbidden(path, because));
    }
    const because = `x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema exceeds budget by factor of ${factor(total, SCHEMA_LIMIT)} ${REMEDY}`;
    return [...errors, forbidden(root, because)];
  }
}

function factor(cost: number, limit: number): string {
  const times = cost / limit;
  if (times > 100) return "more than 100x";
  return times < 1.5 ? `${times.toFixed(6)}x` : `${times.toFixed(1)}x`;
}
