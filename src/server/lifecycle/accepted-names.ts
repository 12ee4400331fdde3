import type { CustomResourceDefinition } from "../../api/custom-resource-definition.ts";
import type { Condition } from "../../api/meta.ts";

type Names = CustomResourceDefinition["spec"]["names"];

export interface NamesVerdict {
  readonly changed: boolean;
  readonly conditions: Condition[];
  readonly acceptedNames: Names;
}

/**
 * The naming controller of apiextensions-apiserver: names are accepted one by one unless another definition of the group
 * holds them; a kind is served once all are. Pure.
 */
export function acceptNames(
  definition: CustomResourceDefinition,
  others: readonly CustomResourceDefinition[],
  now: string,
): NamesVerdict {
  const { names: wanted, group } = definition.spec;
  const taken = takenNames(others.filter(({ spec }) => spec.group === group));
  const accepted: Names = { ...(definition.status?.acceptedNames ?? { plural: "", kind: "" }) };
  const conflicts: { reason: string; message: string }[] = [];
  const inUse = (name: string, reason: string, set: ReadonlySet<string>) => {
    if (!set.has(name)) return false;
    conflicts.push({ reason, message: `${JSON.stringify(name)} is already in use` });
    return true;
  };
  if (!inUse(wanted.plural, "PluralConflict", taken.resources)) accepted.plural = wanted.plural;
  const singular = wanted.singular ?? "";
  if (singular !== "" && !inUse(singular, "SingularConflict", taken.resources)) accepted.singular = singular;
  const shortNames = (wanted.shortNames ?? []).filter((name) => !inUse(name, "ShortNamesConflict", taken.resources));
  if (shortNames.length === (wanted.shortNames ?? []).length) {
    if (wanted.shortNames) accepted.shortNames = wanted.shortNames;
    else delete accepted.shortNames;
  }
  if (!inUse(wanted.kind, "KindConflict", taken.kinds)) accepted.kind = wanted.kind;
  const listKind = wanted.listKind ?? `${wanted.kind}List`;
  if (!inUse(listKind, "ListKindConflict", taken.kinds)) accepted.listKind = listKind;
  if (wanted.categories) accepted.categories = wanted.categories;
  else delete accepted.categories;
  const conditions = conclude(definition, conflicts.at(-1), now);
  const { status } = definition;
  const changed =
    JSON.stringify(sorted(accepted)) !== JSON.stringify(sorted(status?.acceptedNames ?? { plural: "", kind: "" })) ||
    JSON.stringify(conditions) !== JSON.stringify(status?.conditions ?? []);
  return { changed, conditions, acceptedNames: accepted };
}

function conclude(
  { status }: CustomResourceDefinition,
  conflict: { reason: string; message: string } | undefined,
  now: string,
): Condition[] {
  const before = status?.conditions ?? [];
  const wasEstablished = before.some(({ type, status: value }) => type === "Established" && value === "True");
  const accepted = conflict
    ? { type: "NamesAccepted", status: "False" as const, ...conflict }
    : { type: "NamesAccepted", status: "True" as const, reason: "NoConflicts", message: "no conflicts found" };
  const established = conflict
    ? { type: "Established", status: "False" as const, reason: "NotAccepted", message: "not all names are accepted" }
    : {
        type: "Established",
        status: "True" as const,
        reason: "InitialNamesAccepted",
        message: "the initial names have been accepted",
      };
  const next = [accepted];
  // Once established, a definition stays so.
  if (!(wasEstablished && conflict)) next.push(established);
  return merge(before, next, now);
}

function merge(
  before: readonly Condition[],
  next: readonly Omit<Condition, "lastTransitionTime">[],
  now: string,
): Condition[] {
  const merged = [...before];
  for (const condition of next) {
    const at = merged.findIndex(({ type }) => type === condition.type);
    const known = merged[at];
    const isSame =
      known?.status === condition.status && known.reason === condition.reason && known.message === condition.message;
    if (isSame) continue;
    const { type, status, reason, message } = condition;
    const lastTransitionTime = known?.status === status ? known.lastTransitionTime : now;
    const full: Condition = { type, status, lastTransitionTime, reason, message };
    if (at < 0) merged.push(full);
    else merged[at] = full;
  }
  return merged;
}

/** Names that other definitions of the group have been granted. */
function takenNames(others: readonly CustomResourceDefinition[]): { resources: Set<string>; kinds: Set<string> } {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { status } of others) {
    const names = status?.acceptedNames;
    if (!names) continue;
    for (const name of [names.plural, names.singular, ...(names.shortNames ?? [])]) if (name) resources.add(name);
    for (const kind of [names.kind, names.listKind]) if (kind) kinds.add(kind);
  }
  return { resources, kinds };
}

function sorted(names: Names): [string, unknown][] {
  return Object.entries(names)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
