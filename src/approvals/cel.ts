import { baseEnvironment } from "../cel/base-environment.ts";
import { describeCompileError } from "../cel/compile-error.ts";
import { compileExpression, type Expression, visitNodes } from "../cel/expression.ts";
import { extentOf } from "../cel/extent.ts";
import { maxSteps } from "../cel/steps.ts";
import { isReviewedMember, type ReviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { ORDINARY_SPEC } from "./ordinary-spec.ts";

/**
 * Steps that one expression may take: some tens of milliseconds. As many as the API server gives one expression of a
 * ValidatingAdmissionPolicy.
 */
const MOST_STEPS = 1_000_000;

interface Compiled {
  /** Undefined where there is a problem. */
  readonly expression: Expression<{ effective: unknown }> | undefined;
  readonly problem: string | undefined;
}

/** Bound of the expressions that are kept; they are few, since they come from policies. */
const CACHE_LIMIT = 1_024;
const compiled = new Map<string, Compiled>();

/** Pure. Why an expression can never be evaluated; undefined: it can. */
export function celProblem(text: string): string | undefined {
  return compile(text).problem;
}

/** Pure. Why an expression asks for approval of what `effectiveForCel` made; undefined: it does not. */
export function celMatch(text: string, effective: unknown): string | undefined {
  const { expression, problem } = compile(text);
  if (!expression) return `cel cannot be evaluated: ${problem}`;
  if (takesTooLong(expression, effective))
    return "cel cannot be evaluated: it could take too many steps with a deployment of this size";
  try {
    const result = expression.run({ effective });
    if (result === false) return undefined;
    return result === true ? "cel is true" : "cel cannot be evaluated: it gives neither true nor false";
  } catch (error) {
    return `cel cannot be evaluated: ${summaryOf(error)}`;
  }
}

/** Pure. As cel-js reads it: whole numbers are integers, and objects have no members but their own. */
export function effectiveForCel(reviewed: ReviewedSpec): unknown {
  return celValue(reviewed);
}

function celValue(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return Object.freeze(value.map(celValue));
  if (typeof value !== "object" || value === null) return value;
  const own: Record<string, unknown> = Object.create(null);
  for (const [name, member] of Object.entries(value)) own[name] = celValue(member);
  return Object.freeze(own);
}

function compile(text: string): Compiled {
  const known = compiled.get(text);
  if (known) return known;
  const made = compileAnew(text);
  if (compiled.size >= CACHE_LIMIT) compiled.clear();
  compiled.set(text, made);
  return made;
}

function compileAnew(text: string): Compiled {
  try {
    const environment = baseEnvironment().clone().registerVariable("effective", "dyn");
    const expression = compileExpression<{ effective: unknown }>(environment, text);
    const problem = problemOf(expression);
    return problem ? { expression: undefined, problem } : { expression, problem };
  } catch (error) {
    return { expression: undefined, problem: describeCompileError(error, text) };
  }
}

function problemOf(expression: Expression<{ effective: unknown }>): string | undefined {
  const { type, ast } = expression;
  if (type !== "bool" && type !== "dyn") return `it gives ${type}, neither true nor false`;
  let unknown: string | undefined;
  visitNodes(ast, (node) => {
    if (node.op !== "." && node.op !== ".?") return;
    const [whole, name] = node.args;
    if (whole.op === "id" && whole.args === "effective" && !isReviewedMember(name)) unknown ??= name;
  });
  if (unknown !== undefined) return `effective has no member ${unknown}`;
  if (!takesTooLong(expression, effectiveForCel(ORDINARY_SPEC))) return undefined;
  return "it could take too many steps: it goes over lists within lists, or over long texts";
}

/** Steps beyond counting are too many. */
function takesTooLong({ ast }: Expression<{ effective: unknown }>, effective: unknown): boolean {
  return !(maxSteps(ast, { effective: extentOf([effective]) }) <= MOST_STEPS);
}

/** Errors of cel-js show the place in the text, too, on lines of their own. */
function summaryOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "summary" in error && typeof error.summary === "string" ? error.summary : error.message;
}
