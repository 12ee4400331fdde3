import { cpuMillis, memoryBytes } from "../api/quantity.ts";
import type { ReviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { parseField } from "../guardrails/parse-field.ts";

/** Thousandths of a core. @throws {TerminalError} for a quantity that is none. */
export function cpuOf({ cpu }: ReviewedSpec["resources"]): number {
  return parseField("resources.cpu", cpu, cpuMillis);
}

/** Bytes. @throws {TerminalError} for a quantity that is none. */
export function memoryOf({ memory }: ReviewedSpec["resources"]): number {
  return parseField("resources.memory", memory, memoryBytes);
}
