import type { JsonSchema } from "../../api/json-schema.ts";

const STEP = /\.([^.[\]]+)|\['((?:\\.|[^'\\])*)'\]/y;

/** Whether a rule's `fieldPath` leads to a field of the schema: `.a.b`, `.map['key']`. */
export function isFieldPath(path: string, schema: JsonSchema): boolean {
  let target: JsonSchema | undefined = schema;
  let at = 0;
  while (at < path.length) {
    STEP.lastIndex = at;
    const match = STEP.exec(path);
    if (match === null) return false;
    target = childOf(target, match[1] ?? (match[2] as string).replaceAll(/\\(.)/g, "$1"));
    if (target === undefined) return false;
    at = STEP.lastIndex;
  }
  return true;
}

function childOf({ properties, additionalProperties }: JsonSchema, name: string): JsonSchema | undefined {
  if (properties !== undefined) return Object.hasOwn(properties, name) ? properties[name] : undefined;
  return typeof additionalProperties === "object" ? additionalProperties : undefined;
}
