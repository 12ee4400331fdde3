import type { Approval } from "../../api/v1alpha1/index.ts";

/** What is over for good; a yes and a no count for as long as the deployment is there. */
const OVER: ReadonlySet<string | undefined> = new Set(["Superseded", "Expired"]);
/** So many are kept of one deployment, for people. */
const KEPT = 10;

/**
 * Pure. The Approvals of a deployment that nobody needs: all but the newest of those that are over. What it asks for now keeps
 * its own, since one that expired stays so.
 * @param wanted the digest that it asks for; undefined while that is not known, when nothing is surplus.
 */
export function surplus(approvals: readonly Approval[], wanted: string | undefined): readonly Approval[] {
  if (wanted === undefined) return [];
  return approvals
    .filter(({ spec, status }) => OVER.has(status?.phase) && spec.digest !== wanted)
    .toSorted((a, b) => Date.parse(b.spec.requestedAt) - Date.parse(a.spec.requestedAt))
    .slice(KEPT);
}
