import { text } from "./field.ts";

/** An IPv4 range as its first and last address. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

export const cidrBlock = text({
  min: 9,
  max: 18,
  matches: (value) => parseCidr(value) !== undefined,
  wants: "an IPv4 range such as 192.0.2.0/24",
});

export function parseCidr(value: string): Range | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(value);
  if (!match) return undefined;
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match.slice(1).map(Number);
  if ([a, b, c, d].some((octet) => octet > 255) || bits > 32) return undefined;
  const address = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
  const size = 2 ** (32 - bits);
  const first = address - (address % size);
  return { first, last: first + size - 1 };
}

export function covers(outer: Range, inner: Range): boolean {
  return outer.first <= inner.first && outer.last >= inner.last;
}
