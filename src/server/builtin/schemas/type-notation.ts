import type { JsonSchema } from "../../../api/json-schema.ts";

/**
 * The notation of types.jsonl. A type maps its fields to lines such as
 *
 *     []Container map(name) merge required # The containers of the pod.
 *
 * The first word is the type: `string`, `boolean`, `int32`, `int64`, `number`, `byte`, `date-time`, `int-or-string`,
 * `quantity`, `any`, or the name of another type; `[]` before it makes a list, `{}` a map. Then follow, in this order and
 * each only where it applies: how a list merges (`map(KEYS)` or `set`; atomic otherwise) or `atomicmap`; the strategy of a
 * strategic merge patch; `required`; `default=JSON`; and a description after `#`. The field with the empty name says
 * `atomic` of a type that has one owner as a whole.
 */
export interface FieldNotation {
  readonly type: string;
  readonly listMapKeys: readonly string[] | undefined;
  readonly isSet: boolean;
  readonly isAtomicMap: boolean;
  readonly patchStrategy: NonNullable<JsonSchema["x-kubernetes-patch-strategy"]> | undefined;
  readonly required: boolean;
  readonly defaultJson: string | undefined;
  readonly description: string | undefined;
}

const LINE =
  /^(\S+)(?: map\(([^)]+)\))?(?: (set))?(?: (atomicmap))?(?: (merge,retainKeys|merge|retainKeys))?(?: (required))?(?: default=(.+?))?(?: # (.+))?$/;

/** @throws {Error} on a line that is not in the notation, which only a broken types.jsonl can cause. */
export function parseField(line: string): FieldNotation {
  const match = LINE.exec(line);
  if (match === null) throw new Error(`types.jsonl: ${line}`);
  const [, type = "", keys, set, atomicMap, strategy, required, defaultJson, description] = match;
  return {
    type,
    listMapKeys: keys?.split(","),
    isSet: set !== undefined,
    isAtomicMap: atomicMap !== undefined,
    patchStrategy: strategy as FieldNotation["patchStrategy"],
    required: required !== undefined,
    defaultJson,
    description,
  };
}

const SCALARS: Readonly<Record<string, JsonSchema>> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  number: { type: "number" },
  double: { type: "number", format: "double" },
  byte: { type: "string", format: "byte" },
  "date-time": { type: "string", format: "date-time" },
  "int-or-string": { "x-kubernetes-int-or-string": true },
  quantity: { "x-kubernetes-int-or-string": true },
  any: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
};

/** The schema of a type's name, by `resolve` for what is no scalar. */
export function schemaOfType(type: string, resolve: (name: string) => JsonSchema): JsonSchema {
  if (type.startsWith("[]")) return { type: "array", items: schemaOfType(type.slice(2), resolve) };
  if (type.startsWith("{}")) return { type: "object", additionalProperties: schemaOfType(type.slice(2), resolve) };
  return SCALARS[type] ?? resolve(type);
}
