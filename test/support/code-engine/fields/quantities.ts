import { FieldError, text } from "./field.ts";

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  m: 1e-3,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

/** The published form of amounts: `^([0-9.]+)([eEinumkKMGTPB]*)$`, at most 10 characters. */
export const quantity = text({
  min: 1,
  max: 10,
  matches: (value) => /^[0-9.]+[eEinumkKMGTPB]*$/.test(value) && Number.isFinite(quantityValue(value)),
  wants: "an amount such as 0.5 or 4G",
});

/** In vCPU or bytes; NaN for what is no amount. Units are decimal; a trailing B changes nothing. */
export function quantityValue(value: string): number {
  const [, digits = "", unit = ""] = /^([0-9.]+)([a-zA-Z]*)$/.exec(value) ?? [];
  return (digits === "" ? Number.NaN : Number(digits)) * (UNITS[unit.replace(/B$/, "")] ?? Number.NaN);
}

/** vCPU, and the memory in G that goes with it. No other combination exists. */
export const CPU_MEMORY_PAIRS: readonly (readonly [cpu: number, memory: readonly number[]])[] = [
  [0.125, [0.25, 0.5, 1]],
  [0.25, [0.5, 1, 2]],
  [0.5, [1, 2, 4]],
  [1, [2, 4, 8]],
  [2, [4, 8, 16]],
  [4, [8, 16, 32]],
  [6, [12, 24, 48]],
  [8, [16, 32]],
  [10, [20, 40]],
  [12, [24, 48]],
];

interface Limits {
  readonly scale_cpu_limit: string;
  readonly scale_memory_limit: string;
  readonly scale_ephemeral_storage_limit: string;
}

/** @throws {FieldError} for a combination that is not in the table. */
export function checkPair({ scale_cpu_limit: cpu, scale_memory_limit: memory }: Limits): void {
  const memories = CPU_MEMORY_PAIRS.find(([known]) => near(known, quantityValue(cpu)))?.[1];
  if (memories?.some((known) => near(known * 1e9, quantityValue(memory)))) return;
  const wants = memories ? `With ${cpu} vCPU, memory is ${memories.join("G, ")}G.` : "No such vCPU value.";
  const field = memories ? "scale_memory_limit" : "scale_cpu_limit";
  throw new FieldError(field, `The combination of ${cpu} vCPU and ${memory} memory is not supported. ${wants}`);
}

/** @throws {FieldError} above the larger of memory and 400M. */
export function checkEphemeralStorage(limits: Limits): void {
  const allowed = Math.max(quantityValue(limits.scale_memory_limit), 400e6);
  const asked = quantityValue(limits.scale_ephemeral_storage_limit);
  if (asked > 0 && asked <= allowed) return;
  const name = "scale_ephemeral_storage_limit";
  throw new FieldError(name, `${name} must be above 0 and at most the larger of scale_memory_limit and 400M.`);
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= a * 1e-9;
}
