const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const DAY = 24n * 3_600_000_000_000n;
const LIMIT = 2n ** 63n;

/** Nanoseconds of a duration as Go writes it: `1h30m`, `-1.5s`, `0`. Undefined when it is none. */
export function parseGoDuration(text: string): bigint | undefined {
  const match = /^([+-]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text);
  if (match === null) return /^[+-]?0$/.test(text) ? 0n : undefined;
  let total = 0n;
  for (const [, whole = "", fraction = "", unit = ""] of text.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const scale = UNITS[unit] as bigint;
    total += BigInt(whole === "" ? "0" : whole) * scale;
    if (fraction !== "") total += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  if (total >= LIMIT) return undefined;
  return match[1] === "-" ? -total : total;
}

/** What the format `duration` accepts: Go's form, and one number of days or weeks in words, such as `3 days`. */
export function parseDuration(text: string): bigint | undefined {
  const go = parseGoDuration(text);
  if (go !== undefined) return go;
  const match = /^([+-]?\d+)\s*(d|day|days|w|week|weeks)$/.exec(text.trim().toLowerCase());
  if (match === null) return undefined;
  return BigInt(match[1] as string) * ((match[2] as string).startsWith("d") ? DAY : 7n * DAY);
}
