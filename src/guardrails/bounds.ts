import type { Guardrails } from "./guardrails.ts";
import { widens } from "./widens.ts";

/** The widest that a deployment may be, whoever submits it and whatever it names. */
export interface Bound {
  /** Whose bound it is, for people: `namespace team-a`, `RuntimeBackend docker`. */
  readonly origin: string;
  /** The GuardrailProfile that it names. */
  readonly profile: string;
  /** That profile, without overrides. */
  readonly guardrails: Guardrails;
}

/** Pure. Field by field where guardrails are wider than their bounds, with both values and whose bound; for people. */
export function excesses(guardrails: Guardrails, bounds: readonly Bound[]): readonly string[] {
  return bounds.flatMap(({ origin, profile, guardrails: most }) =>
    widens(guardrails, most).map(
      ({ field, value, bound }) => `${field}: ${value} (${origin} allows by profile "${profile}": ${bound})`,
    ),
  );
}
