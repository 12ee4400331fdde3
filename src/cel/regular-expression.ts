import { RE2JS } from "re2js";

/** Whether some part of the text matches. Takes time linear in the text, whatever the expression. */
export type TextMatcher = (text: string) => boolean;

/** Bound of the matchers that are kept; they are few, since they come from definitions. */
const CACHE_LIMIT = 4_096;
const compiled = new Map<string, RE2JS>();

/**
 * Regular expressions in the syntax of RE2, as Kubernetes takes them in `pattern` and in CEL. JavaScript's own engine
 * differs in syntax, and needs exponential time for some expressions.
 * @throws {Error} when the expression is not valid; the message says why.
 */
export function compileExpression(source: string): RE2JS {
  const known = compiled.get(source);
  if (known !== undefined) return known;
  const expression = RE2JS.compile(source);
  if (compiled.size >= CACHE_LIMIT) compiled.clear();
  compiled.set(source, expression);
  return expression;
}

/** Compiles when first used. An expression that is not valid matches nothing; definitions with one are refused before. */
export function patternMatcher(source: string): TextMatcher {
  let expression: RE2JS | undefined;
  return (text) => {
    expression ??= compileExpression(source);
    return expression.test(text);
  };
}

/** What is wrong with an expression; undefined when nothing is. */
export function expressionError(source: string): string | undefined {
  try {
    compileExpression(source);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
