import type { Egress } from "../../../guardrails/guardrails.ts";
import { byFamily } from "./addresses.ts";
import type { AllowList, Domain } from "./allowed-names.ts";
import { RESOLVER_PORTS, setName, TABLE, TURNS } from "./rules.ts";

/** Name of the resolver's user in the sandbox; its number differs from one to the next. */
const RESOLVER_USER = "resolver";

export interface ResolverRequest {
  readonly egress: Egress;
  readonly allowed: AllowList;
  readonly upstreams: readonly string[];
  readonly addressHoldSeconds: number;
}

/**
 * Pure. The configurations of dnsmasq: usually one. It adds what it answers to the sets of the longest domain that ends
 * the name, be it the domain itself or one below. Where these two may use different ports (`foo.com:80` beside
 * `*.foo.com:443`) one dnsmasq cannot tell them apart, and there are three: the first sends each name, and adds nothing, to
 * the second, which knows exact names, or the third, which knows what is below.
 */
export function resolverConfigs({ egress, allowed, upstreams, addressHoldSeconds }: ResolverRequest): string[] {
  const { v4, v6 } = byFamily(upstreams, "spec.docker.sandbox.dns");
  const outside = [...v4, ...v6];
  const common = (port: number): string[] => commonLines(port, addressHoldSeconds);
  if (egress.kind === "open") {
    return [toText([...common(RESOLVER_PORTS.front), ...outside.map((upstream) => `server=${upstream}`)])];
  }
  const { domains } = allowed;
  if (domains.every(({ itself, below }) => itself === undefined || below === undefined || itself === below)) {
    const each = domains.flatMap((domain) => [
      ...routes(domain, outside, outside),
      nftset(domain.name, domain.itself ?? domain.below),
    ]);
    return [toText([...common(RESOLVER_PORTS.front), ...each])];
  }
  const { front, exact, below } = RESOLVER_PORTS;
  const local = (port: number): string[] => [`127.0.0.1#${port}`];
  const view = (port: number, groupOf: (domain: Domain) => number | undefined): string =>
    toText([
      ...common(port),
      ...domains
        .filter((domain) => groupOf(domain) !== undefined)
        .flatMap((domain) => [...servers(domain.name, outside), nftset(domain.name, groupOf(domain))]),
    ]);
  return [
    toText([...common(front), ...domains.flatMap((domain) => routes(domain, local(exact), local(below)))]),
    view(exact, ({ itself }) => itself),
    view(below, (domain) => domain.below),
  ];
}

function commonLines(port: number, addressHoldSeconds: number): string[] {
  return [
    `port=${port}`,
    "interface=lo",
    `user=${RESOLVER_USER}`,
    `group=${RESOLVER_USER}`,
    "pid-file",
    "log-facility=-",
    "no-hosts",
    "no-resolv",
    "no-poll",
    // What it answers from a cache it adds to no set.
    "cache-size=0",
    // An address is open for at least the hold after its answer; a second less lets no clock be quicker than the sets.
    `max-ttl=${addressHoldSeconds - 1}`,
    "edns-packet-max=1232",
  ];
}

/**
 * Whom to ask for a domain and the names below it. `server=/foo.com/` covers both, `server=/*.foo.com/` what is below;
 * the more exact one wins, and what neither covers is refused.
 */
function routes({ name, itself, below }: Domain, exact: readonly string[], under: readonly string[]): string[] {
  return [
    ...(itself === undefined ? [] : servers(name, exact)),
    ...(below === undefined ? (itself === undefined ? [] : [`local=/*.${name}/`]) : servers(`*.${name}`, under)),
  ];
}

function servers(domain: string, addresses: readonly string[]): string[] {
  return addresses.map((address) => `server=/${domain}/${address}`);
}

function nftset(name: string, group: number | undefined): string {
  if (group === undefined) throw new RangeError(`${name}: no ports`);
  const table = TABLE.replace(" ", "#");
  const sets = ([4, 6] as const).flatMap((family) =>
    TURNS.map((turn) => `${family}#${table}#${setName(turn, family, group)}`),
  );
  return `nftset=/${name}/${sets.join(",")}`;
}

function toText(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
