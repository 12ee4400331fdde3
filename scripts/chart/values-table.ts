import { isMap, isScalar, parseDocument, type YAMLMap } from "yaml";

/** A JSON schema, as far as it tells which maps of the values have keys of ours, and what for. */
export interface ValuesSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, ValuesSchema>>;
}

export interface DocumentedValue {
  /** From the root, with dots. */
  readonly path: string;
  readonly fallback: unknown;
  /** The comment above it; empty where there is none. */
  readonly description: string;
}

/** Each value that a user may set, in the order of values.yaml. Maps whose keys Kubernetes defines are one value. */
export function documentedValues(valuesYaml: string, schema: ValuesSchema): readonly DocumentedValue[] {
  const document = parseDocument(valuesYaml);
  if (!isMap(document.contents)) throw new Error("values.yaml is no map");
  return valuesOf(document.contents, schema, []);
}

function valuesOf(map: YAMLMap, schema: ValuesSchema, path: readonly string[]): readonly DocumentedValue[] {
  return map.items.flatMap(({ key, value }, index) => {
    if (!isScalar(key)) throw new Error(`values.yaml: ${path.join(".")} has a key that is no text`);
    const name = String(key.value);
    const at = [...path, name];
    const own = schema.properties?.[name];
    if (isMap(value) && own?.properties) return valuesOf(value, own, at);
    // The parser gives a comment above the first key to the map.
    const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined) ?? "";
    // What stands apart above it is about the whole file.
    const about = comment.split(/\n\s*\n/).at(-1) ?? "";
    const description = about.split("\n").map((line) => line.trim());
    const fallback: unknown = isMap(value) || !isScalar(value) ? JSON.parse(JSON.stringify(value)) : value.value;
    return [{ path: at.join("."), fallback, description: description.join(" ").trim() }];
  });
}

/** Pure. The schema with what is said of each value as its description, in place of what stood there. */
export function describedSchema(schema: ValuesSchema, values: readonly DocumentedValue[]): ValuesSchema {
  const descriptions = new Map(values.map(({ path, description }) => [path, description]));
  const described = (part: ValuesSchema, path: string): ValuesSchema => {
    const { description: _, properties, ...rest } = part;
    const description = descriptions.get(path);
    const prefix = path === "" ? "" : `${path}.`;
    const children = Object.entries(properties ?? {}).map(([name, child]) => [
      name,
      described(child, `${prefix}${name}`),
    ]);
    return {
      ...(description !== undefined && { description }),
      ...rest,
      ...(properties && { properties: Object.fromEntries(children) as Record<string, ValuesSchema> }),
    };
  };
  return described(schema, "");
}

/** The same for people, as a table of Markdown. */
export function valuesTable(values: readonly DocumentedValue[]): string {
  const rows = values.map(({ path, fallback, description }) =>
    [`\`${path}\``, `\`${JSON.stringify(fallback)}\``, description].map(cell).join(" | "),
  );
  return ["| Value | Default | Meaning |", "|---|---|---|", ...rows.map((row) => `| ${row} |`)].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
