import { isFailure } from "../client/errors.ts";
import type { ProjectClient } from "../client/project-client.ts";
import type { CallOptions } from "../client/transport.ts";
import type { EgressStep } from "./egress-plan.ts";

export interface StepsTaken {
  /** For people. */
  readonly done: readonly string[];
  /** What Code Engine will not have, though nothing was in its way; undefined: nothing. */
  readonly refused: string | undefined;
}

/**
 * Takes the steps one by one. What meets changes of others is left to the next look; so is what is refused while a range is on
 * its way out, since that may be why. A rule that cannot be changed is deleted: it is not to stay as it is.
 * @throws {CodeEngineError} for what says nothing about the rule: no answer, no right, too many calls.
 */
export async function applySteps(
  project: ProjectClient,
  steps: readonly EgressStep[],
  options: CallOptions,
): Promise<StepsTaken> {
  const done: string[] = [];
  const refused: string[] = [];
  for (const step of steps) {
    try {
      done.push(await take(project, step, options));
    } catch (error) {
      if (isFailure(error, "conflict", "notFound")) continue;
      if (!isFailure(error, "terminal") || error.status !== 400) throw error;
      refused.push(error.message);
      if (step.kind === "change") done.push(await take(project, { kind: "delete", rule: step.rule }, options));
    }
  }
  const isInTheWay = steps.some(({ kind }) => kind === "delete");
  return { done, refused: refused.length > 0 && !isInTheWay ? refused.join("; ") : undefined };
}

async function take(project: ProjectClient, step: EgressStep, options: CallOptions): Promise<string> {
  const rules = project.outboundDestinations;
  switch (step.kind) {
    case "delete":
      await rules.delete(step.rule.name, options);
      return `closed ${step.rule.cidr} (rule ${step.rule.name})`;
    case "change": {
      const { rule, cidr } = step;
      const patch = { type: "cidr_block", cidr_block: cidr } as const;
      await rules.patch(rule.name, patch, { ...options, entityTag: rule.entityTag });
      return `changed ${rule.cidr} to ${cidr} (rule ${rule.name})`;
    }
    case "create":
      await rules.create({ type: "cidr_block", name: step.name, cidr_block: step.cidr }, options);
      return `opened ${step.cidr} (rule ${step.name})`;
    default:
      return step satisfies never;
  }
}
