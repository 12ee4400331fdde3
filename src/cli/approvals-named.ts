import { type Approval, approvals, type RuntimeDeployment, runtimeDeployments } from "../api/v1alpha1/index.ts";
import { isReason } from "../machinery/client.ts";
import { newestFirst } from "./approvals.ts";
import { phaseOf } from "./approvals-table.ts";
import type { CommandClient } from "./client-command.ts";
import { listAll } from "./list-all.ts";
import { UsageError } from "./usage-error.ts";

/** What the API takes for a name; anything else would be more than one in a selector. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/** @throws {UsageError} for what no object is called. */
export function requireName(name: string): void {
  if (NAME.test(name)) return;
  throw new UsageError(
    `NAME: ${JSON.stringify(name)} is no name of an object; write that of an Approval or of a RuntimeDeployment, as 'slipway approvals' shows them`,
  );
}

/** The Approval of this name, where there is one. */
export async function approvalOf(
  name: string,
  { client, namespace }: CommandClient,
  signal: AbortSignal,
): Promise<Approval | undefined> {
  return await client.get(approvals, { namespace, name }, signal).catch((error: unknown) => {
    if (!isReason(error, "NotFound")) throw error;
    return undefined;
  });
}

/** The deployment of this name, where no Approval has it. @throws {Error} naming where it was looked for. */
export async function deploymentOf(
  name: string,
  { client, namespace }: CommandClient,
  signal: AbortSignal,
): Promise<RuntimeDeployment> {
  return await client.get(runtimeDeployments, { namespace, name }, signal).catch((error: unknown) => {
    if (!isReason(error, "NotFound")) throw error;
    const where = `in namespace ${JSON.stringify(namespace)}`;
    throw new Error(
      `NAME: there is no RuntimeDeployment or Approval ${JSON.stringify(name)} ${where}; 'slipway status -A' shows all`,
    );
  });
}

/** All that was asked about deployments of this name, also about some that are gone; the newest first. */
export async function approvalsAbout(
  deployment: string,
  { client, namespace }: CommandClient,
  signal: AbortSignal,
): Promise<Approval[]> {
  const scope = { namespace, fieldSelector: `spec.deploymentRef.name=${deployment}` };
  return (await listAll(client, approvals, scope, signal)).toSorted(newestFirst);
}

/**
 * The Approval that somebody means who types its name, or that of a deployment about which one alone is pending.
 * @throws {Error} where it is none or one of several, saying which there are.
 */
export async function meantApproval(name: string, api: CommandClient, signal: AbortSignal): Promise<Approval> {
  requireName(name);
  const exact = await approvalOf(name, api, signal);
  if (exact) return exact;
  const about = await approvalsAbout(name, api, signal);
  const pending = about.filter((each) => phaseOf(each) === "Pending");
  const [only] = pending;
  if (only && pending.length === 1) return only;
  const quoted = JSON.stringify(name);
  const where = `in namespace ${JSON.stringify(api.namespace)}`;
  if (only) {
    const names = pending.map(({ metadata }) => metadata.name).join(", ");
    throw new Error(
      `NAME: ${pending.length} Approvals of deployment ${quoted} are pending ${where}; name one: ${names}`,
    );
  }
  if (about[0]) {
    throw new Error(
      `NAME: no Approval of deployment ${quoted} is pending ${where}; the newest, ${about[0].metadata.name}, is ${phaseOf(about[0])}`,
    );
  }
  throw new Error(
    `NAME: there is no Approval ${quoted} ${where}, and none of a deployment of that name; 'slipway approvals -A' shows all`,
  );
}
