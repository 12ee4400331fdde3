import { type AddressRange, containsRange, isIpv4Mapped, parseAddressRange } from "./address-range.ts";

/** How far from the public an address is. `nowhere`: nobody's own, or where clouds hand out the credentials of machines. */
export type AddressDistance = "public" | "private" | "local" | "nowhere";

/** Pure. What does not parse, an address with a zone (`fe80::1%eth0`) among it, is nowhere. */
export function addressDistance(address: string): AddressDistance {
  const found = singleAddress(address);
  return found ? distanceOf(found) : "nowhere";
}

/**
 * Pure. Whether an address is public, or in one of the ranges. A range opens addresses that are nowhere (metadata services,
 * link-local, multicast) only where it holds nothing else: who lists 0.0.0.0/0 did not mean these.
 */
export function isOpenAddress(address: string, ranges: readonly AddressRange[]): boolean {
  const found = singleAddress(address);
  if (!found) return false;
  const distance = distanceOf(found);
  if (distance === "public") return true;
  return ranges.some((range) => containsRange(range, found) && (distance !== "nowhere" || isWithin(NOWHERE, range)));
}

/** IPv4 within IPv6 reaches the IPv4 address: where a socket maps it, and where a network translates it (RFC 6052). */
function singleAddress(address: string): AddressRange | undefined {
  const [, dotted] = /^::ffff:([0-9.]+)$/i.exec(address) ?? [];
  const found = parseAddressRange(dotted ?? address);
  if (!found || address.includes("/")) return undefined;
  const embedsIpv4 = isIpv4Mapped(found) || containsRange(TRANSLATED, found);
  return embedsIpv4 ? { family: 4, value: found.value & 0xffff_ffffn, prefix: 32 } : found;
}

function distanceOf(address: AddressRange): AddressDistance {
  if (isWithin(NOWHERE, address)) return "nowhere";
  if (isWithin(LOCAL, address)) return "local";
  if (isWithin(PRIVATE, address)) return "private";
  return address.family === 4 || containsRange(GLOBAL_UNICAST, address) ? "public" : "nowhere";
}

function isWithin(outer: readonly AddressRange[], inner: AddressRange): boolean {
  return outer.some((range) => containsRange(range, inner));
}

function range(text: string): AddressRange {
  const found = parseAddressRange(text);
  if (!found) throw new TypeError(`${text} is no range of addresses`);
  return found;
}

const TRANSLATED = range("64:ff9b::/96");
/** All that IANA has given out; what is outside is special, or nobody's. */
const GLOBAL_UNICAST = range("2000::/3");
/** IANA's registries of special-purpose addresses, and metadata services that have an address elsewhere. */
const NOWHERE = [
  ...["0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/3"],
  ...["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"],
  ...["fe80::/10", "fec0::/10", "ff00::/8", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
  // Of AWS (EC2, and ECS in 169.254.0.0/16), Google, Azure and Alibaba.
  ...["fd00:ec2::/32", "fd20:ce::/32", "168.63.129.16/32", "100.100.100.200/32"],
].map(range);
const LOCAL = ["127.0.0.0/8", "::1/128"].map(range);
const PRIVATE = [
  ...["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"],
  ...["fc00::/7", "64:ff9b:1::/48"],
].map(range);
