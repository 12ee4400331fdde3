import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { AllowedHost, Egress } from "../../../guardrails/guardrails.ts";
import { TerminalError } from "../../../machinery/errors.ts";

/** Ports that something may be reached at, ascending; undefined: all. TCP and UDP. */
export type Ports = readonly number[] | undefined;

/** A domain that the list speaks of, and what it says of the domain itself and of the names below it. */
export interface Domain {
  readonly name: string;
  /** Undefined: the domain itself is not allowed. Otherwise the index of its port group. */
  readonly itself: number | undefined;
  /** The same for all names below it that are not said otherwise by a longer domain. */
  readonly below: number | undefined;
}

export interface Range {
  readonly family: 4 | 6;
  readonly cidr: string;
  /** Index of its port group. */
  readonly group: number;
}

/** An allow-list, sorted out for the resolver and the packet filter. Both know ports by the number of their group. */
export interface AllowList {
  readonly domains: readonly Domain[];
  readonly ranges: readonly Range[];
  readonly groups: readonly Ports[];
}

/** RFC 1123 with underscores, which occur in names that are only looked up. Nothing that means anything to a file's syntax. */
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
const MAX_NAME = 253;

/**
 * Pure. Ports of a name are those of all entries that match it: its own and the wildcards above. The resolver adds what
 * it answers by the longest domain that ends the name, so each domain has to carry what it inherits.
 * @throws {TerminalError} `InvalidSpec` for what is no name, range or port.
 */
export function readAllowList(egress: Egress): AllowList {
  const hosts = egress.kind === "listed" ? egress.hosts : [];
  for (const host of hosts) check(host);
  const groups = new Groups();
  const exact = portsByName(hosts, false);
  const wildcards = portsByName(hosts, true);
  const domains = [...new Set([...exact.keys(), ...wildcards.keys()])].map((name) => {
    const inherited = ancestors(name).map((ancestor) => wildcards.get(ancestor));
    const itself = union([exact.get(name), ...inherited]);
    const below = union([wildcards.get(name), ...inherited]);
    return { name, itself: itself && groups.indexOf(itself.ports), below: below && groups.indexOf(below.ports) };
  });
  const ranges = hosts
    .filter((host) => host.kind === "range")
    .map(({ family, cidr, port }) => ({
      family,
      cidr,
      group: groups.indexOf(port === undefined ? undefined : [port]),
    }));
  return { domains, ranges, groups: groups.all };
}

/** Undefined ports mean all, so what allows nothing has to be something else: undefined as a whole. */
interface Allowed {
  readonly ports: Ports;
}

function portsByName(hosts: readonly AllowedHost[], wildcard: boolean): Map<string, Allowed> {
  const byName = new Map<string, Allowed>();
  for (const host of hosts) {
    if (host.kind !== "name" || host.wildcard !== wildcard) continue;
    const ports = host.port === undefined ? undefined : [host.port];
    byName.set(host.name, union([byName.get(host.name), { ports }]) ?? { ports });
  }
  return byName;
}

function union(parts: readonly (Allowed | undefined)[]): Allowed | undefined {
  const allowed = parts.filter((part) => part !== undefined);
  if (allowed.length === 0) return undefined;
  if (allowed.some(({ ports }) => ports === undefined)) return { ports: undefined };
  const ports = new Set(allowed.flatMap((part) => part.ports ?? []));
  return { ports: [...ports].sort((a, b) => a - b) };
}

function ancestors(name: string): string[] {
  const labels = name.split(".");
  return labels.slice(1).map((_, index) => labels.slice(index + 1).join("."));
}

class Groups {
  readonly all: Ports[] = [];
  readonly #indices = new Map<string, number>();

  indexOf(ports: Ports): number {
    const key = ports?.join() ?? "";
    const index = this.#indices.get(key) ?? this.all.push(ports) - 1;
    this.#indices.set(key, index);
    return index;
  }
}

function check(host: AllowedHost): void {
  if (host.kind === "name") {
    const labels = host.name.split(".");
    if (host.name.length > MAX_NAME || !labels.every((label) => LABEL.test(label)))
      throw invalid(host.name, "a DNS name");
  }
  if (host.port !== undefined && !isPort(host.port)) throw invalid(String(host.port), "a port");
}

export function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65_535;
}

function invalid(value: string, what: string): TerminalError {
  return new TerminalError(Reason.InvalidSpec, `network.allowedHosts: ${JSON.stringify(value)} is not ${what}`);
}
