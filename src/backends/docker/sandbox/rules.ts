import type { NetworkRules } from "../../../guardrails/confinement.ts";
import { type Addresses, byFamily } from "./addresses.ts";
import { type AllowList, isPort, type Ports } from "./allowed-names.ts";
import { NEVER, RESERVED } from "./closed-ranges.ts";

/** The table that all of it is in. */
export const TABLE = "inet slipway";

/**
 * Where the resolver of a sandbox listens: above the ports that Linux gives to outgoing connections, so that no server
 * and no client of the workload has one of them. Behind the first stand those of `resolver-config.ts`.
 */
export const RESOLVER_PORTS = { front: 61_053, exact: 61_054, below: 61_055 } as const;

/** What the addresses of names are put into, in turn emptied: `a`, then `b`. */
export const TURNS = ["a", "b"] as const;

/** Far more than one deployment talks to; a resolver outside that answers without end fills no more memory than this. */
const SET_SIZE = 4096;

/** What a sandbox knows of the place where it is. */
export interface Place {
  /** CIDRs of the network that it is connected to, and the addresses of the Engine's machine on it. */
  readonly network: { readonly subnets: readonly string[]; readonly gateways: readonly string[] };
  /** Other addresses of the Engine's machine, as far as they are known. */
  readonly hostAddresses: readonly string[];
  /** Addresses and CIDRs that may connect to the workload's ports, beside the gateways. */
  readonly allowedSources: readonly string[];
  /** The resolvers outside. */
  readonly upstreams: readonly string[];
  readonly addressHoldSeconds: number;
}

export interface RulesRequest {
  readonly rules: NetworkRules;
  readonly allowed: AllowList;
  readonly place: Place;
  /** Nobody else's, since what it sends to port 53 passes. */
  readonly resolverUid: number;
}

/** Name of the set with the addresses of one port group. */
export function setName(turn: (typeof TURNS)[number], family: 4 | 6, group: number): string {
  return `${turn}${family}_${group}`;
}

/** The commands that empty one of the two turns; empty when there are no names. */
export function flushCommands(turn: (typeof TURNS)[number], allowed: AllowList): string {
  return nameGroups(allowed)
    .flatMap((group) => [4, 6].map((family) => `flush set ${TABLE} ${setName(turn, family as 4 | 6, group)}\n`))
    .join("");
}

/**
 * Pure. The packet filter of a sandbox, for `nft -f`: drop, in and out, IPv4 and IPv6, but for what is said here. It
 * knows addresses only; the resolver puts those of allowed names into sets, and who enforces that nobody else does is
 * the kernel: the workload has no NET_ADMIN. The set `nameservers` is filled by the entry script.
 * @throws {TerminalError} for what cannot stand in a rule. @throws {RangeError} for a UID, port or time that is none.
 */
export function ruleset(request: RulesRequest): string {
  const { rules, place } = request;
  if (!Number.isInteger(request.resolverUid) || request.resolverUid < 1) throw new RangeError("resolverUid");
  if (!Number.isInteger(place.addressHoldSeconds)) throw new RangeError("addressHoldSeconds");
  if (!rules.ingressPorts.every(isPort)) throw new RangeError("ingressPorts");
  const lines = [...sets(request), ...redirect(request), ...output(request), ...input(rules)];
  return `table ${TABLE} {\n${lines.map((line) => `  ${line}\n`).join("")}}\n`;
}

function sets({ rules, allowed, place }: RulesRequest): string[] {
  const { network, hostAddresses, addressHoldSeconds } = place;
  const own = byFamily([...network.subnets, ...network.gateways], "the Engine's network");
  const host = byFamily(hostAddresses, "this machine's addresses");
  const sources = byFamily([...network.gateways, ...place.allowedSources], "spec.docker.publish.allowedSources");
  const upstreams = byFamily(place.upstreams, "spec.docker.sandbox.dns");
  // In an open network nothing is reserved: the machine itself goes to what is never open.
  const open = rules.egress.kind === "open";
  return [
    ...rangeSets("never", merge(NEVER, own, ...(open ? [host] : []))),
    ...(open ? [] : rangeSets("reserved", merge(RESERVED, host))),
    ...rangeSets("sources", sources),
    ...rangeSets("upstreams", upstreams),
    "set nameservers { type ipv4_addr; }",
    ...rangeGroups(allowed).flatMap((group) => {
      const ranges = allowed.ranges.filter((range) => range.group === group);
      return rangeSets(
        `ranges_${group}_`,
        byFamily(
          ranges.map(({ cidr }) => cidr),
          "network.allowedHosts",
        ),
      );
    }),
    ...nameGroups(allowed).flatMap((group) =>
      TURNS.flatMap((turn) => [
        // The timeout is not what closes an address: it does where what empties the sets has stopped.
        `set ${setName(turn, 4, group)} { type ipv4_addr; size ${SET_SIZE}; timeout ${3 * addressHoldSeconds}s; }`,
        `set ${setName(turn, 6, group)} { type ipv6_addr; size ${SET_SIZE}; timeout ${3 * addressHoldSeconds}s; }`,
      ]),
    ),
  ];
}

