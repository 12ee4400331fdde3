import { Optional } from "@marcbachmann/cel-js";
import type { ValidationRule } from "../../../api/json-schema.ts";
import { compileRuleExpression, type Expression, usesOldSelf } from "../../../cel/expression.ts";
import type { FieldError } from "../../resource.ts";
import { duplicate, forbidden, invalid, invalidWithoutValue, required } from "../field-errors.ts";
import type { CelType } from "./cel-type.ts";
import type { RuleEnvironment } from "./environment.ts";
import { describeRuntimeError } from "./runtime-error.ts";

/** Longer messages of a messageExpression are not used. */
const MAX_MESSAGE_BYTES = 5 * 1024;

/** What a rule is asked about. */
export interface RuleSubject {
  /** Where the value is, as fields of errors are named; empty at the root. */
  readonly path: string;
  readonly value: unknown;
  /** Type of the value's schema, such as `string`, which runtime errors show instead of the value. */
  readonly schemaType: string;
  readonly self: unknown;
  /** Undefined where there is no old value to compare with. */
  readonly oldSelf: unknown;
  /** Whether the value is what it was; then only transition rules count. */
  readonly unchanged: boolean;
}

/** One entry of `x-kubernetes-validations`, compiled. */
export class CompiledRule {
  readonly #rule: ValidationRule;
  readonly #expression: Expression;
  readonly #message: Expression | undefined;
  /** Whether it compares with the old value. Others need not hold for what did not change. */
  readonly isTransition: boolean;
  readonly #isOptional: boolean;

  /** @throws {Error} when the rule does not compile; definitions with such rules are refused before. */
  constructor(rule: ValidationRule, environment: RuleEnvironment, type: CelType) {
    const scope = environment.forSelf(type, rule.optionalOldSelf === true);
    this.#rule = rule;
    this.#expression = compileRuleExpression(scope, rule.rule);
    this.#message =
      rule.messageExpression === undefined ? undefined : compileRuleExpression(scope, rule.messageExpression);
    this.isTransition = usesOldSelf(this.#expression);
    this.#isOptional = rule.optionalOldSelf === true;
  }

  /** Undefined when the rule holds or does not apply. */
  check(subject: RuleSubject): FieldError | undefined {
    if (this.isTransition && subject.oldSelf === undefined && !this.#isOptional) return undefined;
    if (!this.isTransition && subject.unchanged) return undefined;
    const variables = this.#variables(subject);
    try {
      return this.#expression.run(variables) === true ? undefined : this.#failure(subject, variables);
    } catch (error) {
      return invalid(subject.path || "<nil>", subject.schemaType, describeRuntimeError(error, this.#text()));
    }
  }

  #variables({ self, oldSelf }: RuleSubject): { self: unknown; oldSelf: unknown } {
    return { self, oldSelf: this.#isOptional ? Optional.of(oldSelf) : oldSelf };
  }

  #failure({ path, value }: RuleSubject, variables: { self: unknown; oldSelf: unknown }): FieldError {
    const { reason, fieldPath } = this.#rule;
    const at = joinPath(path, fieldPath) || "<nil>";
    const message =
      this.#messageFrom(variables) ?? this.#rule.message?.trim() ?? `failed rule: ${this.#rule.rule.trim()}`;
    switch (reason) {
      case "FieldValueForbidden":
        return forbidden(at, message);
      case "FieldValueRequired":
        return required(at, message);
      case "FieldValueDuplicate":
        return duplicate(at, value);
      default:
        return typeof value === "object" ? invalidWithoutValue(at, message) : invalid(at, value, message);
    }
  }

  /** Undefined where there is no expression, or where it fails or gives nothing to show. */
  #messageFrom(variables: { self: unknown; oldSelf: unknown }): string | undefined {
    if (this.#message === undefined) return undefined;
    try {
      const text = String(this.#message.run(variables)).trim();
      return text === "" || text.includes("\n") || Buffer.byteLength(text) > MAX_MESSAGE_BYTES ? undefined : text;
    } catch {
      // Kubernetes falls back to the fixed message too; the rule's own failure is what counts.
      return undefined;
    }
  }

  #text(): string {
    return this.#rule.message?.trim() || `failed rule: ${this.#rule.rule.trim()}`;
  }
}

/** `fieldPath` is relative to the rule's place, with a leading dot. */
function joinPath(path: string, fieldPath: string | undefined): string {
  if (fieldPath === undefined || fieldPath === "") return path;
  const relative = fieldPath.replaceAll(
    /\['((?:\\.|[^'\\])*)'\]/g,
    (_, name: string) => `.${name.replaceAll(/\\(.)/g, "$1")}`,
  );
  return path === "" ? relative.slice(1) : `${path}${relative}`;
}
