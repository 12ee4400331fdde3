import type { GuardrailWarning } from "../guardrails/enforcement.ts";
import { inOneLine } from "../machinery/one-line.ts";

/** One line for each warning that no row of the table of fields tells: what a field lacks stands in its row. */
export function warningLines(
  warnings: readonly Omit<GuardrailWarning, "backend">[],
  fields: readonly { readonly field: string }[],
): string {
  return warnings
    .filter(({ field }) => !fields.some((each) => each.field === field))
    .map(({ severity, field, message }) => `${severity}: ${field}: ${inOneLine(message)}\n`)
    .join("");
}
