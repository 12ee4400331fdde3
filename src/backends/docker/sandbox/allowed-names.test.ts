import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { AllowedHost } from "../../../guardrails/guardrails.ts";
import { readAllowList } from "./allowed-names.ts";

function name(text: string): AllowedHost {
  const [host = "", port] = text.split(":");
  const wildcard = host.startsWith("*.");
  return {
    kind: "name",
    name: host.replace("*.", ""),
    wildcard,
    port: port === undefined ? undefined : Number(port),
  };
}

/** What a list allows, with the ports themselves instead of their groups. */
function read(hosts: readonly string[]): object {
  const { domains, groups } = readAllowList({ kind: "listed", hosts: hosts.map(name) });
  const ports = (group: number | undefined) => (group === undefined ? "none" : (groups[group]?.join() ?? "all"));
  return Object.fromEntries(
    domains.map((domain) => [domain.name, { itself: ports(domain.itself), below: ports(domain.below) }]),
  );
}

describe("readAllowList", () => {
  it.each([
    { because: "a name is itself only", hosts: ["a.b"], want: { "a.b": { itself: "all", below: "none" } } },
    { because: "a wildcard is not the apex", hosts: ["*.a.b"], want: { "a.b": { itself: "none", below: "all" } } },
    {
      because: "ports of one name add up",
      hosts: ["a.b:443", "a.b:80"],
      want: { "a.b": { itself: "80,443", below: "none" } },
    },
    {
      because: "all ports are more than one",
      hosts: ["a.b:443", "a.b"],
      want: { "a.b": { itself: "all", below: "none" } },
    },
    {
      because: "the apex may have other ports than what is below",
      hosts: ["a.b:80", "*.a.b:443"],
      want: { "a.b": { itself: "80", below: "443" } },
    },
    {
      because: "a longer name inherits from the wildcards above it",
      hosts: ["*.a.b:443", "x.a.b:5432"],
      want: { "a.b": { itself: "none", below: "443" }, "x.a.b": { itself: "443,5432", below: "443" } },
    },
    {
      because: "an exact name above gives nothing",
      hosts: ["a.b:80", "x.a.b:443"],
      want: { "a.b": { itself: "80", below: "none" }, "x.a.b": { itself: "443", below: "none" } },
    },
  ])("$because", ({ hosts, want }) => {
    expect(read(hosts)).toEqual(want);
  });

  it("shares groups of ports between names and ranges", () => {
    const range = { kind: "range", family: 4, cidr: "10.0.0.0/8", port: 443 } as const;
    const { groups, ranges, domains } = readAllowList({ kind: "listed", hosts: [name("a.b:443"), range] });
    expect(groups).toEqual([[443]]);
    expect(ranges).toEqual([{ family: 4, cidr: "10.0.0.0/8", group: 0 }]);
    expect(domains).toEqual([{ name: "a.b", itself: 0, below: undefined }]);
  });

  it.each([{ egress: { kind: "open" } as const }, { egress: { kind: "closed" } as const }])(
    "lists nothing: $egress.kind",
    ({ egress }) => {
      expect(readAllowList(egress)).toEqual({ domains: [], ranges: [], groups: [] });
    },
  );

  it.each([
    "",
    "a..b",
    "-a.b",
    "a b",
    "a.b/10.0.0.1",
    "a.b\nserver=8.8.8.8",
    "a;b",
    "#",
    "*",
    "A.b",
    `${"a".repeat(64)}.b`,
    `${"a.".repeat(130)}b`,
  ])("refuses %j as a name", (host) => {
    const hosts = [{ kind: "name", name: host, wildcard: false, port: undefined } as const];
    expect(() => readAllowList({ kind: "listed", hosts })).toThrow(expect.objectContaining({ reason: "InvalidSpec" }));
  });

  it("gives a name the ports of exactly the entries that match it", () => {
    const label = fc.constantFrom("a", "b", "c");
    const host = fc.record({
      kind: fc.constant("name" as const),
      name: fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join(".")),
      wildcard: fc.boolean(),
      port: fc.option(fc.constantFrom(80, 443, 5432), { nil: undefined }),
    });
    const property = fc.property(
      fc.array(host, { minLength: 1, maxLength: 8 }),
      fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join(".")),
      (hosts, query) => {
        expect(portsFor(query, hosts)).toEqual(expected(query, hosts));
      },
    );
    fc.assert(property);
  });
});

/** As the resolver finds them: by the longest domain that ends the name. */
function portsFor(query: string, hosts: readonly AllowedHost[]): string {
  const { domains, groups } = readAllowList({ kind: "listed", hosts });
  const matching = domains.filter((domain) => query === domain.name || query.endsWith(`.${domain.name}`));
  const longest = matching.toSorted((a, b) => b.name.length - a.name.length)[0];
  const group = longest?.name === query ? longest.itself : longest?.below;
  return group === undefined ? "none" : (groups[group]?.join() ?? "all");
}

/** As the list is meant. */
function expected(query: string, hosts: readonly AllowedHost[]): string {
  const matching = hosts.filter(
    (host) => host.kind === "name" && (host.wildcard ? query.endsWith(`.${host.name}`) : query === host.name),
  );
  if (matching.length === 0) return "none";
  const ports = matching.map(({ port }) => port);
  if (ports.includes(undefined)) return "all";
  return [...new Set(ports)].toSorted((a, b) => Number(a) - Number(b)).join();
}
