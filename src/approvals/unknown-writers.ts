import { formatKey } from "../api/meta.ts";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { referencedObjects } from "../effective-spec/effective-spec.ts";
import { type ReviewedConfigMap, type ReviewedSpec, UNRESOLVED } from "../effective-spec/reviewed-spec.ts";
import { jsonEqual } from "../machinery/json-equal.ts";

/**
 * Pure. Whether some of what differs from the version that was approved last was written by somebody who left no name: another
 * content of a ConfigMap that was named then, too, or another image behind the same reference. Whoever did it may be an approver,
 * and the requesters whose names are known say nothing of that. What nobody has approved yet is compared with what was asked
 * before: a ConfigMap may change while the first question about it is open.
 * @param approved undefined where nothing was.
 * @param asked other versions that somebody was asked about, in any order.
 */
export function haveUnknownWriters(
  approved: ReviewedSpec | undefined,
  wanted: ReviewedSpec,
  asked: readonly ReviewedSpec[] = [],
): boolean {
  const contents = (approved && changedContents(approved, wanted)) ?? { changed: [], same: [] };
  const settled = new Set(contents.same);
  const isMoved = approved ? isTagMoved(approved, wanted) : undefined;
  if (isMoved === true || contents.changed.length > 0) return true;
  return asked.some(
    (each) =>
      (isMoved === undefined && isTagMoved(each, wanted) === true) ||
      changedContents(each, wanted).changed.some((key) => !settled.has(key)),
  );
}

/** Undefined where the two have no reference, or no known image, in common. */
function isTagMoved(before: ReviewedSpec, wanted: ReviewedSpec): boolean | undefined {
  if (before.image === UNRESOLVED || wanted.image === UNRESOLVED) return undefined;
  if (before.source.image?.reference !== wanted.source.image?.reference) return undefined;
  return before.image !== wanted.image;
}

/** Of the ConfigMaps that both name, also those that do not exist. */
function changedContents(approved: ReviewedSpec, wanted: ReviewedSpec) {
  const [then, now] = [contentsOf(approved), contentsOf(wanted)];
  const namedThen = new Set(namesIn(approved));
  const namedNow = new Set(namesIn(wanted));
  const isNamed = (key: string, content: unknown, names: ReadonlySet<string>) =>
    content !== undefined || names.has(nameOf(key));
  const both = [...new Set([...then.keys(), ...now.keys()])].filter(
    (key) => isNamed(key, then.get(key), namedThen) && isNamed(key, now.get(key), namedNow),
  );
  const { changed = [], same = [] } = Object.groupBy(both, (key) =>
    jsonEqual(then.get(key), now.get(key)) ? "same" : "changed",
  );
  return { changed, same };
}

function contentsOf({ configMaps = [] }: ReviewedSpec): ReadonlyMap<string, ReviewedConfigMap> {
  return new Map(configMaps.map((content) => [formatKey(content), content]));
}

/** Also of those that did not exist. */
function namesIn({ env, envFrom, volumes }: ReviewedSpec): string[] {
  const spec = { source: {}, env, envFrom, volumes } as RuntimeDeploymentSpec;
  return referencedObjects(spec).configMaps;
}

function nameOf(key: string): string {
  return key.slice(key.indexOf("/") + 1);
}
