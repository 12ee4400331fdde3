import { type Approval, approvals } from "../api/v1alpha1/index.ts";
import { approvalTable } from "./approvals-table.ts";
import { type ClientOptions, commandClient } from "./client-command.ts";
import { type CommandContext, write } from "./command-context.ts";
import { listAll } from "./list-all.ts";
import { outputFormat, rendered } from "./output-format.ts";
import { UsageError } from "./usage-error.ts";

/** As typed. */
export interface ApprovalsOptions extends ClientOptions {
  readonly allNamespaces?: boolean;
  /** Those that await a decision alone. */
  readonly pending?: boolean;
  /** table, json or yaml. Default table. */
  readonly output?: string;
}

/** An Approval that its controller has not seen has no phase, and is as pending as any. */
const NOT_CLOSED = ["Approved", "Rejected", "Expired", "Superseded"].map((phase) => `status.phase!=${phase}`).join(",");

/**
 * `slipway approvals`: what was asked in a namespace or in all, the newest first. Answers the exit code.
 * @throws {UsageError} for what was typed. @throws {Error} where they cannot be read.
 */
export async function listApprovals(options: ApprovalsOptions, context: CommandContext): Promise<number> {
  const output = outputFormat(options.output);
  const { allNamespaces = false, pending = false } = options;
  if (allNamespaces && options.namespace !== undefined) {
    const one = JSON.stringify(options.namespace);
    throw new UsageError(`-A: means all namespaces, and -n ${one} one; leave one of them out`);
  }
  using connection = await commandClient(options, context, "slipway-approvals");
  const { client, namespace } = connection;
  const scope = { ...(!allNamespaces && { namespace }), ...(pending && { fieldSelector: NOT_CLOSED }) };
  const found = (await listAll(client, approvals, scope, context.signal)).toSorted(newestFirst);

  if (output !== "table") await write(context, rendered(output, asList(found)));
  else if (found.length > 0) await write(context, approvalTable(found, { allNamespaces, now: new Date() }));
  else
    await write(
      context,
      `No ${pending ? "pending " : ""}Approvals${allNamespaces ? "" : ` in namespace ${namespace}`}.\n`,
    );
  return 0;
}

/** The newest first, then by name. */
export function newestFirst(a: Approval, b: Approval): number {
  return (
    Date.parse(b.spec.requestedAt) - Date.parse(a.spec.requestedAt) ||
    a.metadata.name.localeCompare(b.metadata.name, "en")
  );
}

function asList(items: readonly Approval[]): object {
  return { apiVersion: "v1", kind: "List", metadata: {}, items };
}
