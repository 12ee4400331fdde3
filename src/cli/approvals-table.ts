import type { Approval } from "../api/v1alpha1/index.ts";
import { age, timeLeft } from "./age.ts";
import { table } from "./table.ts";
import { visible } from "./visible-text.ts";

/** One row for each, with what makes it urgent. */
export function approvalTable(
  found: readonly Approval[],
  { allNamespaces, now }: { readonly allNamespaces: boolean; readonly now: Date },
): string {
  const header = ["NAME", "PHASE", "DEPLOYMENT", "REQUESTED BY", "POLICIES", "EXPIRES", "AGE"];
  const rows = found.map((approval) => [
    ...(allNamespaces ? [approval.metadata.namespace ?? ""] : []),
    ...cells(approval, now),
  ]);
  return table([[...(allNamespaces ? ["NAMESPACE"] : []), ...header], ...rows].map((row) => row.map(visible)));
}

/** How it stands; one that its controller has not seen yet is pending. */
export function phaseOf({ status }: Approval): NonNullable<NonNullable<Approval["status"]>["phase"]> {
  return status?.phase ?? "Pending";
}

function cells(approval: Approval, now: Date): string[] {
  const { metadata, spec, status } = approval;
  const phase = phaseOf(approval);
  const expires = phase === "Pending" && status?.expiresAt !== undefined ? timeLeft(status.expiresAt, now) : "-";
  return [
    metadata.name,
    phase,
    spec.deploymentRef.name,
    spec.requesters.map(({ username }) => username).join(", ") || "-",
    spec.policies.map(({ name }) => name).join(", "),
    expires,
    age(spec.requestedAt, now),
  ];
}
