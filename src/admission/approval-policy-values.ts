import type { ApprovalPolicy } from "../api/v1alpha1/index.ts";
import { policyProblems } from "../approvals/policy-problems.ts";
import { jsonEqual } from "../machinery/json-equal.ts";
import { ofApprovalPolicy } from "./kinds.ts";
import type { Rule } from "./write.ts";

/**
 * Rules that nobody can evaluate are refused where they are written; one that is there all the same asks for approval of
 * everything. What is stored already may stay, so that it can lose a finalizer.
 */
export const approvalPoliciesAreReadable: Rule = {
  concerns: (write) => ofApprovalPolicy(write) && write.operation !== "DELETE" && write.subresource === "",
  refusal({ object, oldObject }) {
    const policy = object as ApprovalPolicy;
    if (oldObject && jsonEqual(policy.spec, (oldObject as ApprovalPolicy).spec)) return undefined;
    const problems = policyProblems(policy);
    return problems.length === 0 ? undefined : { reason: "Invalid", problems };
  },
};
