/** An address, or a range of them, as numbers. `value` has the host bits that were written. */
export interface AddressRange {
  readonly family: 4 | 6;
  readonly value: bigint;
  /** Leading bits that all addresses of the range share: 0–32 or 0–128. */
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;
/** `::ffff:0:0/96`: IPv4 written as IPv6. No packet carries such an address, so a rule about one would never match. */
const MAPPED_PREFIX = 0xffffn;

/** Reads `192.0.2.1`, `10.0.0.0/8`, `2001:db8::1` and `2001:db8::/32`; undefined for everything else. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [address = "", prefixText, ...rest] = text.split("/");
  const family = address.includes(":") ? 6 : 4;
  const value = family === 6 ? ipv6Value(address) : ipv4Value(address);
  const prefix = prefixText === undefined ? BITS[family] : decimal(prefixText, BITS[family]);
  if (value === undefined || prefix === undefined || rest.length > 0) return undefined;
  return { family, value, prefix };
}

/** The first address of the range with its prefix, IPv6 as RFC 5952 writes it: `10.0.0.0/8`, `2001:db8::1/128`. */
export function formatAddressRange(range: AddressRange): string {
  const value = network(range);
  return `${range.family === 4 ? ipv4Text(value) : ipv6Text(value)}/${range.prefix}`;
}

/** Whether bits are set behind the prefix, as in `10.1.2.3/8`: it names no range. */
export function hasHostBits(range: AddressRange): boolean {
  return network(range) !== range.value;
}

export function isSingleAddress({ family, prefix }: AddressRange): boolean {
  return prefix === BITS[family];
}

export function isIpv4Mapped({ family, value, prefix }: AddressRange): boolean {
  return family === 6 && prefix >= 96 && value >> 32n === MAPPED_PREFIX;
}

/** Whether every address of `inner` is one of `outer`. */
export function containsRange(outer: AddressRange, inner: AddressRange): boolean {
  return (
    outer.family === inner.family &&
    outer.prefix <= inner.prefix &&
    network(outer) === network({ ...inner, prefix: outer.prefix })
  );
}

function network({ family, value, prefix }: AddressRange): bigint {
  const hostBits = BigInt(BITS[family] - prefix);
  return (value >> hostBits) << hostBits;
}

/** No octet may have a leading zero: some programs read it as octal. */
function ipv4Value(text: string): bigint | undefined {
  const octets = text.split(".").map((octet) => decimal(octet, 255));
  if (octets.length !== 4) return undefined;
  return octets.reduce<bigint | undefined>(
    (value, octet) => (value === undefined || octet === undefined ? undefined : (value << 8n) | BigInt(octet)),
    0n,
  );
}

function ipv6Value(text: string): bigint | undefined {
  const [head = "", tail, ...rest] = text.split("::");
  const left = groups(head);
  const right = groups(tail ?? "");
  if (!left || !right || rest.length > 0) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...left, ...Array<bigint>(missing).fill(0n), ...right];
  return all.reduce((value, group) => (value << 16n) | group, 0n);
}

function groups(text: string): bigint[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  return parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part)) ? parts.map((part) => BigInt(`0x${part}`)) : undefined;
}

function decimal(text: string, max: number): number | undefined {
  return /^(0|[1-9]\d{0,2})$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
}

/** The longest run of two or more zero groups, the first of equals, becomes `::`. */
function ipv6Text(value: bigint): string {
  const parts = Array.from({ length: 8 }, (_, at) => ((value >> BigInt(16 * (7 - at))) & 0xffffn).toString(16));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < parts.length; start++) {
    const length = parts.slice(start).findIndex((part) => part !== "0");
    const run = length < 0 ? parts.length - start : length;
    if (run > best.length) best = { start, length: run };
  }
  if (best.length === 1) return parts.join(":");
  return `${parts.slice(0, best.start).join(":")}::${parts.slice(best.start + best.length).join(":")}`;
}
