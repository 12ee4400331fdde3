import type { ManagedFieldsEntry } from "../../api/meta.ts";
import { difference, EMPTY, type FieldSet, FieldSetBuilder, isEmpty, union } from "./field-set.ts";
import { decodeFields, encodeFields } from "./fields-v1.ts";

/** Who owns fields: one entry of `metadata.managedFields`. */
export interface Manager {
  readonly name: string;
  readonly operation: "Apply" | "Update";
  /** The version in which the fields were written. */
  readonly apiVersion: string;
  /** Empty for the object itself. */
  readonly subresource: string;
  /** RFC 3339 in seconds; absent while the manager has changed nothing. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
  /** How these fields are stored, for as long as they are the manager's: what did not change is not written anew. */
  readonly stored?: { readonly fields: FieldSet; readonly encoded: Record<string, unknown> };
}

/** By `managerId`. */
export type Managers = Map<string, Manager>;

/** Kubernetes keeps this many entries of updates; older ones are merged into `ancient-changes`. */
const MAX_UPDATE_MANAGERS = 10;

/** Appliers are the same in all versions, updaters are not. The text sorts as Kubernetes sorts managers. */
export function managerId({ name, operation, apiVersion, subresource }: Omit<Manager, "time" | "fields">): string {
  return JSON.stringify({
    manager: name,
    operation,
    ...(operation === "Update" ? { apiVersion } : {}),
    ...(subresource === "" ? {} : { subresource }),
  });
}

/** Undefined when an entry is malformed. What is stored was written here, so it may be written again as it is. */
export function decodeManagers(entries: unknown, origin: "stored" | "sent"): Managers | undefined {
  const managers: Managers = new Map();
  if (entries === undefined || entries === null) return managers;
  if (!Array.isArray(entries)) return undefined;
  for (const entry of entries as ManagedFieldsEntry[]) {
    const { operation, apiVersion = "", fieldsType, manager = "", subresource = "", time } = entry;
    if ((operation !== "Apply" && operation !== "Update") || apiVersion === "" || fieldsType !== "FieldsV1")
      return undefined;
    const fields = decodeFields(entry.fieldsV1);
    if (fields === undefined) return undefined;
    const decoded: Manager = { name: manager, operation, apiVersion, subresource, time: time ?? undefined, fields };
    const stored = origin === "stored" && entry.fieldsV1 ? { fields, encoded: entry.fieldsV1 } : undefined;
    managers.set(managerId(decoded), stored ? { ...decoded, stored } : decoded);
  }
  return managers;
}

/** Undefined when there are no managers, since the field is then left out. */
export function encodeManagers(managers: Managers): ManagedFieldsEntry[] | undefined {
  if (managers.size === 0) return undefined;
  return [...managers.values()]
    .sort(byOrder)
    .map(({ name, operation, apiVersion, subresource, time, fields, stored }) => ({
      manager: name,
      operation,
      apiVersion,
      ...(time === undefined ? {} : { time }),
      fieldsType: "FieldsV1",
      fieldsV1: stored?.fields === fields ? stored.encoded : encodeFields(fields),
      ...(subresource === "" ? {} : { subresource }),
    }));
}

/** Appliers first, then by time, name, version and subresource. */
function byOrder(a: Manager, b: Manager): number {
  return (
    compareText(a.operation, b.operation) ||
    compareText(a.time ?? "", b.time ?? "") ||
    compareText(a.name, b.name) ||
    compareText(a.apiVersion, b.apiVersion) ||
    compareText(a.subresource, b.subresource)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** `[]` and `[{}]` ask for ownership to be forgotten. */
export function isReset(entries: unknown): boolean {
  if (!Array.isArray(entries)) return false;
  const [first] = entries as unknown[];
  return (
    entries.length === 0 ||
    (entries.length === 1 && typeof first === "object" && first !== null && Object.keys(first).length === 0)
  );
}

/** The ownership that a write starts from: what it sends itself, if that is valid and not empty, else what is stored. */
export function managersFor(live: unknown, sent: unknown, isSubresource: boolean): Managers {
  if (!isSubresource) {
    if (isReset(sent)) return new Map();
    const managers = decodeManagers(sent, "sent");
    if (managers !== undefined && managers.size > 0) return managers;
  }
  return decodeManagers(live, "stored") ?? new Map();
}

/** Replaces a manager's fields; a manager without fields goes. */
export function setFields(managers: Managers, id: string, fields: FieldSet): void {
  const manager = managers.get(id);
  if (manager === undefined || manager.fields === fields) return;
  if (isEmpty(fields)) managers.delete(id);
  else managers.set(id, { ...manager, fields });
}

/** What nobody owns: the server keeps it, or it names the object. */
const UNOWNED = unownedFields();

function unownedFields(): FieldSet {
  const builder = new FieldSetBuilder();
  for (const field of ["f:apiVersion", "f:kind", "f:metadata"]) builder.add([field]);
  for (const field of [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
  ]) {
    builder.add(["f:metadata", `f:${field}`]);
  }
  return builder.build();
}

export function withoutUnowned(fields: FieldSet): FieldSet {
  return difference(fields, UNOWNED);
}

/** Merges the oldest updaters of one version into `ancient-changes`, until few enough are left. */
export function capUpdateManagers(managers: Managers): void {
  const updaters = [...managers.entries()]
    .filter(([, { operation }]) => operation === "Update")
    .sort(([a, left], [b, right]) => compareText(left.time ?? "", right.time ?? "") || compareText(a, b));
  let count = updaters.length;
  const firstOfVersion = new Map<string, string>();
  for (const [id, manager] of updaters) {
    if (count <= MAX_UPDATE_MANAGERS) return;
    const first = firstOfVersion.get(manager.apiVersion);
    if (first === undefined) {
      firstOfVersion.set(manager.apiVersion, id);
      continue;
    }
    const bucket: Manager = { ...manager, name: "ancient-changes", operation: "Update", subresource: "" };
    const bucketId = managerId(bucket);
    const merged = managers.get(bucketId) ?? managers.get(first);
    if (!managers.has(bucketId)) managers.delete(first);
    managers.delete(id);
    managers.set(bucketId, { ...bucket, fields: union(manager.fields, merged?.fields ?? EMPTY) });
    count -= 1;
  }
}
