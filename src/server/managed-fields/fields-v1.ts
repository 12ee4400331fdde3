import { compareElements, EMPTY, type FieldSet, fieldSet, isEmpty, OWNED_LEAF } from "./field-set.ts";

const KINDS: ReadonlySet<string> = new Set("fkvi");

/** Reads `fieldsV1`. Undefined when it is malformed. */
export function decodeFields(fields: unknown): FieldSet | undefined {
  if (fields === undefined || fields === null) return EMPTY;
  if (typeof fields !== "object" || Array.isArray(fields)) return undefined;
  let owned = false;
  const children = new Map<string, FieldSet>();
  for (const element of Object.keys(fields)) {
    if (element === ".") {
      owned = true;
      continue;
    }
    if (element[1] !== ":" || !KINDS.has(element[0] as string)) return undefined;
    const child = decodeFields((fields as Record<string, unknown>)[element]);
    if (child === undefined) return undefined;
    children.set(element, isEmpty(child) ? OWNED_LEAF : child);
  }
  return fieldSet(owned, children);
}

/** Writes `fieldsV1`: a leaf is `{}`, an owned parent has a `.`. */
export function encodeFields({ owned, children }: FieldSet): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  if (owned && children.size > 0) fields["."] = {};
  const elements = [...children.keys()];
  // Only indices do not stand where the order of texts has them.
  if (elements.length > 1) elements.sort(elements.some((element) => element[0] === "i") ? compareElements : undefined);
  for (const element of elements) fields[element] = encodeFields(children.get(element) as FieldSet);
  return fields;
}
