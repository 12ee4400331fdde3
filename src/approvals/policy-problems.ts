import { imagePrefixProblem } from "../api/image-prefix.ts";
import { cpuMillis, memoryBytes, type Quantity } from "../api/quantity.ts";
import type { ApprovalPolicy } from "../api/v1alpha1/index.ts";
import { celProblem } from "./cel.ts";
import { selectorProblems } from "./concerned-namespaces.ts";

/** Why a policy, or one of its rules, cannot be evaluated as its author meant it. */
export interface PolicyProblem {
  /** Field of the policy: `spec.rules[0].cel`. */
  readonly path: string;
  readonly message: string;
}

type Rule = ApprovalPolicy["spec"]["rules"][number];

/**
 * Pure. All that keeps a policy from being evaluated as its author meant it; empty: nothing. Admission refuses it by these. One
 * that is there all the same asks for approval of everything that the rule in question could concern.
 */
export function policyProblems({ spec }: Pick<ApprovalPolicy, "spec">): readonly PolicyProblem[] {
  return [
    ...selectorProblems(spec.namespaceSelector ?? {}),
    ...spec.rules.flatMap((rule, at) => ruleProblems(rule, `spec.rules[${at}]`)),
  ];
}

function ruleProblems(rule: Rule, path: string): readonly PolicyProblem[] {
  const { sourceTypes, registryNotIn = [], profiles, backends, cel } = rule;
  return [
    ...Object.entries({ sourceTypes, profiles, backends })
      .filter(([, list]) => list?.length === 0)
      .map(([name]) => ({ path: `${path}.${name}`, message: "is empty, so that no deployment matches" })),
    ...registryNotIn.flatMap((prefix, at) => problem(`${path}.registryNotIn[${at}]`, imagePrefixProblem(prefix))),
    ...quantityProblem(`${path}.cpuAbove`, rule.cpuAbove, cpuMillis),
    ...quantityProblem(`${path}.memoryAbove`, rule.memoryAbove, memoryBytes),
    ...(cel === undefined ? [] : problem(`${path}.cel`, celProblem(cel))),
  ];
}

function problem(path: string, message: string | undefined): readonly PolicyProblem[] {
  return message === undefined ? [] : [{ path, message }];
}

function quantityProblem(
  path: string,
  quantity: Quantity | undefined,
  parse: (quantity: Quantity) => number,
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
