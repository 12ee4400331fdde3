import { isObject } from "../schema/schema-node.ts";

/** Finds the values that a path leads to in an object; empty when there are none. */
export type JsonPath = (object: unknown) => unknown[];

type Step = (value: unknown, found: unknown[]) => void;

/**
 * Compiles the JSONPath of printer columns and selectable fields, as client-go's jsonpath reads it: `.spec.a`, `.a\.b`,
 * `['a','b']`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `.*`, `..name` and filters such as `[?(@.type=="Ready")]`. Missing keys lead
 * nowhere. @throws {SyntaxError} when the path is not understood.
 */
export function compileJsonPath(path: string): JsonPath {
  const steps = new PathParser(path).parse();
  return (object) => {
    let values: unknown[] = [object];
    for (const step of steps) {
      const found: unknown[] = [];
      for (const value of values) step(value, found);
      values = found;
      if (values.length === 0) break;
    }
    return values;
  };
}

const FIELD = /(?:\\.|[^.[\]\\])+/y;
const QUOTED = /'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)"/y;
const FILTER = /^\?\(\s*(.+?)\s*(?:(==|!=|<=|>=|<|>)\s*(.+?)\s*)?\)$/;

class PathParser {
  readonly #path: string;
  #at = 0;

  constructor(path: string) {
    this.#path = path;
  }

  parse(): Step[] {
    const steps: Step[] = [];
    while (this.#at < this.#path.length) {
      if (this.#path.startsWith("..", this.#at)) {
        this.#at += 2;
        steps.push(descend);
        if (this.#path[this.#at] !== "[") steps.push(this.#fieldStep());
      } else if (this.#path[this.#at] === ".") {
        this.#at += 1;
        if (this.#at < this.#path.length && this.#path[this.#at] !== "[") steps.push(this.#fieldStep());
      } else if (this.#path[this.#at] === "[") steps.push(this.#bracketStep());
      else throw new SyntaxError(`unexpected text in path ${JSON.stringify(this.#path)}`);
    }
    return steps;
  }

  #fieldStep(): Step {
    FIELD.lastIndex = this.#at;
    const match = FIELD.exec(this.#path)?.[0];
    if (match === undefined) throw new SyntaxError(`a field name is missing in ${JSON.stringify(this.#path)}`);
    this.#at += match.length;
    return match === "*" ? everything : field(match.replaceAll(/\\(.)/g, "$1"));
  }

  #bracketStep(): Step {
    const text = this.#untilBracket();
    if (text === "*") return everything;
    if (text.startsWith("?")) return filter(text);
    const slice = /^(-?\d*):(-?\d*)$/.exec(text);
    if (slice !== null) return range(slice[1] as string, slice[2] as string);
    const names = quotedNames(text);
    if (names !== undefined) return anyOf(names.map(field));
    const indices = text.split(",").map((part) => part.trim());
    if (!indices.every((index) => /^-?\d+$/.test(index))) {
      throw new SyntaxError(`[${text}] is not understood in ${JSON.stringify(this.#path)}`);
    }
    return anyOf(indices.map((index) => item(Number(index))));
  }

  /** The text up to the closing bracket; brackets in quotes and in filters do not count. */
  #untilBracket(): string {
    const start = this.#at + 1;
    let depth = 0;
    for (let at = start; at < this.#path.length; at += 1) {
      const character = this.#path[at];
      if (character === "'" || character === '"') at = this.#endOfQuote(at);
      else if (character === "[") depth += 1;
      else if (character === "]" && depth > 0) depth -= 1;
      else if (character === "]") {
        this.#at = at + 1;
        return this.#path.slice(start, at).trim();
      }
    }
    throw new SyntaxError(`a bracket is not closed in ${JSON.stringify(this.#path)}`);
  }

  #endOfQuote(start: number): number {
    QUOTED.lastIndex = start;
    const match = QUOTED.exec(this.#path)?.[0];
    if (match === undefined) throw new SyntaxError(`a quote is not closed in ${JSON.stringify(this.#path)}`);
    return start + match.length - 1;
  }
}

function quotedNames(text: string): string[] | undefined {
  const names: string[] = [];
  let at = 0;
  while (at < text.length) {
    QUOTED.lastIndex = at;
    const match = QUOTED.exec(text);
    if (match === null) return undefined;
    names.push((match[1] ?? match[2] ?? "").replaceAll(/\\(.)/g, "$1"));
    const separator = /\s*(?:,\s*)?/y;
    separator.lastIndex = at + match[0].length;
    separator.exec(text);
    at = separator.lastIndex;
  }
  return names.length > 0 ? names : undefined;
}

function field(name: string): Step {
  return (value, found) => {
    if (isObject(value) && Object.hasOwn(value, name)) found.push(value[name]);
  };
}

function item(index: number): Step {
  return (value, found) => {
    if (!Array.isArray(value)) return;
    const at = index < 0 ? value.length + index : index;
    if (at >= 0 && at < value.length) found.push(value[at]);
  };
}

function range(from: string, to: string): Step {
  const start = from === "" ? 0 : Number(from);
  const end = to === "" ? undefined : Number(to);
  return (value, found) => {
    if (Array.isArray(value)) found.push(...value.slice(start, end));
  };
}

function anyOf(steps: readonly Step[]): Step {
  return (value, found) => {
    for (const step of steps) step(value, found);
  };
}

const everything: Step = (value, found) => {
  if (Array.isArray(value)) found.push(...value);
  else if (isObject(value)) found.push(...Object.values(value));
};

const descend: Step = (value, found) => {
  found.push(value);
  for (const inner of Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []) descend(inner, found);
};

type Operand = (value: unknown) => unknown[];

function filter(text: string): Step {
  const match = FILTER.exec(text);
  if (match === null) throw new SyntaxError(`the filter ${text} is not understood`);
  const left = operand(match[1] as string);
  const [, , operator, rightText] = match;
  const right = rightText === undefined ? undefined : operand(rightText);
  return (value, found) => {
    const candidates = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
    for (const candidate of candidates) {
      const [a] = left(candidate);
      if (right === undefined ? a !== undefined : compare(a, operator as string, right(candidate)[0]))
        found.push(candidate);
    }
  };
}

function operand(text: string): Operand {
  if (text.startsWith("@")) return compileJsonPath(text.slice(1));
  const quoted = quotedNames(text);
  if (quoted !== undefined) return () => quoted;
  if (text === "true" || text === "false") return () => [text === "true"];
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return () => [Number(text)];
  throw new SyntaxError(`${text} is not understood in a filter`);
}

function compare(a: unknown, operator: string, b: unknown): boolean {
  if (a === undefined || b === undefined || typeof a !== typeof b) return false;
  if (operator === "==") return a === b;
  if (operator === "!=") return a !== b;
  const [left, right] = [a as number | string, b as number | string];
  if (operator === "<") return left < right;
  if (operator === "<=") return left <= right;
  return operator === ">" ? left > right : left >= right;
}
