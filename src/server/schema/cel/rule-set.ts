import type { JsonSchema, ValidationRule } from "../../../api/json-schema.ts";
import { describeCompileError } from "../../../cel/compile-error.ts";
import type { FieldError } from "../../resource.ts";
import { deepEqual } from "../deep-equal.ts";
import { invalid } from "../field-errors.ts";
import { ratchet } from "../ratchet.ts";
import { isObject } from "../schema-node.ts";
import type { CelType } from "./cel-type.ts";
import { RuleEnvironment } from "./environment.ts";
import { CompiledRule } from "./rule.ts";

/** All rules of a schema. */
export interface RuleSet {
  /** The rules that do not hold. `old` is the value before an update. */
  check(value: unknown, old: unknown): FieldError[];
}

/**
 * Undefined for schemas without rules. Rules are compiled when the first object reaches them. `isResource` unless told otherwise:
 * the schema is of whole objects, which have a kind and metadata.
 */
export function compileRules(schema: JsonSchema, { isResource = true } = {}): RuleSet | undefined {
  if (!hasRules(schema)) return undefined;
  const environment = new RuleEnvironment();
  environment.types.typeOf(schema, isResource);
  const root = toNode(schema, environment);
  if (root === undefined) return undefined;
  return {
    check(value, old) {
      const errors: FieldError[] = [];
      root.check({ value, old, path: "", unchanged: false }, errors);
      return errors;
    },
  };
}

/** Whether a rule stands at the schema or anywhere below it. */
export function hasRules(schema: JsonSchema): boolean {
  return (schema["x-kubernetes-validations"] ?? []).length > 0 || childSchemas(schema).some(hasRules);
}

function childSchemas({ properties = {}, items, additionalProperties }: JsonSchema): JsonSchema[] {
  return [
    ...Object.values(properties),
    ...(items === undefined ? [] : [items]),
    ...(typeof additionalProperties === "object" ? [additionalProperties] : []),
  ];
}

type Rule = Pick<CompiledRule, "check" | "isTransition">;

/** A rule that does not compile refuses every object: its author meant to refuse some, and nobody knows which. */
function compile(rule: ValidationRule, environment: RuleEnvironment, type: CelType): Rule {
  try {
    return new CompiledRule(rule, environment, type);
  } catch (error) {
    const because = `rule compile error: compilation failed: ${describeCompileError(error, rule.rule)}`;
    return { isTransition: true, check: ({ path, schemaType }) => invalid(path || "<nil>", schemaType, because) };
  }
}

interface Place {
  readonly value: unknown;
  /** The counterpart in the old object; undefined where there is none. */
  readonly old: unknown;
  readonly path: string;
  /** Whether something above is as it was. */
  readonly unchanged: boolean;
}

class RuleNode {
  readonly #schema: JsonSchema;
  readonly #environment: RuleEnvironment;
  readonly #type: CelType | undefined;
  readonly #fields: ReadonlyMap<string, RuleNode>;
  readonly #others: RuleNode | undefined;
  readonly #items: RuleNode | undefined;
  #rules: readonly Rule[] | undefined;
  /** Those that count for what did not change. */
  #transitionRules: readonly Rule[] | undefined;

  constructor(schema: JsonSchema, environment: RuleEnvironment) {
    this.#schema = schema;
    this.#environment = environment;
    this.#type = environment.types.typeOf(schema);
    const fields = new Map<string, RuleNode>();
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const node = toNode(property, environment);
      if (node !== undefined) fields.set(name, node);
    }
    this.#fields = fields;
    const { additionalProperties, items } = schema;
    this.#others = typeof additionalProperties === "object" ? toNode(additionalProperties, environment) : undefined;
    this.#items = items === undefined ? undefined : toNode(items, environment);
  }

  check(place: Place, errors: FieldError[]): void {
    const { value, old } = place;
    if (value === null || value === undefined) return;
    const unchanged = place.unchanged || (old !== undefined && deepEqual(value, old));
    this.#checkOwn({ ...place, unchanged }, errors);
    if (Array.isArray(value)) this.#checkItems(value, { ...place, unchanged }, errors);
    else if (isObject(value)) this.#checkFields(value, { ...place, unchanged }, errors);
  }

  #checkOwn({ value, old, path, unchanged }: Place, errors: FieldError[]): void {
    const rules = unchanged ? this.#transitions() : this.#compiled();
    if (rules.length === 0 || this.#type === undefined) return;
    const { values } = this.#environment;
    const self = values.convert(this.#type, value);
    const oldSelf = old === undefined || old === null ? undefined : values.convert(this.#type, old);
    const schemaType = this.#schema.type ?? "";
    for (const rule of rules) {
      const error = rule.check({ path, value, schemaType, self, oldSelf, unchanged });
      if (error !== undefined) errors.push(error);
    }
  }

  #compiled(): readonly Rule[] {
    const type = this.#type;
    this.#rules ??=
      type === undefined
        ? []
        : (this.#schema["x-kubernetes-validations"] ?? []).map((rule) => compile(rule, this.#environment, type));
    return this.#rules;
  }

  #transitions(): readonly Rule[] {
    this.#transitionRules ??= this.#compiled().filter(({ isTransition }) => isTransition);
    return this.#transitionRules;
  }

  #checkItems(list: readonly unknown[], { old, path, unchanged }: Place, errors: FieldError[]): void {
    if (this.#items === undefined) return;
    for (const [index, item] of list.entries()) {
      const counterpart = ratchet.enter(old, list, this.#schema, index);
      this.#items.check({ value: item, old: counterpart, path: `${path}[${index}]`, unchanged }, errors);
    }
  }

  #checkFields(object: Record<string, unknown>, { old, path, unchanged }: Place, errors: FieldError[]): void {
    for (const [name, node] of this.#fields) {
      if (!Object.hasOwn(object, name)) continue;
      const below = path === "" ? name : `${path}.${name}`;
      node.check({ value: object[name], old: fieldOf(old, name), path: below, unchanged }, errors);
    }
    if (this.#others === undefined) return;
    for (const key of Object.keys(object)) {
      if (this.#fields.has(key)) continue;
      this.#others.check({ value: object[key], old: fieldOf(old, key), path: `${path}[${key}]`, unchanged }, errors);
    }
  }
}

function fieldOf(value: unknown, key: string): unknown {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** Undefined where neither the schema nor anything below it has rules. */
function toNode(schema: JsonSchema, environment: RuleEnvironment): RuleNode | undefined {
  return hasRules(schema) ? new RuleNode(schema, environment) : undefined;
}
