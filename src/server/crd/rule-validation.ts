import type { JsonSchema, ValidationRule } from "../../api/json-schema.ts";
import { describeCompileError } from "../../cel/compile-error.ts";
import { compileRuleExpression, type Expression, usesOldSelf } from "../../cel/expression.ts";
import type { FieldError } from "../resource.ts";
import type { CelType } from "../schema/cel/cel-type.ts";
import { maxCost } from "../schema/cel/cost.ts";
import { RuleEnvironment } from "../schema/cel/environment.ts";
import { hasRules } from "../schema/cel/rule-set.ts";
import { invalid, notSupported, required } from "../schema/field-errors.ts";
import { GoStruct } from "../schema/go-format.ts";
import { CostBudget } from "./cost-budget.ts";
import { isFieldPath } from "./rule-field-path.ts";

const REASONS = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
const MAX_MESSAGE = 2048;

/** Everything that is wrong with the rules of a kind's schema: form, types, and what they could cost. */
export function ruleErrors(schema: JsonSchema, path: string): FieldError[] {
  if (!hasRules(schema)) return [];
  const environment = new RuleEnvironment();
  environment.types.typeOf(schema, true);
  const budget = new CostBudget();
  const errors = visit(schema, path, { environment, budget, cardinality: 1 });
  return [...errors, ...budget.errors(path)];
}

interface Walk {
  readonly environment: RuleEnvironment;
  readonly budget: CostBudget;
  /** How many values of the schema one object can have. */
  readonly cardinality: number;
  /** The highest schema whose parts cannot be told apart between two versions of an object. */
  readonly uncorrelatable?: string;
}

function visit(schema: JsonSchema, path: string, walk: Walk): FieldError[] {
  if (!hasRules(schema)) return [];
  const errors = ownErrors(schema, path, walk);
  const members = schema["x-kubernetes-map-type"] === "atomic" ? uncorrelatable(walk, path) : walk;
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    errors.push(...visit(property, `${path}.properties[${name}]`, members));
  }
  const type = walk.environment.types.typeOf(schema);
  const size = type?.kind === "list" || type?.kind === "map" ? type.maxSize : 1;
  const below = { cardinality: walk.cardinality * size };
  if (schema.items !== undefined) {
    const items = schema["x-kubernetes-list-type"] === "map" ? walk : uncorrelatable(walk, path);
    errors.push(...visit(schema.items, `${path}.items`, { ...items, ...below }));
  }
  const { additionalProperties } = schema;
  if (typeof additionalProperties === "object") {
    errors.push(...visit(additionalProperties, `${path}.additionalProperties`, { ...members, ...below }));
  }
  return errors;
}

const uncorrelatable = (walk: Walk, path: string): Walk => ({ uncorrelatable: path, ...walk });

function ownErrors(schema: JsonSchema, path: string, walk: Walk): FieldError[] {
  const rules = schema["x-kubernetes-validations"] ?? [];
  if (rules.length === 0) return [];
  const at = `${path}.x-kubernetes-validations`;
  const type = walk.environment.types.typeOf(schema);
  if (type === undefined) return [invalid(at, "", "rules need a schema that says what the value is")];
  return rules.flatMap((rule, index) => {
    const place = `${at}[${index}]`;
    const form = formErrors(rule, schema, place);
    return form.length > 0 ? form : compileErrors(rule, type, place, walk);
  });
}

function formErrors(rule: ValidationRule, schema: JsonSchema, at: string): FieldError[] {
  const { message = "", reason, fieldPath } = rule;
  const text = (rule.rule ?? "").trim();
  const errors: FieldError[] = [];
  if (text === "") errors.push(required(`${at}.rule`, "rule is not specified"));
  else if (text.includes("\n") && message === "" && rule.messageExpression === undefined) {
    errors.push(required(`${at}.message`, "message must be specified if rule contains line breaks"));
  }
  if (rule.message !== undefined && message.trim() === "") {
    errors.push(invalid(`${at}.message`, message, "message must be non-empty if specified"));
  } else if (message.includes("\n")) errors.push(invalid(`${at}.message`, message, "must not contain line breaks"));
  else if (message.length > MAX_MESSAGE) {
    errors.push(
      invalid(`${at}.message`, message.slice(0, 10), "message must have a maximum length of 2048 characters"),
    );
  }
  if (reason !== undefined && !REASONS.includes(reason)) errors.push(notSupported(`${at}.reason`, reason, REASONS));
  if (fieldPath !== undefined && fieldPath !== "" && !isFieldPath(fieldPath, schema)) {
    errors.push(invalid(`${at}.fieldPath`, fieldPath, "must be a valid path"));
  }
  return errors;
}

function compileErrors(rule: ValidationRule, type: CelType, at: string, walk: Walk): FieldError[] {
  const scope = walk.environment.forSelf(type, rule.optionalOldSelf === true);
  const compile = (text: string, place: string): Expression | FieldError => {
    try {
      return compileRuleExpression(scope, text);
    } catch (error) {
      return invalid(place, printed(rule), `compilation failed: ${describeCompileError(error, text)}`);
    }
  };
  const expression = compile(rule.rule, `${at}.rule`);
  if (!("run" in expression)) return [expression];
  if (expression.type !== "bool" && expression.type !== "dyn") {
    return [invalid(`${at}.rule`, printed(rule), "cel expression must evaluate to a bool")];
  }
  const errors: FieldError[] = [];
  const isTransition = usesOldSelf(expression);
  if (isTransition && walk.uncorrelatable !== undefined) {
    const because = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${walk.uncorrelatable}`;
    errors.push(invalid(`${at}.rule`, rule.rule, because));
  }
  if (rule.optionalOldSelf !== undefined && !isTransition) {
    const because = "may not be set if oldSelf is not used in rule";
    errors.push(invalid(`${at}.optionalOldSelf`, rule.optionalOldSelf, because));
  }
  walk.budget.add(`${at}.rule`, "rule", maxCost(expression.ast, type) * walk.cardinality);
  if (rule.messageExpression !== undefined) {
    const message = compile(rule.messageExpression, `${at}.messageExpression`);
    if (!("run" in message)) errors.push(message);
    else if (message.type !== "string" && message.type !== "dyn") {
      const because = "messageExpression must evaluate to a string";
      errors.push(invalid(`${at}.messageExpression`, printed(rule), because));
    } else {
      const cost = maxCost(message.ast, type) * walk.cardinality;
      walk.budget.add(`${at}.messageExpression`, "messageExpression", cost);
    }
  }
  return errors;
}

/** A rule as Kubernetes prints it in errors. */
function printed({ rule, message, messageExpression, reason, fieldPath, optionalOldSelf }: ValidationRule): GoStruct {
  return new GoStruct({
    Rule: rule,
    Message: message ?? "",
    MessageExpression: messageExpression ?? "",
    Reason: reason ?? null,
    FieldPath: fieldPath ?? "",
    OptionalOldSelf: optionalOldSelf ?? null,
  });
}
