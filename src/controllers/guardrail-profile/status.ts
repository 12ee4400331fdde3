import type { GuardrailProfile, GuardrailProfileStatus, RuntimeBackend } from "../../api/v1alpha1/index.ts";
import { effectiveGuardrails } from "../../guardrails/effective-guardrails.ts";
import { enforcementOf } from "../../guardrails/enforcement.ts";
import { TerminalError } from "../../machinery/errors.ts";
import { reportedGuardrails } from "../runtime-backend/reported-capabilities.ts";

/** The schema's bounds. */
const MAX_BACKENDS = 256;
const MAX_REASON = 1_024;

export interface ProfileFacts {
  /** How many deployments name it, or run under it by default. */
  readonly deployments: number;
  readonly backends: readonly RuntimeBackend[];
}

/**
 * Pure. How far each backend that was ever asked enforces a profile, by name, so that equal facts give an equal status.
 * A profile that nobody can read holds nowhere.
 */
export function summarize(profile: GuardrailProfile, { deployments, backends }: ProfileFacts): GuardrailProfileStatus {
  return {
    observedGeneration: profile.metadata.generation ?? 0,
    deployments,
    backends: backends
      .toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .flatMap((backend) => compatibility(profile, backend))
      .slice(0, MAX_BACKENDS),
  };
}

type Compatibility = NonNullable<GuardrailProfileStatus["backends"]>[number];

function compatibility(profile: GuardrailProfile, backend: RuntimeBackend): Compatibility[] {
  const capabilities = reportedGuardrails(backend);
  if (!capabilities) return [];
  const { name } = backend.metadata;
  try {
    const guardrails = effectiveGuardrails(profile);
    const { fields, compatible } = enforcementOf(guardrails, capabilities, { name, type: backend.spec.type });
    return [
      { name, compatible, fields: fields.map((field) => ({ ...field, reason: field.reason.slice(0, MAX_REASON) })) },
    ];
  } catch (error) {
    if (!(error instanceof TerminalError)) throw error;
    return [{ name, compatible: false }];
  }
}
