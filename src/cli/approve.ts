import { type Approval, approvals } from "../api/v1alpha1/index.ts";
import { ApiError, isReason } from "../machinery/client.ts";
import { jsonEqual } from "../machinery/json-equal.ts";
import { approvalOf, meantApproval } from "./approvals-named.ts";
import { neededApprovers } from "./approvals-needed.ts";
import { phaseOf } from "./approvals-table.ts";
import { describeApproval } from "./approvals-text.ts";
import { type ClientOptions, type CommandClient, commandClient } from "./client-command.ts";
import { type CommandContext, write } from "./command-context.ts";
import { UsageError } from "./usage-error.ts";
import { visible } from "./visible-text.ts";

export type Verdict = "Approved" | "Rejected";

/** As typed. */
export interface DecideOptions extends ClientOptions {
  /** Of the Approval, or of a deployment about which one alone is pending. */
  readonly name: string;
  readonly reason: string;
  /** What the reader has seen: anything else is not decided. */
  readonly digest?: string;
}

/** Where there is somebody at a terminal, they are asked once they have seen what it is about. */
export interface DecideContext extends CommandContext {
  readonly confirm?: (question: string) => Promise<boolean>;
}

const REASON_LENGTH = 1_024;
/** Decisions of others that may come in between; each policy has few approvers. */
const ATTEMPTS = 5;

/**
 * `slipway approve NAME` and `slipway reject NAME`: prints what is decided on, and appends the decision to exactly that. Who
 * gives the digest has seen it before, and is not asked. Answers the exit code.
 * @throws {UsageError} for what was typed. @throws {Error} for what was refused.
 */
export async function decide(verdict: Verdict, options: DecideOptions, context: DecideContext): Promise<number> {
  requireReason(options.reason);
  requireDigest(options.digest);
  using api = await commandClient(options, context, "slipway-approve");
  const shown = await meantApproval(options.name, api, context.signal);
  if (options.digest !== undefined && options.digest !== shown.spec.digest) {
    throw new Error(
      `--digest: ${options.digest} is not what ${shown.metadata.name} is about, which is ${shown.spec.digest}; ` +
        `nothing was decided. See 'slipway describe ${shown.metadata.name}'`,
    );
  }
  requirePending(shown);
  await write(context, describeApproval(shown, new Date()));
  const question = `\n${verdict === "Approved" ? "Approve" : "Reject"} this? [y/N] `;
  if (options.digest === undefined && context.confirm && !(await context.confirm(question))) {
    throw new Error("nothing was decided");
  }
  const decided = await append({ verdict, reason: options.reason }, shown, { api, context });
  await write(context, `\n${resultText(verdict, decided)}`);
  return 0;
}

function requireReason(reason: string): void {
  if (reason.trim() === "")
    throw new UsageError('--reason: "" says nothing; write why, for the requesters and for the record');
  if ([...reason].length > REASON_LENGTH) {
    throw new UsageError(`--reason: ${[...reason].length} characters; at most ${REASON_LENGTH} are kept`);
  }
}

function requireDigest(digest: string | undefined): void {
  if (digest === undefined || /^v[0-9]+:sha256:[0-9a-f]{64}$/.test(digest)) return;
  throw new UsageError(
    `--digest: ${JSON.stringify(digest)} is none; write it as 'slipway describe' shows it: v1:sha256:…`,
  );
}

function requirePending(approval: Approval): void {
  const phase = phaseOf(approval);
  if (phase === "Pending") return;
  const { name } = approval.metadata;
  const by = approval.status?.decidedBy?.join(", ");
  const next = phase === "Expired" ? `; 'slipway request ${approval.spec.deploymentRef.name}' asks again` : "";
  throw new Error(
    `Approval ${name} is ${phase} already${by ? `, by ${visible(by)}` : ""}; it can be decided no more${next}`,
  );
}

/** Tests what was shown in the same write. Another's decision in between changes nothing of it; anything else ends this. */
async function append(
  decision: { verdict: Verdict; reason: string },
  shown: Approval,
  { api, context }: { api: CommandClient; context: CommandContext },
): Promise<Approval> {
  const { name, uid } = shown.metadata;
  const { signal } = context;
  const body = [
    { op: "test", path: "/metadata/uid", value: uid },
    { op: "test", path: "/spec/digest", value: shown.spec.digest },
    { op: "test", path: "/spec/seal", value: shown.spec.seal },
    { op: "add", path: "/spec/decisions/-", value: decision },
  ];
  const key = { namespace: api.namespace, name };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await api.client.patch(
        approvals,
        key,
        { type: "json", body },
        { signal, fieldManager: "slipway-approve" },
      );
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const now = isReason(error, "Conflict", "Invalid", "NotFound") ? await approvalOf(name, api, signal) : shown;
      if (!now || !isSameRequest(now, shown)) {
        throw new Error(
          `Approval ${name} is no longer the one shown above, so nothing was decided; see 'slipway describe ${name}'`,
        );
      }
      requirePending(now);
      if (!isReason(error, "Conflict") || attempt === ATTEMPTS) throw withRemedy(error);
    }
  }
}

/** What RBAC refuses it does not explain; admission does. */
function withRemedy(error: ApiError): Error {
  if (!isReason(error, "Forbidden") || !error.message.includes("cannot patch resource")) return error;
  return new Error(`${error.message}; it takes the role slipway-approver, and a policy that names you`, {
    cause: error,
  });
}

/** Whether nothing of a request changed but who has decided. */
function isSameRequest(a: Approval, b: Approval): boolean {
  const asked = ({ metadata, spec }: Approval) => ({ uid: metadata.uid, spec: { ...spec, decisions: undefined } });
  return jsonEqual(asked(a), asked(b));
}

function resultText(verdict: Verdict, decided: Approval): string {
  const { name } = decided.metadata;
  const { deploymentRef } = decided.spec;
  const what = `${name} (deployment ${deploymentRef.name})`;
  if (verdict === "Rejected") return `Rejected ${what}.\n`;
  const open = neededApprovers(decided).filter(({ needed, yes }) => yes.length < needed);
  const missing = open.map(({ policy, needed, yes }) => `policy ${policy} ${needed - yes.length} more of ${needed}`);
  return `Approved ${what}.${missing.length === 0 ? "" : ` Still needed: ${missing.join(", ")}.`}\n`;
}
