import { labelValueErrors, qualifiedNameErrors } from "../../api/label-format.ts";
import { isInteger, type LabelMatcher, type LabelRequirement, matcherOf } from "../../api/label-selector.ts";
import { badRequest } from "../http/status-error.ts";

export { type LabelMatcher, type LabelSelector, labelSelectorMatcher } from "../../api/label-selector.ts";

/**
 * Parses the `labelSelector` parameter: `a=b,c!=d,e in (f,g),!h,i>1`. Empty text selects everything.
 * @throws {StatusError} 400 with kube-apiserver's message.
 */
export function parseLabelSelector(text: string): LabelMatcher {
  return matcherOf(new SelectorParser(text).parse());
}

const TOKEN = /\s*(?:(==|!=|[=<>!(),])|([^\s=!<>(),]+))/y;
const COMPARISONS: Readonly<Record<string, LabelRequirement["operator"]>> = {
  "=": "in",
  "==": "in",
  "!=": "notin",
  in: "in",
  notin: "notin",
  ">": "gt",
  "<": "lt",
};

class SelectorParser {
  readonly #tokens: string[] = [];
  #at = 0;

  constructor(text: string) {
    TOKEN.lastIndex = 0;
    for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
      this.#tokens.push((match[1] ?? match[2]) as string);
    }
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    while (this.#peek() !== "") {
      requirements.push(this.#requirement());
      const separator = this.#next();
      if (separator === "") break;
      if (separator !== ",") throw badRequest(`found '${separator}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (following !== "!" && !isWord(following)) {
        throw badRequest(`found '${following}', expected: identifier after ','`);
      }
    }
    return requirements;
  }

  #requirement(): LabelRequirement {
    const negated = this.#peek() === "!";
    if (negated) this.#next();
    const key = this.#next();
    if (!isWord(key)) throw unparsable(`found '${key}', expected: identifier`);
    checkKey(key);
    const following = this.#peek();
    if (negated) return { key, operator: "absent", values: [] };
    if (following === "" || following === ",") return { key, operator: "exists", values: [] };
    return this.#comparison(key);
  }

  #comparison(key: string): LabelRequirement {
    const token = this.#next();
    const operator = Object.hasOwn(COMPARISONS, token) ? COMPARISONS[token] : undefined;
    if (operator === undefined) {
      throw unparsable(`found '${token}', expected: in, notin, =, ==, !=, gt, lt`);
    }
    const values = token === "in" || token === "notin" ? this.#set() : [this.#exactValue()];
    if (operator === "gt" || operator === "lt") checkInteger(values[0] as string);
    values.forEach((value, index) => {
      const [error] = labelValueErrors(value);
      if (error !== undefined) {
        throw unparsable(`values[${index}][${key}]: Invalid value: ${JSON.stringify(value)}: ${error}`);
      }
    });
    return { key, operator, values };
  }

  /** What follows `=`: a word, or nothing at all for the empty value. */
  #exactValue(): string {
    const following = this.#peek();
    if (following === "" || following === ",") return "";
    const value = this.#next();
    if (!isWord(value)) throw unparsable(`found '${value}', expected: identifier`);
    return value;
  }

  /** `(a,b,)`: nothing between commas is the empty value. */
  #set(): string[] {
    const open = this.#next();
    if (open !== "(") throw unparsable(`found '${open}' expected: '('`);
    const values = new Set<string>();
    let expectsValue = true;
    for (;;) {
      const token = this.#next();
      if (token === ")" || token === ",") {
        if (expectsValue) values.add("");
        if (token === ")") return [...values].sort();
        expectsValue = true;
      } else if (isWord(token) && expectsValue) {
        values.add(token);
        expectsValue = false;
      } else throw unparsable(`found '${token}', expected: ',' or ')'`);
    }
  }

  #peek(): string {
    return this.#tokens[this.#at] ?? "";
  }

  #next(): string {
    const token = this.#peek();
    this.#at += 1;
    return token;
  }
}

function isWord(token: string): boolean {
  return token !== "" && !/^[=!<>(),]/.test(token);
}

function checkKey(key: string): void {
  const [error] = qualifiedNameErrors(key);
  if (error !== undefined) throw unparsable(`<nil>: Invalid value: ${JSON.stringify(key)}: ${error}`);
}

function checkInteger(value: string): void {
  if (isInteger(value)) return;
  const because = "for 'Gt', 'Lt' operators, the value must be an integer";
  throw unparsable(`values[0]: Invalid value: ${JSON.stringify(value)}: ${because}`);
}

function unparsable(because: string): Error {
  return badRequest(`unable to parse requirement: ${because}`);
}
