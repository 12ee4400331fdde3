import { builtInProfilesStay } from "./built-in-profiles.ts";
import { guardrailValuesAreReadable } from "./guardrail-values.ts";
import { profileInUseStays } from "./profile-in-use.ts";
import { unknownProfilesAreSaid } from "./unknown-profiles.ts";
import type { Known, Refusal, Rule, Write } from "./write.ts";

/** In the order in which they are asked; the first refusal counts. */
const RULES: readonly Rule[] = [
  builtInProfilesStay,
  profileInUseStays,
  guardrailValuesAreReadable,
  unknownProfilesAreSaid,
];

/** Cheap: false for nearly every write. */
export function isJudged(write: Parameters<Rule["concerns"]>[0]): boolean {
  return RULES.some((rule) => rule.concerns(write));
}

export interface Verdict {
  readonly refusal: Refusal | undefined;
  readonly warnings: readonly string[];
}

/** Pure. What Slipway says of a write, in process and as a webhook alike. */
export function judge(write: Write, known: Known): Verdict {
  const warnings: string[] = [];
  for (const rule of RULES.filter((each) => each.concerns(write))) {
    const refusal = rule.refusal?.(write, known);
    if (refusal) return { refusal, warnings };
    warnings.push(...(rule.warnings?.(write, known) ?? []));
  }
  return { refusal: undefined, warnings };
}
