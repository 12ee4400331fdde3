import { effectiveGuardrails, type NamedProfile } from "../guardrails/effective-guardrails.ts";
import type { Guardrails } from "../guardrails/guardrails.ts";
import { listing } from "../guardrails/listing.ts";
import { widens } from "../guardrails/widens.ts";
import { TerminalError } from "../machinery/errors.ts";

/**
 * Pure. In which fields guardrails let more happen than the profile of that name; undefined: in none. A profile that does not
 * exist or cannot be read is one that everything is weaker than.
 */
export function weakerThan(
  name: string,
  guardrails: Guardrails,
  profile: NamedProfile | undefined,
): string | undefined {
  if (!profile) return `guardrails cannot be compared: GuardrailProfile ${name} does not exist`;
  try {
    const wider = widens(guardrails, effectiveGuardrails(profile));
    if (wider.length === 0) return undefined;
    const fields = wider.map(({ field, value, bound }) => `${field}: ${value} (there: ${bound})`);
    return `guardrails are weaker than GuardrailProfile ${name}: ${listing(fields)}`;
  } catch (error) {
    if (error instanceof TerminalError) return `guardrails cannot be compared: ${error.message}`;
    throw error;
  }
}
