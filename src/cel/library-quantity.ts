import type { Environment } from "@marcbachmann/cel-js";
import { type Declarations, declare } from "./declarations.ts";

/** A Kubernetes quantity as an exact number of billionths: `1.5Gi`, `200m`. */
export class Quantity {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

const NANO = 1_000_000_000n;
const SUFFIXES: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1_000n,
  m: 1_000_000n,
  "": NANO,
  k: NANO * 10n ** 3n,
  M: NANO * 10n ** 6n,
  G: NANO * 10n ** 9n,
  T: NANO * 10n ** 12n,
  P: NANO * 10n ** 15n,
  E: NANO * 10n ** 18n,
  Ki: NANO * 2n ** 10n,
  Mi: NANO * 2n ** 20n,
  Gi: NANO * 2n ** 30n,
  Ti: NANO * 2n ** 40n,
  Pi: NANO * 2n ** 50n,
  Ei: NANO * 2n ** 60n,
};
const FORM = /^([+-]?)(\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i))?$/;

/** Undefined when the text is no quantity. Fractions below a billionth are rounded up, as Kubernetes does. */
export function parseQuantity(text: string): Quantity | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, sign, number = "", exponent, suffix = ""] = match;
  const [whole = "", fraction = ""] = number.split(".");
  const power = Number(exponent ?? 0) - fraction.length;
  const scaled = BigInt(`${whole}${fraction}` || "0") * (SUFFIXES[suffix] as bigint);
  const divisor = power < 0 ? 10n ** BigInt(-power) : 1n;
  const exact = power > 0 ? scaled * 10n ** BigInt(power) : scaled;
  const nanos = (exact + divisor - 1n) / divisor;
  return new Quantity(sign === "-" ? -nanos : nanos);
}

function compare(a: Quantity, b: Quantity): bigint {
  return a.nanos < b.nanos ? -1n : a.nanos > b.nanos ? 1n : 0n;
}

function isWhole({ nanos }: Quantity): boolean {
  const limit = 2n ** 63n * NANO;
  return nanos % NANO === 0n && nanos < limit && nanos >= -limit;
}

const FUNCTIONS: Declarations = {
  "isQuantity(string): bool": (text: string) => parseQuantity(text) !== undefined,
  "quantity(string): Quantity": (text: string) => {
    const quantity = parseQuantity(text);
    if (quantity !== undefined) return quantity;
    throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  },
  "Quantity.sign(): int": (a: Quantity) => (a.nanos > 0n ? 1n : a.nanos < 0n ? -1n : 0n),
  "Quantity.isInteger(): bool": isWhole,
  "Quantity.asInteger(): int": (a: Quantity) => {
    if (isWhole(a)) return a.nanos / NANO;
    throw new Error("cannot convert value to integer");
  },
  "Quantity.asApproximateFloat(): double": (a: Quantity) => Number(a.nanos) / 1e9,
  "Quantity.add(Quantity): Quantity": (a: Quantity, b: Quantity) => new Quantity(a.nanos + b.nanos),
  "Quantity.add(int): Quantity": (a: Quantity, b: bigint) => new Quantity(a.nanos + b * NANO),
  "Quantity.sub(Quantity): Quantity": (a: Quantity, b: Quantity) => new Quantity(a.nanos - b.nanos),
  "Quantity.sub(int): Quantity": (a: Quantity, b: bigint) => new Quantity(a.nanos - b * NANO),
  "Quantity.compareTo(Quantity): int": compare,
  "Quantity.isGreaterThan(Quantity): bool": (a: Quantity, b: Quantity) => a.nanos > b.nanos,
  "Quantity.isLessThan(Quantity): bool": (a: Quantity, b: Quantity) => a.nanos < b.nanos,
};

/** @see https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library */
export function registerQuantity(environment: Environment): void {
  environment.registerType("Quantity", Quantity);
  environment.registerOperator("Quantity == Quantity", (a: Quantity, b: Quantity) => a.nanos === b.nanos);
  declare(environment, FUNCTIONS);
}
