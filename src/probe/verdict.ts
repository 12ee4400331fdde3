import { sameFacts } from "./mcp-facts.ts";
import type { McpFacts, ProbeFailure, ProbeVerdict } from "./prober.ts";

export type ProbeOutcome =
  | { readonly kind: "answered"; readonly mcp: McpFacts | undefined }
  | { readonly kind: "failed"; readonly failure: ProbeFailure };

/** What the probes of one instance amount to so far. */
export interface Assessment {
  readonly verdict: ProbeVerdict;
  /** Since the last success, or since the beginning. */
  readonly failuresInARow: number;
}

export const UNKNOWN: Assessment = {
  verdict: { kind: "pending", failures: 0, failure: undefined },
  failuresInARow: 0,
};

/** Pure. Ready turns on with the first success and off after `failureThreshold` failures in a row. */
export function assess(before: Assessment, outcome: ProbeOutcome, failureThreshold: number): Assessment {
  if (outcome.kind === "answered") {
    return { verdict: { kind: "ready", mcp: outcome.mcp }, failuresInARow: 0 };
  }
  const failuresInARow = before.failuresInARow + 1;
  const { reason, message } = outcome.failure;
  return { verdict: afterFailure(before.verdict, { reason, message }, failuresInARow), failuresInARow };

  function afterFailure(verdict: ProbeVerdict, failure: ProbeFailure, failures: number): ProbeVerdict {
    switch (verdict.kind) {
      case "pending":
        return { kind: "pending", failures, failure };
      case "ready":
        return failures >= failureThreshold ? { kind: "failed", failure } : verdict;
      case "failed":
        return { kind: "failed", failure };
      default:
        return verdict satisfies never;
    }
  }
}

/** Whether a reader would see the same. How many attempts failed is no news. */
export function sameVerdict(a: ProbeVerdict, b: ProbeVerdict): boolean {
  if (a.kind === "ready") return b.kind === "ready" && sameFacts(a.mcp, b.mcp);
  return a.kind === b.kind && sameFailure(a.failure, b.failure);
}

function sameFailure(a: ProbeFailure | undefined, b: ProbeFailure | undefined): boolean {
  return a?.reason === b?.reason && a?.message === b?.message;
}
