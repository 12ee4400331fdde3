import { isObject } from "../schema/schema-node.ts";
import { compare } from "./compare.ts";
import { difference, type FieldSet, isSubset, union } from "./field-set.ts";
import { fieldSetOf } from "./field-set-of.ts";
import { withoutManagedFields } from "./ownership.ts";
import type { FieldType } from "./typed-schema.ts";

/** Where client-side apply keeps its configuration. */
const ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration";
/** All annotations of an object together may have this size. */
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** kubectl's name for itself when it applies on the server. */
export const KUBECTL_MANAGER = "kubectl";

/**
 * Whether kubectl may take over without force: everything in conflict is as its client-side apply left it.
 * @see https://kubernetes.io/docs/reference/using-api/server-side-apply/#migration-between-client-side-and-server-side-apply
 */
export function ownsByLastApplied(type: FieldType, live: object, conflicts: Iterable<FieldSet>): boolean {
  const lastApplied = readLastApplied(live);
  if (lastApplied === undefined || lastApplied.apiVersion !== (live as { apiVersion?: unknown }).apiVersion)
    return false;
  const { added, modified, removed } = compare(type, lastApplied, withoutManagedFields(live));
  const owned = difference(fieldSetOf(type, lastApplied), union(union(added, modified), removed));
  for (const conflict of conflicts) if (!isSubset(conflict, owned)) return false;
  return true;
}

function readLastApplied(object: object): Record<string, unknown> | undefined {
  const text = annotationsOf(object)?.[ANNOTATION];
  if (typeof text !== "string" || text === "") return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return isObject(parsed) ? parsed : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Keeps the annotation of client-side apply in step, where there is one; returns the object with it. */
export function syncLastApplied(object: object, applied: object): object {
  if (annotationsOf(object)?.[ANNOTATION] === undefined) return object;
  const text = `${JSON.stringify(applied)}\n`;
  if (text.length > MAX_ANNOTATION_BYTES) return object;
  const { metadata } = object as { metadata: Record<string, unknown> };
  return { ...object, metadata: { ...metadata, annotations: { ...annotationsOf(object), [ANNOTATION]: text } } };
}

function annotationsOf(object: object): Record<string, unknown> | undefined {
  const { metadata } = object as { metadata?: { annotations?: unknown } };
  return isObject(metadata?.annotations) ? metadata.annotations : undefined;
}
