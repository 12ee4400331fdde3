import { apiVersionOf, type ManagedFieldsEntry } from "../../api/meta.ts";
import { wholeSeconds } from "../../machinery/whole-seconds.ts";
import type { ResourceDefinition } from "../resource.ts";
import { difference, isEmpty, union } from "./field-set.ts";
import {
  capUpdateManagers,
  encodeManagers,
  type Manager,
  type Managers,
  managerId,
  managersFor,
  withoutUnowned,
} from "./managers.ts";
import { changesOf, overwritten, reconcileManagers, withoutManagedFields, yieldFields } from "./ownership.ts";

export interface UpdateToTrack {
  /** What is stored; undefined for a create. */
  readonly before: object | undefined;
  /** What will be stored. Its own `metadata.managedFields` is what the client sent. */
  readonly after: object;
  /** Name of the field manager; the user agent's first part where the client gave none. */
  readonly manager: string;
  readonly definition: ResourceDefinition;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly now: Date;
}

/**
 * Who owns what after a create, an update, or a patch that is no apply: the manager of the write owns every field that it
 * changed, and those who owned it before own it no more. Times move only when something changed.
 * Returns the new `metadata.managedFields`; undefined where the field is to be left out.
 */
export function trackUpdate(update: UpdateToTrack): ManagedFieldsEntry[] | undefined {
  const { before, after, subresource } = update;
  const managers = managersFor(managedFieldsOf(before), managedFieldsOf(after), subresource !== "");
  if (managers.size === 0 && before !== undefined) return undefined;
  return encodeManagers(recordUpdate(update, managers));
}

/** The same on decoded managers, which change. Before a first apply everything is credited to one manager this way. */
export function recordUpdate(update: UpdateToTrack, managers: Managers): Managers {
  const { before, after, manager: name, definition, subresource, now } = update;
  reconcileManagers(managers, definition);
  const { group, version } = definition;
  const apiVersion = apiVersionOf({ group, version });
  const changes = changesOf({
    definition,
    subresource,
    before: withoutManagedFields(before ?? { apiVersion, kind: definition.kind }),
    after: withoutManagedFields(after),
  });
  yieldFields(managers, "", overwritten(managers, "", changes), changes.removed);
  const fields = withoutUnowned(difference(union(changes.modified, changes.added), changes.removed));
  if (!isEmpty(fields)) {
    const manager: Manager = { name, operation: "Update", apiVersion, subresource, time: wholeSeconds(now), fields };
    const id = managerId(manager);
    const previous = managers.get(id);
    managers.set(id, previous === undefined ? manager : { ...manager, fields: union(fields, previous.fields) });
  }
  capUpdateManagers(managers);
  return managers;
}

export function managedFieldsOf(object: object | undefined): unknown {
  return (object as { metadata?: { managedFields?: unknown } } | undefined)?.metadata?.managedFields;
}
