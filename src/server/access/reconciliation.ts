import { isDeepStrictEqual } from "node:util";
import type { Manifest } from "./kubernetes-roles.ts";
import type { Binding, ClusterRole, PolicyRule, Subject } from "./rbac.ts";
import { missingRules } from "./rule-cover.ts";

/**
 * How far a role or binding that exists is brought to what it should be:
 * - `Extend`, as kube-apiserver treats its own: what is missing is added, what somebody added stays;
 * - `Replace`, as `kubectl apply` would: it ends with exactly the rules or subjects of the manifest.
 * Either way the annotation `rbac.authorization.kubernetes.io/autoupdate: "false"` keeps an object as it is.
 */
export type ReconcileMode = "Extend" | "Replace";

/** The role to write, or undefined where nothing is to be done. */
export function reconciledRole<T extends ClusterRole>(
  existing: T,
  wanted: Manifest<ClusterRole>,
  mode: ReconcileMode,
): T | undefined {
  if (isProtected(existing)) return undefined;
  const { aggregationRule } = wanted;
  const next: T = {
    ...existing,
    metadata: mergedMetadata(existing, wanted),
    ...(aggregationRule && { aggregationRule }),
    // The rules of an aggregated role are the aggregator's.
    ...(!aggregationRule && { rules: mergedRules(existing.rules ?? [], wanted.rules ?? [], mode) }),
  };
  return isDeepStrictEqual(next, existing) ? undefined : next;
}

/** The binding to write, undefined where nothing is to be done, or "recreate": to what it refers can never change. */
export function reconciledBinding(
  existing: Binding,
  wanted: Manifest<Binding>,
  mode: ReconcileMode,
): Binding | "recreate" | undefined {
  if (isProtected(existing)) return undefined;
  if (existing.roleRef.kind !== wanted.roleRef.kind || existing.roleRef.name !== wanted.roleRef.name) return "recreate";
  const next: Binding = {
    ...existing,
    metadata: mergedMetadata(existing, wanted),
    subjects: mergedSubjects(existing.subjects ?? [], wanted.subjects ?? [], mode),
  };
  return isDeepStrictEqual(next, existing) ? undefined : next;
}

function isProtected({ metadata }: ClusterRole | Binding): boolean {
  return metadata.annotations?.["rbac.authorization.kubernetes.io/autoupdate"] === "false";
}

/** What somebody set on the object wins over the default. */
function mergedMetadata(existing: ClusterRole | Binding, wanted: Manifest<ClusterRole | Binding>) {
  const { metadata } = existing;
  const labels = { ...wanted.metadata.labels, ...metadata.labels };
  const annotations = { ...wanted.metadata.annotations, ...metadata.annotations };
  return {
    ...metadata,
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
}

function mergedRules(existing: readonly PolicyRule[], wanted: readonly PolicyRule[], mode: ReconcileMode) {
  const missing = missingRules(existing, wanted);
  if (mode === "Extend") return missing.length === 0 ? existing : [...existing, ...missing];
  return missing.length === 0 && missingRules(wanted, existing).length === 0 ? existing : wanted;
}

function mergedSubjects(existing: readonly Subject[], wanted: readonly Subject[], mode: ReconcileMode) {
  const missing = wanted.filter((subject) => !existing.some((known) => sameSubject(known, subject)));
  if (mode === "Extend") return missing.length === 0 ? existing : [...existing, ...missing];
  return missing.length === 0 && existing.length === wanted.length ? existing : wanted;
}

function sameSubject(a: Subject, b: Subject): boolean {
  return a.kind === b.kind && a.name === b.name && (a.namespace ?? "") === (b.namespace ?? "");
}
