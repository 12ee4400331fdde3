import { EMPTY, type FieldSet, fieldSet, OWNED_LEAF } from "./field-set.ts";
import { type FieldType, fieldType } from "./typed-schema.ts";

/**
 * Fields as the schema now has them: who owned parts of what has become atomic since owns all of it. (What was atomic and is
 * not any more stays owned at its top only, as in Kubernetes.) Returns the same set where nothing changes.
 */
export function collapseAtomic(type: FieldType, set: FieldSet): FieldSet {
  if (set.children.size === 0 || type.kind === "scalar" || type.kind === "deduced") return set;
  if (type.kind === "map" ? type.atomic : type.relation === "atomic") return OWNED_LEAF;
  let changed: Map<string, FieldSet> | undefined;
  for (const [element, child] of set.children) {
    const collapsed = collapseAtomic(childType(type, element), child);
    if (collapsed === child) continue;
    changed ??= new Map(set.children);
    changed.set(element, collapsed);
  }
  return changed === undefined ? set : fieldSet(set.owned, changed);
}

function childType(type: Exclude<FieldType, { kind: "scalar" | "deduced" }>, element: string): FieldType {
  if (type.kind === "list") return type.items;
  return fieldType(type, element.slice(2)) ?? { kind: "deduced" };
}

/** Whole objects have no owner, so the root never collapses. */
export function collapseAtomicFields(type: FieldType, set: FieldSet): FieldSet {
  const collapsed = collapseAtomic(type, set);
  return collapsed.owned ? EMPTY : collapsed;
}
