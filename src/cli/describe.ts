import { approvalOf, approvalsAbout, deploymentOf, requireName } from "./approvals-named.ts";
import { approvalTable, phaseOf } from "./approvals-table.ts";
import { describeApproval } from "./approvals-text.ts";
import { type ClientOptions, commandClient } from "./client-command.ts";
import { type CommandContext, write } from "./command-context.ts";
import { describeDeployment } from "./status-text.ts";

/** As typed. */
export interface DescribeOptions extends ClientOptions {
  readonly name: string;
}

/**
 * `slipway describe NAME`: an Approval in full, or a deployment with what is asked about it: what is pending in full, what
 * was decided in a table. Answers the exit code. @throws {UsageError} for what was typed. @throws {Error} where there is neither.
 */
export async function describe(options: DescribeOptions, context: CommandContext): Promise<number> {
  const { name } = options;
  requireName(name);
  using api = await commandClient(options, context, "slipway-describe");
  const { signal } = context;
  const now = new Date();
  const approval = await approvalOf(name, api, signal);
  if (approval) {
    await write(context, describeApproval(approval, now));
    return 0;
  }
  const deployment = await deploymentOf(name, api, signal);
  const about = await approvalsAbout(name, api, signal);
  const open = about.filter((each) => phaseOf(each) === "Pending");
  const parts = [
    describeDeployment(deployment, { now, usage: undefined }),
    about.length === 0 ? "No Approvals.\n" : `APPROVALS\n${approvalTable(about, { allNamespaces: false, now })}`,
    ...open.map((each) => describeApproval(each, now)),
  ];
  await write(context, parts.join("\n"));
  return 0;
}
