import { isIPv4, isIPv6 } from "node:net";
import type { Environment } from "@marcbachmann/cel-js";
import { type Declarations, declare } from "./declarations.ts";

/** An address as a number of 32 or 128 bits. */
export class IpAddress {
  readonly bits: 32 | 128;
  readonly value: bigint;

  constructor(bits: 32 | 128, value: bigint) {
    this.bits = bits;
    this.value = value;
  }

  toString(): string {
    return this.bits === 32 ? formatIpv4(this.value) : formatIpv6(this.value);
  }
}

export class Cidr {
  readonly ip: IpAddress;
  readonly prefix: number;

  constructor(ip: IpAddress, prefix: number) {
    this.ip = ip;
    this.prefix = prefix;
  }

  toString(): string {
    return `${this.ip}/${this.prefix}`;
  }
}

/** Undefined for what is no address; zones, and IPv4 addresses in IPv6 form, are refused as in Kubernetes. */
export function parseIp(text: string): IpAddress | undefined {
  if (isIPv4(text)) {
    return new IpAddress(
      32,
      text.split(".").reduce((value, part) => value * 256n + BigInt(part), 0n),
    );
  }
  if (!isIPv6(text) || text.includes("%") || text.includes(".")) return undefined;
  const [left = "", right] = text.split("::");
  const head = left === "" ? [] : left.split(":");
  const tail = right === undefined || right === "" ? [] : right.split(":");
  const groups = [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => "0"), ...tail];
  return new IpAddress(
    128,
    groups.reduce((value, group) => value * 65_536n + BigInt(`0x${group}`), 0n),
  );
}

export function parseCidr(text: string): Cidr | undefined {
  const [address = "", length = "", ...rest] = text.split("/");
  const ip = parseIp(address);
  if (ip === undefined || rest.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const prefix = Number(length);
  return prefix <= ip.bits ? new Cidr(ip, prefix) : undefined;
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
}

/** The longest run of zero groups is left out, the first of equal ones. */
function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((value >> BigInt(112 - 16 * index)) & 65_535n).toString(16));
  const runs = [...groups.join(":").matchAll(/(?<![^:])0(?::0)+(?![^:])/g)];
  const longest = runs.reduce((best, [run]) => (run.length > best.length ? run : best), "");
  if (longest === "") return groups.join(":");
  const text = groups.join(":");
  const at = text.indexOf(longest);
  return `${text.slice(0, at).replace(/:$/, "")}::${text.slice(at + longest.length).replace(/^:/, "")}`;
}

function ip(text: string): IpAddress {
  const address = parseIp(text);
  if (address !== undefined) return address;
  throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text);
  if (parsed !== undefined) return parsed;
  throw new Error(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
}

function masked({ ip: address, prefix }: Cidr): Cidr {
  const host = BigInt(address.bits - prefix);
  return new Cidr(new IpAddress(address.bits, (address.value >> host) << host), prefix);
}

function contains(network: Cidr, address: IpAddress): boolean {
  if (network.ip.bits !== address.bits) return false;
  const host = BigInt(network.ip.bits - network.prefix);
  return network.ip.value >> host === address.value >> host;
}

function containsNetwork(outer: Cidr, inner: Cidr): boolean {
  return outer.prefix <= inner.prefix && contains(outer, inner.ip);
}

function within(network: string): (address: IpAddress) => boolean {
  const range = cidr(network);
  return (address) => contains(range, address);
}

const LOOPBACK = [within("127.0.0.0/8"), within("::1/128")];
const LINK_LOCAL_UNICAST = [within("169.254.0.0/16"), within("fe80::/10")];
const LINK_LOCAL_MULTICAST = [within("224.0.0.0/24"), within("ff02::/16")];
const MULTICAST = [within("224.0.0.0/4"), within("ff00::/8")];
const UNSPECIFIED = [within("0.0.0.0/32"), within("::/128")];

const isIn =
  (ranges: readonly ((address: IpAddress) => boolean)[]) =>
  (address: IpAddress): boolean =>
    ranges.some((range) => range(address));

function isGlobalUnicast(address: IpAddress): boolean {
  const isBroadcast = address.bits === 32 && address.value === 0xffff_ffffn;
  return (
    !isBroadcast && ![...UNSPECIFIED, ...LOOPBACK, ...MULTICAST, ...LINK_LOCAL_UNICAST].some((range) => range(address))
  );
}

class IpNamespace {}

const FUNCTIONS: Declarations = {
  "isIP(string): bool": (text: string) => parseIp(text) !== undefined,
  "ip(string): IP": ip,
  "IPNamespace.isCanonical(string): bool": (_: IpNamespace, text: string) => ip(text).toString() === text,
  "IP.family(): int": ({ bits }: IpAddress) => (bits === 32 ? 4n : 6n),
  "IP.isUnspecified(): bool": isIn(UNSPECIFIED),
  "IP.isLoopback(): bool": isIn(LOOPBACK),
  "IP.isLinkLocalMulticast(): bool": isIn(LINK_LOCAL_MULTICAST),
  "IP.isLinkLocalUnicast(): bool": isIn(LINK_LOCAL_UNICAST),
  "IP.isGlobalUnicast(): bool": isGlobalUnicast,
  "string(IP): string": String,
  "isCIDR(string): bool": (text: string) => parseCidr(text) !== undefined,
  "cidr(string): CIDR": cidr,
  "CIDR.containsIP(string): bool": (network: Cidr, text: string) => contains(network, ip(text)),
  "CIDR.containsIP(IP): bool": contains,
  "CIDR.containsCIDR(string): bool": (network: Cidr, text: string) => containsNetwork(network, cidr(text)),
  "CIDR.containsCIDR(CIDR): bool": containsNetwork,
  "CIDR.ip(): IP": (network: Cidr) => network.ip,
  "CIDR.masked(): CIDR": masked,
  "CIDR.prefixLength(): int": ({ prefix }: Cidr) => BigInt(prefix),
  "string(CIDR): string": String,
};

/** @see https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-ip-address-library */
export function registerNetwork(environment: Environment): void {
  environment.registerType("IP", IpAddress).registerType("CIDR", Cidr).registerType("IPNamespace", IpNamespace);
  environment.registerConstant("ip", "IPNamespace", new IpNamespace());
  environment.registerOperator("IP == IP", (a: IpAddress, b: IpAddress) => a.bits === b.bits && a.value === b.value);
  environment.registerOperator("CIDR == CIDR", (a: Cidr, b: Cidr) => a.toString() === b.toString());
  declare(environment, FUNCTIONS);
}
