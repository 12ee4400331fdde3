import { KIND_TYPES } from "./kind-types.ts";
import { notationOf } from "./types.ts";

/** Types of `metav1`, which belong to no group. */
const META_TYPES: ReadonlySet<string> = new Set([
  "LabelSelector",
  "LabelSelectorRequirement",
  "FieldSelectorRequirement",
]);

interface Owner {
  readonly group: string;
  readonly version: string;
}

let owners: ReadonlyMap<string, Owner> | undefined;

/** The group version that a type of types.jsonl belongs to: the first whose kinds embed it. Undefined for metav1. */
export function typeOwner(type: string): Owner | undefined {
  owners ??= findOwners();
  return owners.get(type);
}

function findOwners(): ReadonlyMap<string, Owner> {
  const found = new Map<string, Owner>();
  for (const [key, { type }] of KIND_TYPES) {
    const [group = "", version = ""] = key.split("/");
    claim(type, { group, version }, found);
  }
  return found;
}

function claim(type: string, owner: Owner, found: Map<string, Owner>): void {
  if (found.has(type) || META_TYPES.has(type)) return;
  const notation = notationOf(type);
  if (notation === undefined) return;
  found.set(type, owner);
  for (const [field, line] of Object.entries(notation)) {
    const name = /^(?:\[\]|\{\})*([A-Z]\w*)/.exec(line)?.[1];
    if (field !== "" && name !== undefined) claim(name, owner, found);
  }
}
