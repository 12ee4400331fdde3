import { ConditionType, Reason } from "../api/v1alpha1/conditions.ts";
import type { Approval, RuntimeDeployment } from "../api/v1alpha1/index.ts";
import { REQUEST_ANNOTATION, runtimeDeployments } from "../api/v1alpha1/index.ts";
import { approvalsAbout, deploymentOf, requireName } from "./approvals-named.ts";
import { phaseOf } from "./approvals-table.ts";
import { type ClientOptions, commandClient } from "./client-command.ts";
import { type CommandContext, write } from "./command-context.ts";
import { visible } from "./visible-text.ts";

/** As typed. */
export interface RequestOptions extends ClientOptions {
  readonly name: string;
}

/**
 * `slipway request NAME`: asks again for the approval of a deployment whose request has expired, and says what comes of it.
 * Answers the exit code: 1 where asking cannot help. @throws {UsageError} for what was typed. @throws {Error} for what was refused.
 */
export async function request(options: RequestOptions, context: CommandContext): Promise<number> {
  const { name } = options;
  requireName(name);
  using api = await commandClient(options, context, "slipway-request");
  const { signal } = context;
  const deployment = await deploymentOf(name, api, signal);
  const answer = answerTo(deployment, await approvalsAbout(name, api, signal));
  if (answer.ask) {
    const body = {
      metadata: { uid: deployment.metadata.uid, annotations: { [REQUEST_ANNOTATION]: new Date().toISOString() } },
    };
    const key = { namespace: api.namespace, name };
    await api.client.patch(
      runtimeDeployments,
      key,
      { type: "merge", body },
      { signal, fieldManager: "slipway-request" },
    );
  }
  await write(context, `${visible(answer.text)}\n`);
  return answer.code;
}

interface Answer {
  readonly ask: boolean;
  readonly text: string;
  readonly code: 0 | 1;
}

/** What was asked about the version that the deployment is in now; `about`: the newest first. */
function answerTo({ metadata, status }: RuntimeDeployment, about: readonly Approval[]): Answer {
  const { name, uid, generation } = metadata;
  const held = status?.conditions?.find(({ type }) => type === ConditionType.Approved);
  const why = held?.observedGeneration === generation ? held?.reason : undefined;
  if (why === Reason.AdmissionMissing) {
    return { ask: true, code: 0, text: `Asked for ${name} as it stands. It was held: ${held?.message}` };
  }
  const own = about.filter(({ spec }) => spec.deploymentRef.uid === uid);
  const newest = own.find((each) => each.metadata.name === status?.approvalRef?.name) ?? own[0];
  if (!newest) return { ask: false, code: 0, text: `Nothing to ask: no policy has asked about ${name} so far.` };
  const same = own.filter(({ spec }) => spec.digest === newest.spec.digest);
  const having = (phase: string) => same.find((each) => phaseOf(each) === phase);

  const rejected = having("Rejected");
  if (rejected) return { ask: false, code: 1, text: rejectedText(rejected) };
  const pending = having("Pending");
  if (pending) {
    const until = pending.status?.expiresAt ? ` until ${pending.status.expiresAt}` : "";
    return { ask: false, code: 0, text: `Asked already: ${pending.metadata.name} awaits a decision${until}.` };
  }
  // Of several policies one may have an answer.
  const expired = why === Reason.ApprovalExpired ? (having("Expired") ?? newest) : newest;
  if (phaseOf(expired) === "Expired") {
    const text = `Asked again, since ${expired.metadata.name} has expired. 'slipway describe ${name}' shows the new request.`;
    return { ask: true, code: 0, text };
  }
  return { ask: false, code: 0, text: `Nothing to ask: ${newest.metadata.name} is ${phaseOf(newest)}.` };
}

function rejectedText({ metadata, spec }: Approval): string {
  const no = spec.decisions.find(({ verdict }) => verdict === "Rejected");
  const why = no?.reason === undefined ? "" : `: ${no.reason}`;
  return (
    `${metadata.name} was rejected${no?.by === undefined ? "" : ` by ${no.by}`}${why}. ` +
    "A rejected version stays rejected; change the deployment, and the changed version is asked about."
  );
}
