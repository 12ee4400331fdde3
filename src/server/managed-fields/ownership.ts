import { apiVersionOf } from "../../api/meta.ts";
import type { ResourceDefinition } from "../resource.ts";
import { collapseAtomicFields } from "./collapse-atomic.ts";
import { type Comparison, compare } from "./compare.ts";
import {
  difference,
  EMPTY,
  type FieldSet,
  FieldSetBuilder,
  intersection,
  isEmpty,
  recursiveDifference,
  union,
} from "./field-set.ts";
import { type Managers, setFields } from "./managers.ts";
import { typeOfDefinition } from "./typed-schema.ts";

/** An object without what never takes part in comparison. */
export function withoutManagedFields(object: object): object {
  const { metadata } = object as { metadata?: object };
  if (metadata === undefined || !("managedFields" in metadata)) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}

/** What the write of a subresource, or of the object beside it, does not change and therefore does not own. */
export function ignoredFields({ subresources }: ResourceDefinition, subresource: string): FieldSet {
  if (subresource === "status") return NOT_STATUS;
  return subresources.status === true ? STATUS : EMPTY;
}

const STATUS = setOf("f:status");
const NOT_STATUS = setOf("f:metadata", "f:spec");

function setOf(...fields: string[]): FieldSet {
  const builder = new FieldSetBuilder();
  for (const field of fields) builder.add([field]);
  return builder.build();
}

export interface Change {
  readonly definition: ResourceDefinition;
  readonly subresource: string;
  readonly before: object;
  readonly after: object;
}

/** What a write changed, as far as it may. */
export function changesOf({ definition, subresource, before, after }: Change): Comparison {
  const all = compare(typeOfDefinition(definition), before, after);
  const ignored = ignoredFields(definition, subresource);
  return {
    added: recursiveDifference(all.added, ignored),
    modified: recursiveDifference(all.modified, ignored),
    removed: recursiveDifference(all.removed, ignored),
  };
}

/** Fields of others, by manager, that a change overwrites. */
export function overwritten(
  managers: Managers,
  except: string,
  { added, modified }: Comparison,
): Map<string, FieldSet> {
  const result = new Map<string, FieldSet>();
  const written = union(modified, added);
  if (isEmpty(written)) return result;
  for (const [id, { fields }] of managers) {
    if (id === except) continue;
    const conflict = intersection(fields, written);
    if (!isEmpty(conflict)) result.set(id, conflict);
  }
  return result;
}

/** Takes from the others what was overwritten and what is gone. */
export function yieldFields(
  managers: Managers,
  except: string,
  conflicts: ReadonlyMap<string, FieldSet>,
  removed: FieldSet,
): void {
  for (const [id, { fields }] of [...managers]) {
    if (id === except) continue;
    setFields(managers, id, difference(difference(fields, conflicts.get(id) ?? EMPTY), removed));
  }
}

/**
 * Brings stored managers in line with what is served now: those of versions that are no longer there go, since their fields
 * cannot be told any more, and fields follow a schema that has become atomic.
 */
export function reconcileManagers(managers: Managers, definition: ResourceDefinition): void {
  const known = knownVersions(definition);
  const type = typeOfDefinition(definition);
  for (const [id, { apiVersion, fields }] of [...managers]) {
    if (!known.has(apiVersion)) managers.delete(id);
    else setFields(managers, id, collapseAtomicFields(type, fields));
  }
}

const versionsOfDefinitions = new WeakMap<ResourceDefinition, ReadonlySet<string>>();

/** The apiVersions in which fields of this kind can be told. */
function knownVersions(definition: ResourceDefinition): ReadonlySet<string> {
  let known = versionsOfDefinitions.get(definition);
  if (known === undefined) {
    const { group, version } = definition;
    const versions = definition.definition?.spec.versions.map(({ name }) => name) ?? [version];
    known = new Set(versions.map((name) => apiVersionOf({ group, version: name })));
    versionsOfDefinitions.set(definition, known);
  }
  return known;
}
