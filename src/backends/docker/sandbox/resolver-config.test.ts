import { describe, expect, it } from "@jest/globals";
import type { AllowedHost, Egress } from "../../../guardrails/guardrails.ts";
import { readAllowList } from "./allowed-names.ts";
import { resolverConfigs } from "./resolver-config.ts";

const name = (host: string, wildcard: boolean, port?: number): AllowedHost => ({
  kind: "name",
  name: host,
  wildcard,
  port,
});

/** The lines of each configuration that differ between requests. */
function lines(egress: Egress, upstreams = ["192.0.2.53"]): string[][] {
  const configs = resolverConfigs({ egress, allowed: readAllowList(egress), upstreams, addressHoldSeconds: 60 });
  return configs.map((config) => config.split("\n").filter((line) => /^(server|local|nftset|port)=/.test(line)));
}

const sets = (group: number): string =>
  [
    `4#inet#slipway#a4_${group}`,
    `4#inet#slipway#b4_${group}`,
    `6#inet#slipway#a6_${group}`,
    `6#inet#slipway#b6_${group}`,
  ].join();

describe("resolverConfigs", () => {
  it.each<{ because: string; egress: Egress; want: string[][] }>([
    { because: "a closed network asks nobody", egress: { kind: "closed" }, want: [["port=61053"]] },
    {
      because: "an open one asks for everything, and needs no sets",
      egress: { kind: "open" },
      want: [["port=61053", "server=192.0.2.53"]],
    },
    {
      because: "a name without what is below it",
      egress: { kind: "listed", hosts: [name("foo.com", false)] },
      want: [["port=61053", "server=/foo.com/192.0.2.53", "local=/*.foo.com/", `nftset=/foo.com/${sets(0)}`]],
    },
    {
      because: "what is below a name without the name",
      egress: { kind: "listed", hosts: [name("foo.com", true)] },
      want: [["port=61053", "server=/*.foo.com/192.0.2.53", `nftset=/foo.com/${sets(0)}`]],
    },
    {
      because: "where both have the same ports one resolver does",
      egress: { kind: "listed", hosts: [name("foo.com", true, 443), name("foo.com", false, 443)] },
      want: [
        ["port=61053", "server=/foo.com/192.0.2.53", "server=/*.foo.com/192.0.2.53", `nftset=/foo.com/${sets(0)}`],
      ],
    },
    {
      because: "where they have different ones each has a resolver of its own, behind one that tells them apart",
      egress: {
        kind: "listed",
        hosts: [name("foo.com", false, 80), name("foo.com", true, 443), name("bar.com", false, 80)],
      },
      want: [
        [
          "port=61053",
          "server=/foo.com/127.0.0.1#61054",
          "server=/*.foo.com/127.0.0.1#61055",
          "server=/bar.com/127.0.0.1#61054",
          "local=/*.bar.com/",
        ],
        [
          "port=61054",
          "server=/foo.com/192.0.2.53",
          `nftset=/foo.com/${sets(0)}`,
          "server=/bar.com/192.0.2.53",
          `nftset=/bar.com/${sets(0)}`,
        ],
        ["port=61055", "server=/foo.com/192.0.2.53", `nftset=/foo.com/${sets(1)}`],
      ],
    },
  ])("$because", ({ egress, want }) => {
    expect(lines(egress)).toEqual(want);
  });

  it("asks every resolver, of either family", () => {
    expect(lines({ kind: "open" }, ["2001:db8::53", "192.0.2.53"])).toEqual([
      ["port=61053", "server=192.0.2.53", "server=2001:db8::53"],
    ]);
  });

  it("has no line that is longer than dnsmasq reads", () => {
    const long = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;
    const egress: Egress = { kind: "listed", hosts: [name(long, false, 80), name(long, true, 443)] };
    const all = lines(egress).flat();
    expect(Math.max(...all.map(({ length }) => length))).toBeLessThan(1024);
  });

  it("neither keeps answers nor lets others do so for longer than addresses are open", () => {
    const [config = ""] = resolverConfigs({
      egress: { kind: "closed" },
      allowed: readAllowList({ kind: "closed" }),
      upstreams: [],
      addressHoldSeconds: 60,
    });
    expect(config.split("\n")).toEqual(expect.arrayContaining(["cache-size=0", "max-ttl=59", "no-resolv", "no-hosts"]));
  });

  it("refuses a resolver that is no address", () => {
    expect(() => lines({ kind: "open" }, ["192.0.2.53\nserver=/x/"])).toThrow(/spec.docker.sandbox.dns/);
  });
});
