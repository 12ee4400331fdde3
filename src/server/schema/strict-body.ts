import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type Tags,
  type YAMLParseError,
} from "yaml";
import { BodySyntaxError, MAX_DEPTH, parseJson } from "./json-parser.ts";

export { BodySyntaxError, MAX_DEPTH } from "./json-parser.ts";

export interface ParsedBody {
  readonly value: unknown;
  /** Paths of duplicate keys in JSON: `spec.image`. Empty for YAML, whose wording differs: see `strictErrors`. */
  readonly duplicates: readonly string[];
  /** What fieldValidation Strict refuses and Warn reports, in Kubernetes' words: `duplicate field "spec.image"`. */
  readonly strictErrors: readonly string[];
}

/**
 * Parses a request's body. Media types that end in `yaml` are YAML 1.1 as Go reads it (`y` is true); JSON is accepted there
 * too. @throws {BodySyntaxError} with the text that Go's decoder gives, to which the caller adds what it tried to read.
 */
export function parseBody(text: string, mediaType: string): ParsedBody {
  if (!mediaType.endsWith("yaml")) return fromJson(text);
  if (!text.trimStart().startsWith("{")) return parseYaml(text);
  try {
    return fromJson(text);
  } catch (error) {
    if (error instanceof BodySyntaxError) return parseYaml(text);
    throw error;
  }
}

function fromJson(text: string): ParsedBody {
  const { value, duplicates } = parseJson(text);
  return { value, duplicates, strictErrors: duplicates.map((path) => `duplicate field ${JSON.stringify(path)}`) };
}

/** Go's YAML knows neither timestamps nor numbers in base 60 when it decodes into JSON; both stay strings. */
function goTags(tags: Tags): Tags {
  return tags.filter((tag) => typeof tag === "string" || !(tag.tag.endsWith(":timestamp") || tag.format === "TIME"));
}

function parseYaml(text: string): ParsedBody {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.1",
    customTags: goTags,
    uniqueKeys: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: "silent",
  });
  const [error] = document.errors;
  if (error !== undefined) throw yamlError(inGoWords(error), lines.linePos(error.pos[0]).line);
  const duplicates = new YamlInspection(lines).run(document.contents);
  try {
    return {
      value: document.toJS({ maxAliasCount: 100 }) as unknown,
      duplicates: [],
      strictErrors: duplicates.length === 0 ? [] : [`yaml: unmarshal errors:\n${duplicates.join("\n")}`],
    };
  } catch (failure) {
    if (failure instanceof ReferenceError) throw new BodySyntaxError(`yaml: ${failure.message}`);
    throw failure;
  }
}

/** go-yaml's text for the mistakes that are made most; the library's own for the others. */
function inGoWords({ code, message }: YAMLParseError): string {
  if (code === "TAB_AS_INDENT" || code === "BAD_SCALAR_START") return "found character that cannot start any token";
  if (code === "BLOCK_AS_IMPLICIT_KEY") return "mapping values are not allowed in this context";
  if (code === "MISSING_CHAR" && message.includes("quote")) return "found unexpected end of stream";
  if (message.startsWith("Flow sequence")) return "did not find expected ',' or ']'";
  if (message.startsWith("Flow map")) return "did not find expected ',' or '}'";
  return message;
}

function yamlError(message: string, line: number): BodySyntaxError {
  return new BodySyntaxError(`yaml: line ${line}: ${message}`);
}

/** Walks a document once: finds keys that occur twice, bounds the depth, and refuses keys that JSON has no place for. */
class YamlInspection {
  readonly #lines: LineCounter;
  readonly #duplicates: string[] = [];

  constructor(lines: LineCounter) {
    this.#lines = lines;
  }

  run(root: Node | null): readonly string[] {
    this.#visit(root, 0);
    return this.#duplicates;
  }

  #visit(node: unknown, depth: number): void {
    if (depth > MAX_DEPTH) throw new BodySyntaxError("yaml: exceeded max depth of 1000");
    if (isSeq(node)) for (const item of node.items) this.#visit(item, depth + 1);
    else if (isMap(node)) {
      const keys = new Set<string>();
      for (const pair of node.items) this.#pair(pair, keys, depth);
    }
  }

  #pair({ key, value }: Pair, keys: Set<string>, depth: number): void {
    if (isScalar(key)) {
      const name = String(key.value);
      const line = this.#lines.linePos(key.range?.[0] ?? 0).line;
      if (name === "__proto__") throw yamlError('the key "__proto__" is not supported', line);
      if (keys.has(name)) this.#duplicates.push(`  line ${line}: key ${JSON.stringify(name)} already set in map`);
      keys.add(name);
    } else if (!isAlias(key)) throw new BodySyntaxError("yaml: invalid map key");
    this.#visit(value, depth + 1);
  }
}
