import { apiVersionOf } from "../../api/meta.ts";
import { wholeSeconds } from "../../machinery/whole-seconds.ts";
import { malformedPatch, unmergeablePatch } from "../patch/patch-error.ts";
import type { ResourceDefinition } from "../resource.ts";
import { deepEqual } from "../schema/deep-equal.ts";
import { type ApplyConflicts, describeConflicts } from "./apply-conflict.ts";
import { type FieldSet, isEmpty, recursiveDifference } from "./field-set.ts";
import { fieldSetOf } from "./field-set-of.ts";
import { KUBECTL_MANAGER, ownsByLastApplied, syncLastApplied } from "./last-applied.ts";
import {
  decodeManagers,
  encodeManagers,
  type Manager,
  type Managers,
  managerId,
  setFields,
  withoutUnowned,
} from "./managers.ts";
import { merge } from "./merge.ts";
import {
  changesOf,
  ignoredFields,
  overwritten,
  reconcileManagers,
  withoutManagedFields,
  yieldFields,
} from "./ownership.ts";
import { releaseFields } from "./release-fields.ts";
import { managedFieldsOf, recordUpdate } from "./track-update.ts";
import { typeOfDefinition } from "./typed-schema.ts";
import { typedErrors } from "./validate-typed.ts";

export type { ApplyConflicts } from "./apply-conflict.ts";

export interface ApplyRequest {
  /** What is stored, in the version of the request; undefined when nothing is. Not changed. */
  readonly live: object | undefined;
  /** The configuration, whole: what it does not name is not meant. Not changed. */
  readonly applied: object;
  readonly manager: string;
  /** Takes fields that others own instead of refusing. */
  readonly force: boolean;
  readonly definition: ResourceDefinition;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly now: Date;
}

/** `object` is to be defaulted, validated and stored; it carries its managedFields. */
export type ApplyResult = { readonly object: object } | { readonly conflicts: ApplyConflicts };

/** Credits whatever an object has before anybody tracked its fields. */
const BEFORE_FIRST_APPLY = "before-first-apply";

/**
 * Server-side apply: merges a configuration into the live object, removes what this manager applied before and names no
 * more (unless somebody else owns it), and records who owns what. An apply that changes nothing returns an equal object.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/
 * @throws {PatchError} when the configuration does not fit the schema.
 */
export function applyConfiguration(request: ApplyRequest): ApplyResult {
  const { applied, definition, live } = request;
  const sent = managedFieldsOf(applied);
  if (sent !== undefined && sent !== null) throw malformedPatch("metadata.managedFields must be nil");
  const problem = typedErrors(typeOfDefinition(definition), applied);
  if (problem !== undefined) {
    throw unmergeablePatch(`failed to create typed patch object (${describe(applied)}): ${problem}`);
  }
  const managers = liveManagers(request);
  const result = attempt(request, managers, request.force);
  if ("object" in result) return result;
  const { conflicts } = result;
  if (request.manager === KUBECTL_MANAGER && live !== undefined) {
    const type = typeOfDefinition(definition);
    if (ownsByLastApplied(type, live, conflicts.values())) {
      const forced = attempt(request, managers, true);
      if ("object" in forced) return forced;
    }
  }
  return { conflicts: describeConflicts(conflicts, managers) };
}

function describe(applied: object): string {
  const {
    apiVersion = "",
    kind = "",
    metadata,
  } = applied as {
    apiVersion?: string;
    kind?: string;
    metadata?: { name?: string; namespace?: string };
  };
  return `${metadata?.namespace ?? ""}/${metadata?.name ?? ""}; ${apiVersion}, Kind=${kind}`;
}

function liveManagers({ live, definition, now }: ApplyRequest): Managers {
  const managers = decodeManagers(managedFieldsOf(live), "stored") ?? new Map();
  if (managers.size > 0 || live === undefined) return managers;
  const update = { before: undefined, after: live, manager: BEFORE_FIRST_APPLY, definition, subresource: "", now };
  return recordUpdate(update, managers);
}

/** Leaves `stored` as it is. */
function attempt(
  request: ApplyRequest,
  stored: Managers,
  force: boolean,
): { object: object } | { conflicts: ReadonlyMap<string, FieldSet> } {
  const { applied, definition, subresource } = request;
  const type = typeOfDefinition(definition);
  const managers = new Map(stored);
  reconcileManagers(managers, definition);
  const apiVersion = apiVersionOf(definition);
  const before = withoutManagedFields(request.live ?? { apiVersion, kind: definition.kind });
  const fields = recursiveDifference(fieldSetOf(type, applied), ignoredFields(definition, subresource));
  const id = managerId({ name: request.manager, operation: "Apply", apiVersion, subresource });
  const last = managers.get(id);
  const manager: Manager = {
    name: request.manager,
    operation: "Apply",
    apiVersion,
    subresource,
    time: last?.time,
    fields,
  };
  managers.set(id, manager);
  const merged = merge(type, before, applied);
  const after = releaseFields({ type, merged, managers, last: last?.fields, current: fields }) as object;
  const changes = changesOf({ definition, subresource, before, after });
  const conflicts = overwritten(managers, id, changes);
  if (!force && conflicts.size > 0) return { conflicts };
  yieldFields(managers, id, conflicts, changes.removed);
  setFields(managers, id, withoutUnowned(fields));
  const changed = !deepEqual(before, after);
  if (changed) touch(managers, id, wholeSeconds(request.now));
  const object = request.manager === KUBECTL_MANAGER ? syncLastApplied(after, applied) : after;
  return { object: withManagers(object, managers) };
}

function touch(managers: Managers, id: string, time: string): void {
  const manager = managers.get(id);
  if (manager !== undefined && !isEmpty(manager.fields)) managers.set(id, { ...manager, time });
}

function withManagers(object: object, managers: Managers): object {
  const { metadata } = object as { metadata?: object };
  const managedFields = encodeManagers(managers);
  return { ...object, metadata: { ...metadata, ...(managedFields === undefined ? {} : { managedFields }) } };
}
