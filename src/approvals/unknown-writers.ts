import { formatKey } from "../api/meta.ts";
import type { RuntimeDeploymentSpec } from "../api/v1alpha1/index.ts";
import { referencedObjects } from "../effective-spec/effective-spec.ts";
import { type ReviewedConfigMap, type ReviewedSpec, UNRESOLVED } from "../effective-spec/reviewed-spec.ts";
import { jsonEqual } from "../machinery/json-equal.ts";

/**
 * Pure. Whether some of what differs from the version that was approved last was written by somebody who left no name: another
 * content of a ConfigMap that was named then, too, or another image behind the same reference. Whoever did it may be an approver,
 * and the requesters whose names are known say nothing of that.
 */
export function haveUnknownWriters(approved: ReviewedSpec, wanted: ReviewedSpec): boolean {
  return isTagMoved(approved, wanted) || areContentsChanged(approved, wanted);
}

function isTagMoved(approved: ReviewedSpec, wanted: ReviewedSpec): boolean {
  if (approved.image === wanted.image || approved.image === UNRESOLVED || wanted.image === UNRESOLVED) return false;
  return approved.source.image?.reference === wanted.source.image?.reference;
}

function areContentsChanged(approved: ReviewedSpec, wanted: ReviewedSpec): boolean {
  const [then, now] = [contentsOf(approved), contentsOf(wanted)];
  const namedThen = new Set(namesIn(approved));
  const namedNow = new Set(namesIn(wanted));
  return [...new Set([...then.keys(), ...now.keys()])].some((key) => {
    const [before, after] = [then.get(key), now.get(key)];
    const isNamed = (content: unknown, names: ReadonlySet<string>) => content !== undefined || names.has(nameOf(key));
    return isNamed(before, namedThen) && isNamed(after, namedNow) && !jsonEqual(before, after);
  });
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
