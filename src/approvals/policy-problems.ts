import { cpuMillis, memoryBytes } from "../api/quantity.ts";
import type { ApprovalPolicy } from "../api/v1alpha1/index.ts";

/** Why a policy, or one of its rules, cannot be evaluated. */
export interface PolicyProblem {
  /** Field of the policy: `spec.rules[0].cel`. */
  readonly path: string;
  readonly message: string;
}

/**
 * Pure. All that keeps a policy from being evaluated as its author meant it; empty: nothing. Admission refuses it by these. One
 * that is there all the same asks for approval of everything that the rule in question could concern.
 */
export function policyProblems({ spec: { rules } }: Pick<ApprovalPolicy, "spec">): readonly PolicyProblem[] {
  return rules.flatMap(({ cpuAbove, memoryAbove }, at) => [
    ...quantityProblem(`spec.rules[${at}].cpuAbove`, cpuAbove, cpuMillis),
    ...quantityProblem(`spec.rules[${at}].memoryAbove`, memoryAbove, memoryBytes),
  ]);
}

function quantityProblem(
  path: string,
  quantity: string | number | undefined,
  parse: (quantity: string | number) => number,
): readonly PolicyProblem[] {
  if (quantity === undefined) return [];
  try {
    parse(quantity);
    return [];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return [{ path, message: error.message }];
  }
}
