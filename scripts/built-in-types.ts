import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { atomicTypes, defaults, kinds, listTypes, notes, opaqueTypes, quantities } from "./built-in-annotations.ts";

/**
 * Writes src/server/builtin/schemas/types.jsonl: the structure of the built-in kinds, read from the models of
 * @kubernetes/client-node, with what those leave out (how lists merge, quantities, defaults) from built-in-annotations.ts.
 * One line for each type; the notation is that of src/server/builtin/schemas/type-notation.ts.
 */
interface Attribute {
  readonly baseName: string;
  readonly type: string;
  readonly format: string;
}

const target = process.argv[2] ?? "src/server/builtin/schemas/types.jsonl";
const models = join(dirname(createRequire(import.meta.url).resolve("@kubernetes/client-node")), "gen/models");
const lines: string[] = [];
const pending = [...new Set(Object.values(kinds))];
const seen = new Set(pending);

for (let type = pending.shift(); type !== undefined; type = pending.shift()) lines.push(await describe(type));
writeFileSync(target, `${lines.sort().join("\n")}\n`);

async function describe(model: string): Promise<string> {
  const name = shortName(model);
  const module = (await import(join(models, `${model}.js`))) as Record<string, { attributeTypeMap: Attribute[] }>;
  const declaration = readFileSync(join(models, `${model}.d.ts`), "utf8");
  const fields: Record<string, string> = {};
  if (atomicTypes.has(name)) fields[""] = "atomic";
  for (const attribute of module[model]?.attributeTypeMap ?? []) {
    const { baseName } = attribute;
    if (isObjectPart(baseName, module[model]?.attributeTypeMap ?? [])) continue;
    const required = new RegExp(`'${baseName}':`).test(declaration);
    fields[baseName] = notation(name, attribute, required);
  }
  return JSON.stringify([name, fields]);
}

/** apiVersion, kind and metadata of whole objects are the same everywhere. */
function isObjectPart(field: string, attributes: readonly Attribute[]): boolean {
  const isObject = attributes.some(({ baseName, type }) => baseName === "metadata" && type === "V1ObjectMeta");
  return (
    isObject &&
    attributes.some(({ baseName }) => baseName === "kind") &&
    ["apiVersion", "kind", "metadata"].includes(field)
  );
}

function notation(owner: string, { baseName, type, format }: Attribute, required: boolean): string {
  const path = `${owner}.${baseName}`;
  const base = quantities.has(path) ? type.replace(/string(?=;|$)/, "quantity") : type;
  const parts = [typeNotation(base, format)];
  const merge = listTypes[path];
  if (merge !== undefined) parts.push(merge);
  if (required) parts.push("required");
  if (path in defaults) parts.push(`default=${JSON.stringify(defaults[path])}`);
  const text = parts.join(" ");
  return notes[path] === undefined ? text : `${text} # ${notes[path]}`;
}

function typeNotation(type: string, format: string): string {
  const list = /^Array<(.+)>$/.exec(type)?.[1];
  if (list !== undefined) return `[]${typeNotation(list, format)}`;
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (map !== undefined) return `{}${typeNotation(map, format)}`;
  switch (type) {
    case "quantity":
    case "boolean":
      return type;
    case "string":
      return format === "byte" ? "byte" : "string";
    case "number":
      return format === "" ? "number" : format;
    case "Date":
    case "V1MicroTime":
      return "date-time";
    case "IntOrString":
      return "int-or-string";
    case "any":
    case "object":
      return "any";
    default:
      return reference(type);
  }
}

function reference(model: string): string {
  if (opaqueTypes.has(model)) return "any";
  if (!seen.has(model)) {
    seen.add(model);
    pending.push(model);
  }
  return shortName(model);
}

/** Types of different groups may share a name, so these keep what tells them apart. */
function shortName(model: string): string {
  return model.replace(/^V1(?=[A-Z])/, "");
}
