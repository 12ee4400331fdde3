import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { NetworkRules } from "../../../guardrails/confinement.ts";
import type { AllowedHost, Egress } from "../../../guardrails/guardrails.ts";
import { readAllowList } from "./allowed-names.ts";
import { flushCommands, type Place, ruleset } from "./rules.ts";

const PLACE: Place = {
  network: { subnets: ["172.20.0.0/16", "fd00:20::/64"], gateways: ["172.20.0.1", "fd00:20::1"] },
  hostAddresses: ["192.0.2.2"],
  allowedSources: ["10.1.0.0/16"],
  upstreams: ["10.0.0.53", "fd00::53"],
  addressHoldSeconds: 60,
};
const UID = 2 ** 30 + 7;

function text(
  egress: Egress,
  { ports = [8080], place = {} }: { ports?: number[]; place?: Partial<Place> } = {},
): string {
  const rules: NetworkRules = { egress, ingressPorts: ports };
  return ruleset({ rules, allowed: readAllowList(egress), place: { ...PLACE, ...place }, resolverUid: UID });
}

/** The rules of one chain, in their order. */
function chain(all: string, chainName: string): string[] {
  const lines = all.split("\n").map((line) => line.trim());
  const from = lines.indexOf(`chain ${chainName} {`);
  return lines.slice(from + 1, lines.indexOf("}", from));
}

const LISTED: Egress = {
  kind: "listed",
  hosts: [
    { kind: "name", name: "foo.com", wildcard: false, port: 443 },
    { kind: "range", family: 4, cidr: "10.20.0.0/16", port: undefined },
    { kind: "range", family: 6, cidr: "2001:db8::/32", port: 5432 },
  ],
};

describe("ruleset", () => {
  it.each<{ because: string; egress: Egress }>([
    { because: "closed", egress: { kind: "closed" } },
    { because: "listed", egress: LISTED },
    { because: "open", egress: { kind: "open" } },
  ])("drops, in, out and through, what no rule accepts: $because", ({ egress }) => {
    const all = text(egress);
    for (const hook of ["input", "output", "forward"]) {
      expect(chain(all, hook)[0]).toBe(`type filter hook ${hook} priority 0; policy drop;`);
    }
  });

  it("lets nothing out of a closed network but the resolver, which asks nobody", () => {
    expect(chain(text({ kind: "closed" }), "output").at(-1)).toBe(`meta skuid ${UID} drop`);
  });

  it("closes what is never open ahead of ranges, and what is reserved ahead of names", () => {
    const output = chain(text(LISTED), "output");
    const order = [
      "oif lo ip daddr 127.0.0.11 drop",
      "oif lo accept",
      "meta l4proto { tcp, udp } th dport 53 drop",
      "ip daddr @never4 drop",
      "ip6 daddr @never6 drop",
      "ip daddr @ranges_1_4 meta l4proto { tcp, udp } accept",
      "ip6 daddr @ranges_2_6 meta l4proto { tcp, udp } th dport { 5432 } accept",
      "ip daddr @reserved4 drop",
      "ip6 daddr @reserved6 drop",
      "ip daddr @a4_0 meta l4proto { tcp, udp } th dport { 443 } accept",
      "ip6 daddr @b6_0 meta l4proto { tcp, udp } th dport { 443 } accept",
    ];
    expect(order.map((rule) => output.indexOf(rule))).not.toContain(-1);
    expect(output.filter((rule) => order.includes(rule))).toEqual(order);
  });

  it.each([
    { because: "metadata", element: "169.254.0.0/16" },
    { because: "its own network", element: "172.20.0.0/16" },
    { because: "the Engine's machine on it", element: "fd00:20::1" },
  ])("never opens $because", ({ element }) => {
    const never = text(LISTED)
      .split("\n")
      .filter((line) => /set never[46] /.test(line));
    expect(never.join()).toContain(element);
  });

  it("reserves this machine's addresses, and in an open network never opens them", () => {
    const set = (all: string, wanted: string): string =>
      all.split("\n").find((line) => line.includes(`set ${wanted} `)) ?? "";
    expect(set(text(LISTED), "reserved4")).toContain("192.0.2.2");
    expect(set(text(LISTED), "never4")).not.toContain("192.0.2.2");
    expect(set(text({ kind: "open" }), "never4")).toContain("192.0.2.2");
    expect(chain(text({ kind: "open" }), "output").slice(-3)).toEqual([
      "ip daddr @never4 drop",
      "ip6 daddr @never6 drop",
      "accept",
    ]);
  });

  it("lets in only these ports from only these sources", () => {
    const accepted = chain(text({ kind: "closed" }, { ports: [80, 8080] }), "input").filter((rule) =>
      rule.startsWith("tcp"),
    );
    expect(accepted).toEqual([
      "tcp dport { 80, 8080 } ip saddr @sources4 accept",
      "tcp dport { 80, 8080 } ip6 saddr @sources6 accept",
    ]);
    expect(text({ kind: "closed" })).toContain("elements = { 172.20.0.1, 10.1.0.0/16 }");
    expect(chain(text({ kind: "closed" }, { ports: [] }), "input").filter((rule) => rule.includes("dport"))).toEqual(
      [],
    );
  });

  it("closes by itself where nothing empties the sets any more", () => {
    expect(text(LISTED)).toContain("set b6_0 { type ipv6_addr; size 4096; timeout 180s; }");
  });

  it.each<{ because: string; place: Partial<Place> }>([
    { because: "no address", place: { upstreams: ["dns.example"] } },
    { because: "a zone", place: { network: { subnets: [], gateways: ["fe80::1%eth0"] } } },
    { because: "a prefix too long", place: { allowedSources: ["10.0.0.0/33"] } },
    { because: "a second rule", place: { hostAddresses: ["10.0.0.1 } ; flush ruleset"] } },
  ])("takes nothing that is $because", ({ place }) => {
    expect(() => text(LISTED, { place })).toThrow(expect.objectContaining({ reason: "InvalidSpec" }));
  });

  it("writes nothing but what was checked", () => {
    const anything = fc.string({ minLength: 1, maxLength: 20, unit: "binary" });
    const host: fc.Arbitrary<AllowedHost> = fc.oneof(
      anything.map((name) => ({ kind: "name", name, wildcard: false, port: undefined }) as const),
      anything.map((cidr) => ({ kind: "range", family: 4, cidr, port: undefined }) as const),
    );
    const property = fc.property(host, (hostile) => {
      let all: string;
      try {
        all = text({ kind: "listed", hosts: [hostile] });
      } catch (error) {
        expect(error).toMatchObject({ reason: "InvalidSpec" });
        return;
      }
      expect(all).toMatch(/^[\n !-~]*$/);
      expect(all.match(/\bchain \w+ \{/g)).toEqual([
        "chain names {",
        "chain output {",
        "chain input {",
        "chain forward {",
      ]);
    });
    fc.assert(property);
  });
});

describe("flushCommands", () => {
  it("empties one turn of all sets", () => {
    const allowed = readAllowList(LISTED);
    expect(flushCommands("a", allowed)).toBe("flush set inet slipway a4_0\nflush set inet slipway a6_0\n");
    expect(flushCommands("b", allowed)).toBe("flush set inet slipway b4_0\nflush set inet slipway b6_0\n");
    expect(flushCommands("a", readAllowList({ kind: "closed" }))).toBe("");
  });
});
