import { noteWholeFraction } from "./whole-fraction.ts";

/** Where a body stopped being what it claims to be. `message` is what Go's decoder says, since clients show it as it is. */
export class BodySyntaxError extends Error {
  override readonly name = "BodySyntaxError";
}

/** Deeper documents are refused: code that walks objects recurses. (kube-apiserver stops at 10,000.) */
export const MAX_DEPTH = 1_000;

export interface ParsedJson {
  readonly value: unknown;
  /** Paths of the keys that occur twice in one object, each once: `spec.image`. The last value wins. */
  readonly duplicates: readonly string[];
}

/**
 * Parses JSON as strictly as kube-apiserver, and reports duplicate keys. Numbers are JavaScript's: integers beyond 2⁵³ lose
 * precision, as they do in every other JavaScript client.
 * @throws {BodySyntaxError}
 */
export function parseJson(text: string): ParsedJson {
  return parsePlain(text) ?? new JsonParser(text).parse();
}

/**
 * Most clients send compact JSON without surprises. If the parsed value prints as the very same text, then nothing was
 * lost: there is no duplicate key and no number that JavaScript cannot hold.
 */
function parsePlain(text: string): ParsedJson | undefined {
  if (text.includes("__proto__") || countBrackets(text) > MAX_DEPTH) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const body = text.endsWith("\n") ? text.slice(0, -1) : text;
    return JSON.stringify(value) === body ? { value, duplicates: [] } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** An upper bound of the nesting, found without looking at single characters. Stops counting beyond the limit. */
function countBrackets(text: string): number {
  let count = 0;
  for (const bracket of ["{", "["]) {
    for (let at = text.indexOf(bracket); at >= 0 && count <= MAX_DEPTH; at = text.indexOf(bracket, at + 1)) count += 1;
  }
  return count;
}

const QUOTE = 34;
const BACKSLASH = 92;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** How Go's ParseInt tells one from an integer. */
const FRACTION = /[.eE]/;
const LITERALS: Readonly<Record<string, { text: string; value: unknown }>> = {
  t: { text: "true", value: true },
  f: { text: "false", value: false },
  n: { text: "null", value: null },
};

class JsonParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  readonly #duplicates = new Set<string>();

  constructor(text: string) {
    this.#text = text;
  }

  parse(): ParsedJson {
    const value = this.#value("");
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected("after top-level value");
    return { value, duplicates: [...this.#duplicates] };
  }

  #value(path: string): unknown {
    this.#skipSpace();
    const character = this.#text[this.#at];
    if (character === "{") return this.#nested(() => this.#object(path));
    if (character === "[") return this.#nested(() => this.#array(path));
    if (character === '"') return this.#string();
    if (character === "t" || character === "f" || character === "n") return this.#literal(character);
    if (character === "-" || (character !== undefined && character >= "0" && character <= "9")) return this.#number();
    throw this.#unexpected("looking for beginning of value");
  }

  #nested<T>(parse: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw this.#unexpected("exceeded max depth");
    const value = parse();
    this.#depth -= 1;
    return value;
  }

  #object(path: string): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#at += 1;
    this.#skipSpace();
    if (this.#accept("}")) return object;
    for (;;) {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') throw this.#unexpected("looking for beginning of object key string");
      const key = this.#string();
      if (key === "__proto__") throw new BodySyntaxError('the key "__proto__" is not supported');
      const inner = path === "" ? key : `${path}.${key}`;
      if (Object.hasOwn(object, key)) this.#duplicates.add(inner);
      this.#skipSpace();
      if (!this.#accept(":")) throw this.#unexpected("after object key");
      this.#skipSpace();
      const start = this.#at;
      const value = this.#value(inner);
      object[key] = value;
      if (typeof value === "number" && Number.isInteger(value) && FRACTION.test(this.#text.slice(start, this.#at)))
        noteWholeFraction(object, key);
      this.#skipSpace();
      if (this.#accept("}")) return object;
      if (!this.#accept(",")) throw this.#unexpected("after object key:value pair");
    }
  }

  #array(path: string): unknown[] {
    const array: unknown[] = [];
    this.#at += 1;
    this.#skipSpace();
    if (this.#accept("]")) return array;
    for (;;) {
      array.push(this.#value(`${path}[${array.length}]`));
      this.#skipSpace();
      if (this.#accept("]")) return array;
      if (!this.#accept(",")) throw this.#unexpected("after array element");
    }
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    for (let at = start + 1; at < this.#text.length; at += 1) {
      const code = this.#text.charCodeAt(at);
      if (code === QUOTE) {
        this.#at = at + 1;
        return escaped ? this.#unescape(start) : this.#text.slice(start + 1, at);
      }
      if (code === BACKSLASH) {
        escaped = true;
        at += 1;
      } else if (code < 0x20) {
        this.#at = at;
        throw this.#unexpected("in string literal");
      }
    }
    throw endOfInput();
  }

  #unescape(start: number): string {
    try {
      return JSON.parse(this.#text.slice(start, this.#at)) as string;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new BodySyntaxError("invalid character in string escape code");
    }
  }

  #literal(first: "t" | "f" | "n"): unknown {
    const { text, value } = LITERALS[first] as { text: string; value: unknown };
    for (let i = 1; i < text.length; i += 1) {
      this.#at += 1;
      if (this.#text[this.#at] !== text[i]) throw this.#unexpected(`in literal ${text} (expecting '${text[i]}')`);
    }
    this.#at += 1;
    return value;
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text)?.[0];
    if (match === undefined) {
      this.#at += 1;
      throw this.#unexpected("in numeric literal");
    }
    this.#at += match.length;
    const number = Number(match);
    if (Number.isFinite(number)) return number;
    throw new BodySyntaxError(`json: cannot unmarshal number ${match} into Go value of type float64`);
  }

  #accept(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    for (; this.#at < this.#text.length; this.#at += 1) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
    }
  }

  #unexpected(where: string): BodySyntaxError {
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) return endOfInput();
    return new BodySyntaxError(`invalid character ${quoteRune(String.fromCodePoint(code))} ${where}`);
  }
}

function endOfInput(): BodySyntaxError {
  return new BodySyntaxError("unexpected end of JSON input");
}

function quoteRune(character: string): string {
  if (character === "'") return "'\\''";
  if (character === '"') return "'\"'";
  return `'${JSON.stringify(character).slice(1, -1)}'`;
}
