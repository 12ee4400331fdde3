import { readRequesters } from "../../../approvals/requesters.ts";
import type { StampKeys } from "../../../approvals/stamp-keys.ts";
import type { Trigger } from "../../../approvals/triggers.ts";
import { enforcementOf } from "../../../guardrails/enforcement.ts";
import { ApiError } from "../../../machinery/client.ts";
import type { LiveBackend } from "../../backend-registry.ts";
import { lookAgain, type Scope } from "../scope.ts";
import { type Input, newApproval } from "./new-approval.ts";
import type { GatePorts } from "./ports.ts";
import { type AskingPolicy, approvedByAll, approvedLast, type Judged } from "./standing.ts";
import { awaitDecision, holdFor } from "./tell.ts";
import type { Version } from "./version.ts";

export interface Asking {
  readonly version: Version;
  readonly triggers: readonly Trigger[];
  readonly policies: readonly AskingPolicy[];
  readonly judged: readonly Judged[];
  readonly keys: StampKeys;
  readonly live: LiveBackend;
}

/** What keeps anybody from asking is looked at again this soon. */
const RETRY_MS = 30_000;

/** Answers that say nothing of the request. */
const PASSING: ReadonlySet<string> = new Set(["Conflict", "NotFound"]);

/** Makes the Approval that policies want of a version, or says in the scope why nobody can be asked. */
export async function ask(scope: Scope, asking: Asking, { gate, sources, clock }: GatePorts): Promise<void> {
  const { version, triggers, policies, judged, keys, live } = asking;
  const { deployment, profile, owner, signal } = scope;
  const backend = sources.backends.get({ namespace: "", name: version.spec.backend });
  const objects = [deployment, profile, backend].filter((object) => object !== undefined);
  const read = objects.map((object) => ({ object, ...readRequesters(object, keys) }));
  const problem = read.find((each) => each.problem !== undefined)?.problem;
  const admission = gate.admission(owner);
  const missing = problem ?? (admission.kind === "missing" ? admission.message : undefined);
  if (missing !== undefined) {
    holdFor(scope, missing);
    // A writer's stamp changes no generation, and admission comes without an event.
    return lookAgain(scope, RETRY_MS);
  }
  if (admission.kind === "unknown") {
    scope.early = true;
    return;
  }
  const capabilities = live.health?.capabilities?.guardrails;
  const place = { name: live.name, type: scope.backendType };
  const approval = newApproval({
    deployment,
    digest: version.digest,
    reviewed: version.reviewed,
    policies,
    triggers,
    inputs: read.map(({ object, entries }): Input => ({ object, entries })),
    enforcement: capabilities && enforcementOf(version.spec.guardrails, capabilities, place).fields,
    approved: approvedLast(judged),
    known: approvedLast(approvedByAll(judged, policies)),
    earlier: judged.map(({ approval }) => approval),
    taken: new Set(
      gate.approvals
        .byIndex("deployment", owner.uid)
        .filter(({ spec }) => spec.digest === version.digest)
        .map(({ metadata }) => metadata.name),
    ),
    now: clock.now(),
    keys,
  });
  try {
    if (!(await gate.request(approval, signal))) {
      holdFor(
        scope,
        `Approval "${approval.metadata.name}" was written by something else than the controller; delete it`,
      );
      return lookAgain(scope, RETRY_MS);
    }
  } catch (error) {
    // What the API server will not have says something of this request; that it is away does not.
    if (!(error instanceof ApiError) || PASSING.has(error.reason)) throw error;
    holdFor(scope, `the request for approval cannot be stored: ${error.message}`);
    lookAgain(scope, RETRY_MS);
    return;
  }
  awaitDecision(scope, approval.metadata.name, approval.spec.policies);
}
