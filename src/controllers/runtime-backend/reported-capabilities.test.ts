import { describe, expect, it } from "@jest/globals";
import { guardrailCapabilities } from "../../../test/support/memory-engine.ts";
import type { RuntimeBackendStatus } from "../../api/v1alpha1/index.ts";
import type { BackendCapabilities } from "../../backends/backend.ts";
import type { GuardrailCapabilities } from "../../guardrails/capabilities.ts";
import { reportCapabilities, reportedGuardrails } from "./reported-capabilities.ts";

function throughStatus(guardrails: GuardrailCapabilities): GuardrailCapabilities | undefined {
  const told = { sources: ["image"], visibilities: [], guardrails } as unknown as BackendCapabilities;
  const status = JSON.parse(JSON.stringify({ capabilities: reportCapabilities(told) })) as RuntimeBackendStatus;
  return reportedGuardrails({ status });
}

describe("what a backend enforces", () => {
  it.each<{ because: string; guardrails: GuardrailCapabilities }>([
    { because: "leaves nothing open to all", guardrails: guardrailCapabilities({}, ["mcp-standard"]) },
    { because: "says that it leaves nothing open", guardrails: { ...guardrailCapabilities({}, []), openRanges: [] } },
    { because: "leaves a range open", guardrails: { ...guardrailCapabilities({}, []), openRanges: ["10.20.0.0/16"] } },
  ])("is read from its status as it was told, where it $because", ({ guardrails }) => {
    expect(throughStatus(guardrails)).toEqual(guardrails);
  });

  it("is not known before it was told", () => {
    expect(reportedGuardrails({})).toBeUndefined();
  });
});
