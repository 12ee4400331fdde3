import { cpuMillis, formatCpu, formatMemory, memoryBytes, type Quantity } from "../api/quantity.ts";
import type { ReviewedSpec } from "../effective-spec/reviewed-spec.ts";
import { parseField } from "../guardrails/parse-field.ts";
import { TerminalError } from "../machinery/errors.ts";

/** Thousandths of a core. @throws {TerminalError} for a quantity that is none. */
export function cpuOf({ cpu }: ReviewedSpec["resources"]): number {
  return parseField("resources.cpu", cpu, cpuMillis);
}

/** Bytes. @throws {TerminalError} for a quantity that is none. */
export function memoryOf({ memory }: ReviewedSpec["resources"]): number {
  return parseField("resources.memory", memory, memoryBytes);
}

type Asked = Pick<ReviewedSpec, "resources" | "scaling">;

/**
 * Pure. Why a server may use more CPU than `most`; undefined: it may not. All instances count that there can be at once, else two of half
 * the size would need nobody's approval. What cannot be read is more.
 */
export function cpuAbove(most: Quantity, asked: Asked): string | undefined {
  return above(asked, {
    of: () => cpuOf(asked.resources),
    most: () => parseField("cpuAbove", most, cpuMillis),
    say: (used, bound) => `CPU ${formatCpu(used)}${instances(asked)} is more than ${formatCpu(bound)}`,
  });
}

/** Pure. The same of memory. */
export function memoryAbove(most: Quantity, asked: Asked): string | undefined {
  return above(asked, {
    of: () => memoryOf(asked.resources),
    most: () => parseField("memoryAbove", most, memoryBytes),
    say: (used, bound) => `memory ${formatMemory(used)}${instances(asked)} is more than ${formatMemory(bound)}`,
  });
}

interface Comparison {
  of(): number;
  most(): number;
  say(used: number, bound: number): string;
}

function above({ scaling }: Asked, { of, most, say }: Comparison): string | undefined {
  try {
    const [used, bound] = [of() * (scaling?.max ?? 1), most()];
    return used <= bound ? undefined : say(used, bound);
  } catch (error) {
    if (error instanceof TerminalError) return `cannot be compared: ${error.message}`;
    throw error;
  }
}

function instances({ scaling }: Asked): string {
  return scaling && scaling.max > 1 ? ` in ${scaling.max} instances` : "";
}
