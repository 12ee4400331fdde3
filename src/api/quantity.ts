/** A Kubernetes quantity as it stands in a spec: `500m`, `"2"`, `2`, `256Mi`. */
export type Quantity = string | number;

const PATTERN =
  /^\+?(?<whole>\d*)(?:\.(?<fraction>\d*))?(?:(?<binary>[KMGTPE]i)|(?<decimal>[numkMGTPE])|[eE](?<exponent>[+-]?\d{1,3}))?$/;

const BINARY: Readonly<Record<string, bigint>> = {
  Ki: 1n << 10n,
  Mi: 1n << 20n,
  Gi: 1n << 30n,
  Ti: 1n << 40n,
  Pi: 1n << 50n,
  Ei: 1n << 60n,
};
const DECIMAL: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };

/** CPU in thousandths of a core, rounded up as Kubernetes does. @throws {RangeError} when it is not a positive quantity. */
export function cpuMillis(quantity: Quantity): number {
  return scaled(quantity, 3);
}

/**
 * Memory in bytes, rounded up. The suffix `m` means thousandths of a byte and is refused: whoever writes it means `Mi`.
 * @throws {RangeError} when it is not a positive quantity.
 */
export function memoryBytes(quantity: Quantity): number {
  if (typeof quantity === "string" && quantity.endsWith("m"))
    throw new RangeError(`${quantity}: the suffix m means milli-bytes; write Mi for mebibytes, for example 256Mi`);
  return scaled(quantity, 0);
}

/** The inverse of `cpuMillis`: `500m`, `2`. */
export function formatCpu(millis: number): string {
  return millis % 1000 === 0 ? String(millis / 1000) : `${millis}m`;
}

/**
 * The inverse of `memoryBytes`, by the largest binary suffix that fits without a rest: `512Mi`, `1000`. By a decimal one where
 * that is much shorter, since somebody wrote it so: `250M`.
 */
export function formatMemory(bytes: number): string {
  const binary = bySuffix(bytes, BINARY);
  const decimal = bySuffix(bytes, { M: 10n ** 6n, G: 10n ** 9n });
  return decimal.length + 2 < binary.length ? decimal : binary;
}

function bySuffix(bytes: number, suffixes: Readonly<Record<string, bigint>>): string {
  const [suffix, unit] = Object.entries(suffixes).findLast(([, size]) => BigInt(bytes) % size === 0n) ?? ["", 1n];
  return `${BigInt(bytes) / unit}${suffix}`;
}

/** `quantity × 10^power`, rounded up, by the grammar of k8s.io/apimachinery/pkg/api/resource/quantity.go. */
function scaled(quantity: Quantity, power: number): number {
  const groups = PATTERN.exec(String(quantity))?.groups;
  const digits = `${groups?.whole ?? ""}${groups?.fraction ?? ""}`;
  if (!groups || digits === "") throw new RangeError(`${quantity}: not a quantity; write for example 500m, 2 or 256Mi`);
  const exponent =
    Number(groups.exponent ?? DECIMAL[groups.decimal ?? ""] ?? 0) - (groups.fraction?.length ?? 0) + power;
  const mantissa = BigInt(digits) * (BINARY[groups.binary ?? ""] ?? 1n);
  const value = exponent >= 0 ? mantissa * 10n ** BigInt(exponent) : ceilDivide(mantissa, 10n ** BigInt(-exponent));
  if (value <= 0n) throw new RangeError(`${quantity}: must be greater than zero`);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError(`${quantity}: too large`);
  return Number(value);
}

function ceilDivide(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