/** Queries to the resolver that the Engine names go to the sandbox's own, ahead of the rules that the Engine made for it. */
function redirect({ resolverUid }: RulesRequest): string[] {
  return [
    "chain names {",
    "  type nat hook output priority -150; policy accept;",
    `  meta skuid ${resolverUid} accept`,
    `  ip daddr @nameservers meta l4proto { tcp, udp } th dport 53 redirect to :${RESOLVER_PORTS.front}`,
    "}",
  ];
}

function output({ rules, allowed, resolverUid }: RulesRequest): string[] {
  const behindFront = `{ ${RESOLVER_PORTS.exact}, ${RESOLVER_PORTS.below} }`;
  return [
    "chain output {",
    "  type filter hook output priority 0; policy drop;",
    // Neighbours are found by these; an address that is still being tried out has the unspecified one for source.
    `  ${NEIGHBOURS}`,
    // A socket may be bound to a foreign IPv6 address (IPV6_FREEBIND) and answer the resolver in another's name.
    "  fib saddr type != local drop",
    // A source route leads on from an allowed address to another.
    "  ip hdrlength != 5 drop",
    "  exthdr rt exists drop",
    "  ct state established accept",
    `  ${RELATED_ERRORS}`,
    `  oif lo meta l4proto { tcp, udp } th dport ${behindFront} meta skuid != ${resolverUid} drop`,
    // The Engine's own resolver, on whatever port, which answers every name.
    "  oif lo ip daddr 127.0.0.11 drop",
    "  oif lo accept",
    `  meta skuid ${resolverUid} meta l4proto { tcp, udp } th dport 53 ip daddr @upstreams4 accept`,
    `  meta skuid ${resolverUid} meta l4proto { tcp, udp } th dport 53 ip6 daddr @upstreams6 accept`,
    `  meta skuid ${resolverUid} drop`,
    ...beyond(rules, allowed).map((line) => `  ${line}`),
    "}",
  ];
}

/** What may leave: after all that must not. */
function beyond({ egress }: NetworkRules, allowed: AllowList): string[] {
  if (egress.kind === "closed") return [];
  const never = ["ip daddr @never4 drop", "ip6 daddr @never6 drop"];
  if (egress.kind === "open") return [...never, "accept"];
  return [
    "meta l4proto { tcp, udp } th dport 53 drop",
    ...never,
    ...rangeGroups(allowed).flatMap((group) => [
      `ip daddr @ranges_${group}_4 ${accept(allowed.groups[group])}`,
      `ip6 daddr @ranges_${group}_6 ${accept(allowed.groups[group])}`,
    ]),
    "ip daddr @reserved4 drop",
    "ip6 daddr @reserved6 drop",
    ...nameGroups(allowed).flatMap((group) =>
      TURNS.flatMap((turn) => [
        `ip daddr @${setName(turn, 4, group)} ${accept(allowed.groups[group])}`,
        `ip6 daddr @${setName(turn, 6, group)} ${accept(allowed.groups[group])}`,
      ]),
    ),
  ];
}

function input({ ingressPorts }: NetworkRules): string[] {
  const ports = ingressPorts.join(", ");
  return [
    "chain input {",
    "  type filter hook input priority 0; policy drop;",
    `  ip6 hoplimit 255 ${NEIGHBOURS}`,
    "  ct state established accept",
    `  ${RELATED_ERRORS}`,
    "  iif lo accept",
    ...(ports === ""
      ? []
      : [`  tcp dport { ${ports} } ip saddr @sources4 accept`, `  tcp dport { ${ports} } ip6 saddr @sources6 accept`]),
    "}",
    "chain forward {",
    "  type filter hook forward priority 0; policy drop;",
    "}",
  ];
}

/** Routers are left out: the Engine sets the routes, and whoever else announces one wants to be in between. */
const NEIGHBOURS = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept";
const RELATED_ERRORS = "ct state related meta l4proto { icmp, icmpv6 } accept";

function accept(ports: Ports): string {
  const protocols = "meta l4proto { tcp, udp }";
  return ports === undefined ? `${protocols} accept` : `${protocols} th dport { ${ports.join(", ")} } accept`;
}

/** Two sets, one a family. */
function rangeSets(name: string, { v4, v6 }: Addresses): string[] {
  return [rangeSet(`${name}4`, "ipv4_addr", v4), rangeSet(`${name}6`, "ipv6_addr", v6)];
}

function rangeSet(name: string, type: string, elements: readonly string[]): string {
  const list = elements.length === 0 ? "" : ` elements = { ${elements.join(", ")} };`;
  return `set ${name} { type ${type}; flags interval; auto-merge;${list} }`;
}

function merge(...parts: readonly Addresses[]): Addresses {
  return { v4: parts.flatMap(({ v4 }) => v4), v6: parts.flatMap(({ v6 }) => v6) };
}

function nameGroups({ domains }: AllowList): number[] {
  const used = new Set(domains.flatMap(({ itself, below }) => [itself, below]).filter((group) => group !== undefined));
  return [...used].sort((a, b) => a - b);
}

function rangeGroups({ ranges }: AllowList): number[] {
  return [...new Set(ranges.map(({ group }) => group))].sort((a, b) => a - b);
}
