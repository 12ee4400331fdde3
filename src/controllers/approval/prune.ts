import type { Approval } from "../../api/v1alpha1/index.ts";

/** What is over for good. A yes and a no of people count for as long as the deployment is there. */
function isOver({ spec, status }: Approval): boolean {
  switch (status?.phase) {
    case "Superseded":
    case "Expired":
      return true;
    case "Rejected":
      // By a policy itself, which would say so again.
      return spec.decisions.length === 0;
    default:
      return false;
  }
}

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
    .filter((approval) => isOver(approval) && approval.spec.digest !== wanted)
    .toSorted((a, b) => Date.parse(b.spec.requestedAt) - Date.parse(a.spec.requestedAt))
    .slice(KEPT);
}
