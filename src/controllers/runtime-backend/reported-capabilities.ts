import type { RuntimeBackend, RuntimeBackendStatus } from "../../api/v1alpha1/index.ts";
import type { BackendCapabilities } from "../../backends/backend.ts";
import {
  GUARDRAIL_FEATURES,
  type GuardrailCapabilities,
  type GuardrailFeature,
  type Support,
} from "../../guardrails/capabilities.ts";

type Reported = NonNullable<RuntimeBackendStatus["capabilities"]>;

/** Pure. What a backend can do, as its RuntimeBackend's status has it. */
export function reportCapabilities({ guardrails, sources, visibilities, ...flags }: BackendCapabilities): Reported {
  return {
    ...flags,
    sources: [...sources],
    visibilities: [...visibilities],
    guardrails: GUARDRAIL_FEATURES.map((feature) => ({ feature, ...guardrails.features[feature] })),
    appArmorProfiles: guardrails.appArmorProfiles.toSorted(),
    ...(guardrails.openRanges && { openRanges: [...guardrails.openRanges] }),
  };
}

/**
 * Pure. What a RuntimeBackend was last known to enforce, read back from its status, also while it does not answer. Undefined
 * where nobody has asked it yet. A feature that it does not tell of (an older controller wrote it) is NotEnforced.
 */
export function reportedGuardrails({ status }: Pick<RuntimeBackend, "status">): GuardrailCapabilities | undefined {
  const { guardrails, appArmorProfiles = [], openRanges } = status?.capabilities ?? {};
  if (!guardrails) return undefined;
  const told = new Map(guardrails.map(({ feature, ...support }) => [feature, support]));
  const features = GUARDRAIL_FEATURES.map((feature) => [feature, told.get(feature) ?? UNTOLD] as const);
  return {
    features: Object.fromEntries(features) as Record<GuardrailFeature, Support>,
    appArmorProfiles,
    ...(openRanges && { openRanges }),
  };
}

const UNTOLD: Support = { enforcement: "NotEnforced", reason: "its RuntimeBackend does not tell of it" };
