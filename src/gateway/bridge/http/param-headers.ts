import { type Fields, fieldsOf, isFields } from "../message.ts";

/** An argument of a tool that goes along in a header. */
interface Declared {
  readonly path: readonly string[];
  readonly header: string;
}

/** RFC 9110, 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const LOOKS_WRAPPED = /^=\?base64\?.*\?=$/s;
const PLAIN = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/;

/** Tools of one server that are remembered; of more, the first ones declare nothing. */
const MOST_TOOLS = 4_096;
const DEEPEST = 32;

/** Which member of params the header Mcp-Name repeats. */
const NAMED_BY: Readonly<Record<string, string>> = {
  "tools/call": "name",
  "prompts/get": "name",
  "resources/read": "uri",
};

/**
 * The headers of revision 2026-07-28 that repeat what stands in the body: which arguments of a tool do, its schema says
 * (`x-mcp-header`), so lists of tools are read along.
 */
export class ParamHeaders {
  readonly #declared = new Map<string, readonly Declared[]>();

  /** What a `tools/list` answered. */
  learn(result: Fields): void {
    for (const tool of Array.isArray(result.tools) ? result.tools : []) {
      if (!isFields(tool) || typeof tool.name !== "string") continue;
      this.#declared.delete(tool.name);
      const declared = declaredIn(fieldsOf(tool, "inputSchema"));
      if (declared.length > 0) this.#declared.set(tool.name, declared);
    }
    for (const name of this.#declared.keys()) {
      if (this.#declared.size <= MOST_TOOLS) return;
      this.#declared.delete(name);
    }
  }

  headersFor(method: string, params: Fields | undefined): Record<string, string> {
    const headers: Record<string, string> = { "mcp-method": method };
    const member = Object.hasOwn(NAMED_BY, method) ? NAMED_BY[method] : undefined;
    const name = member === undefined ? undefined : params?.[member];
    if (typeof name === "string") headers["mcp-name"] = wrapped(name);
    if (method !== "tools/call") return headers;
    for (const { path, header } of this.#declared.get(String(name)) ?? []) {
      const value = primitiveAt(fieldsOf(params, "arguments"), path);
      if (value !== undefined) headers[`mcp-param-${header.toLowerCase()}`] = wrapped(value);
    }
    return headers;
  }
}

function declaredIn(schema: Fields, path: readonly string[] = []): readonly Declared[] {
  if (path.length > DEEPEST) return [];
  return Object.entries(fieldsOf(schema, "properties")).flatMap(([name, property]) => {
    if (!isFields(property)) return [];
    const at = [...path, name];
    const header = property["x-mcp-header"];
    const own = typeof header === "string" && TOKEN.test(header) ? [{ path: at, header }] : [];
    return [...own, ...declaredIn(property, at)];
  });
}

function primitiveAt(given: Fields, path: readonly string[]): string | undefined {
  const value = path.reduce<unknown>((parent, name) => (isFields(parent) ? parent[name] : undefined), given);
  if (typeof value === "string" || typeof value === "boolean") return String(value);
  return typeof value === "number" && Number.isFinite(value) ? String(value) : undefined;
}

/** What is no header value by itself is Base64 between signs that say so. */
function wrapped(value: string): string {
  if (PLAIN.test(value) && !LOOKS_WRAPPED.test(value)) return value;
  return `=?base64?${Buffer.from(value).toString("base64")}?=`;
}
