const SCALE: Readonly<Record<string, number>> = {
  "": 1,
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
};

/**
 * The number that an amount of CPU (vCPU) or memory (bytes) stands for: `250m` is 0.25, `0.5G` and `500M` are
 * 500,000,000. Kubernetes' binary suffixes are read as well, since its metrics use them. Undefined for what is none.
 */
export function amountOf(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,18}(?:\.\d{1,18})?)([A-Za-z]{0,2}?)B?$/.exec(text) ?? [];
  const scale = SCALE[unit];
  if (digits === undefined || scale === undefined) return undefined;
  const amount = Number(digits) * scale;
  // Bytes are whole; 4.35 × 10² is not, to a computer.
  return scale > 1 ? Math.round(amount) : amount;
}
