import type { JsonSchema } from "../api/json-schema.ts";
import { isJsonObject, jsonEqual } from "../machinery/json-equal.ts";

/**
 * Without members that say what the schema would fill in. A release that gives a field a default changes what is read of
 * every stored object, and must change neither digest nor seal.
 */
export function withoutDefaults(value: unknown, schema: JsonSchema | undefined): unknown {
  if (Array.isArray(value)) return value.map((item) => withoutDefaults(item, schema?.items));
  if (!isJsonObject(value)) return value;
  const members = Object.entries(value).flatMap(([name, given]) => {
    const member = schemaOf(schema, name);
    const kept = withoutDefaults(given, member);
    const isDefault = member?.default !== undefined && jsonEqual(kept, withoutDefaults(member.default, member));
    return isDefault ? [] : [[name, kept] as const];
  });
  return Object.fromEntries(members);
}

function schemaOf(schema: JsonSchema | undefined, name: string): JsonSchema | undefined {
  if (schema?.properties && Object.hasOwn(schema.properties, name)) return schema.properties[name];
  return typeof schema?.additionalProperties === "object" ? schema.additionalProperties : undefined;
}
