import type { ASTNode, Environment } from "@marcbachmann/cel-js";
import type { JsonSchema } from "../../../api/json-schema.ts";
import { describeCompileError } from "../../../cel/compile-error.ts";
import { childrenOf, compileExpression, type Expression } from "../../../cel/expression.ts";
import { CelTypes, typeName } from "../../schema/cel/cel-type.ts";
import { ValueConverter } from "../../schema/cel/cel-value.ts";
import { baseEnvironment, registerObjectType } from "../../schema/cel/environment.ts";
import { type CelAuthorizer, registerAuthorizer } from "./authorizer-library.ts";
import type { MatchCondition } from "./configuration.ts";

/** What conditions are asked about: parts of an AdmissionReview's request. */
export interface ConditionSubject {
  readonly object: unknown;
  readonly oldObject: unknown;
  /** The request without both. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly authorizer: CelAuthorizer;
}

export type ConditionOutcome =
  | { readonly matches: boolean }
  /** Some condition failed, and none was false. */
  | { readonly error: string };

/** As kube-apiserver's `RuntimeCELCostBudgetMatchConditions`: about one for each step of one webhook's conditions. */
const COST_BUDGET = 2_500_000;

const text: JsonSchema = { type: "string" };
const object = (properties: Record<string, JsonSchema>): JsonSchema => ({ type: "object", properties });
const texts: JsonSchema = { type: "array", items: text };
const kind = object({ group: text, version: text, kind: text });
const resource = object({ group: text, version: text, resource: text });

/** `kubernetes.AdmissionRequest` as CEL knows it. */
const REQUEST: JsonSchema = object({
  kind,
  resource,
  subResource: text,
  requestKind: kind,
  requestResource: resource,
  requestSubResource: text,
  name: text,
  namespace: text,
  operation: text,
  userInfo: object({
    username: text,
    uid: text,
    groups: texts,
    extra: { type: "object", additionalProperties: texts },
  }),
  dryRun: { type: "boolean" },
  // Of any kind of options, so of any type.
  options: { "x-kubernetes-int-or-string": true },
});

const types = new CelTypes();
const values = new ValueConverter();
let shared: Environment | undefined;

function conditionEnvironment(): Environment {
  if (shared !== undefined) return shared;
  const environment = baseEnvironment().clone();
  const request = types.typeOf(REQUEST);
  for (const type of types.objects) registerObjectType(environment, type, values);
  environment
    .registerVariable("object", "dyn")
    .registerVariable("oldObject", "dyn")
    .registerVariable("request", request === undefined ? "dyn" : typeName(request));
  registerAuthorizer(environment);
  shared = environment;
  return environment;
}

interface Variables {
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly request: unknown;
  readonly authorizer: CelAuthorizer;
}

/** Why an expression cannot be a condition, in kube-apiserver's words; undefined when it can. */
export function conditionProblem(expression: string): string | undefined {
  try {
    const compiled = compileExpression<Variables>(conditionEnvironment(), expression);
    return isBoolean(compiled) ? undefined : "must evaluate to bool";
  } catch (error) {
    return `compilation failed: ${describeCompileError(error, expression)}`;
  }
}

/** cel-go insists on bool; a bare field is of any type, and what cel-js cannot tell may be one. */
function isBoolean({ type, ast }: Expression<Variables>): boolean {
  return type === "bool" || (type === "dyn" && (ast.op === "call" || ast.op === "rcall" || ast.op === "?:"));
}

interface Condition {
  readonly source: string;
  /** Undefined where it does not compile, as one that another release has stored. */
  readonly expression: Expression<Variables> | undefined;
}

/** The conditions of one webhook, compiled. Any that is false decides; only then errors count. */
export class MatchConditions {
  readonly #conditions: readonly Condition[];

  constructor(conditions: readonly MatchCondition[]) {
    this.#conditions = conditions.map(({ expression }) => {
      const source = expression.trim();
      const isSound = conditionProblem(source) === undefined;
      return { source, expression: isSound ? compileExpression(conditionEnvironment(), source) : undefined };
    });
  }

  evaluate(subject: ConditionSubject): ConditionOutcome {
    if (this.#conditions.length === 0) return { matches: true };
    const dynamic = { kind: "dyn" } as const;
    const request = types.typeOf(REQUEST);
    const variables: Variables = {
      object: values.convert(dynamic, subject.object ?? null),
      oldObject: values.convert(dynamic, subject.oldObject ?? null),
      request: request === undefined ? null : values.convert(request, subject.request),
      authorizer: subject.authorizer,
    };
    const errors = new Set<string>();
    let budget = COST_BUDGET;
    for (const { expression, source } of this.#conditions) {
      if (expression === undefined) {
        errors.add(`expression '${source}' resulted in error: compilation failed`);
        continue;
      }
      budget -= maxSteps(expression.ast, subject);
      const result = budget < 0 ? OVER_BUDGET : run(expression, source, variables);
      if (result === false) return { matches: false };
      if (result !== true) errors.add(result);
    }
    const [first, ...others] = errors;
    if (first === undefined) return { matches: true };
    return { error: others.length === 0 ? first : `[${[...errors].join(", ")}]` };
  }
}

const OVER_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run";

function run(expression: Expression<Variables>, source: string, variables: Variables): boolean | string {
  try {
    const result = expression.run(variables);
    return typeof result === "boolean" ? result : `expression '${source}' resulted in error: not a bool`;
  } catch (error) {
    const { summary, message } = error as Error & { summary?: string };
    return `expression '${source}' resulted in error: ${(summary ?? message).replace(/^No such key/, "no such key")}`;
  }
}

/**
 * cel-js does not count while it runs, so this bounds beforehand: each level of macros runs at most as often as the
 * longest list or map has entries.
 */
function maxSteps(ast: ASTNode, subject: ConditionSubject): number {
  const { nodes, depth } = shapeOf(ast);
  if (depth === 0) return nodes;
  const longest = Math.max(1, longestIn(subject.object), longestIn(subject.oldObject), longestIn(subject.request));
  return nodes * longest ** depth;
}

const MACROS = new Set(["all", "exists", "exists_one", "map", "filter"]);

function shapeOf(node: ASTNode): { nodes: number; depth: number } {
  const parts = childrenOf(node).map(shapeOf);
  const own = node.op === "rcall" && MACROS.has(node.args[0]) ? 1 : 0;
  return {
    nodes: 1 + parts.reduce((sum, { nodes }) => sum + nodes, 0),
    depth: own + Math.max(0, ...parts.map(({ depth }) => depth)),
  };
}

function longestIn(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const items = Object.values(value);
  return items.reduce((longest: number, item) => Math.max(longest, longestIn(item)), items.length);
}
