import type { Guardrails } from "./guardrails.ts";

/** The widest that a deployment may be, whoever submits it and whatever it names. */
export interface Bound {
  /** Whose bound it is, for people: `namespace team-a`, `RuntimeBackend docker`. */
  readonly origin: string;
  /** The GuardrailProfile that it names. */
  readonly profile: string;
  /** That profile, without overrides. */
  readonly guardrails: Guardrails;
}
