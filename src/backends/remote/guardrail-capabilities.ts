import {
  GUARDRAIL_FEATURES,
  type GuardrailCapabilities,
  type GuardrailFeature,
  type Support,
} from "../../guardrails/capabilities.ts";

const ELSEWHERE: Support = {
  enforcement: "NotEnforced",
  reason: "somebody else runs the server, and nothing of it can be confined from here",
};

/** Nothing is promised about a process that is not ours, not even what asks for nothing: it may have been confined by others. */
export const REMOTE_GUARDRAILS: GuardrailCapabilities = {
  features: Object.fromEntries(GUARDRAIL_FEATURES.map((feature) => [feature, ELSEWHERE])) as Record<
    GuardrailFeature,
    Support
  >,
  appArmorProfiles: [],
};
