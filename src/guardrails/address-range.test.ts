import { BlockList } from "node:net";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  type AddressRange,
  containsRange,
  formatAddressRange,
  hasHostBits,
  parseAddressRange,
} from "./address-range.ts";

const parsed = (text: string) => parseAddressRange(text) as AddressRange;

describe("parseAddressRange", () => {
  it.each([
    { text: "192.0.2.1", want: "192.0.2.1/32" },
    { text: "0.0.0.0/0", want: "0.0.0.0/0" },
    { text: "10.1.2.3/8", want: "10.0.0.0/8" },
    { text: "2001:DB8::1", want: "2001:db8::1/128" },
    { text: "2001:db8:0:0:1:0:0:1/64", want: "2001:db8::/64" },
    { text: "::/0", want: "::/0" },
    { text: "1:2:3:4:5:6:7::", want: "1:2:3:4:5:6:7:0/128" },
  ])("reads $text as $want", ({ text, want }) => {
    expect(formatAddressRange(parsed(text))).toBe(want);
  });

  it.each([
    { text: "10.0.0", because: "an octet is missing" },
    { text: "10.0.0.256", because: "an octet is too large" },
    { text: "010.0.0.1", because: "some read a leading zero as octal" },
    { text: "10.0.0.0/33", because: "there are 32 bits" },
    { text: "10.0.0.0/08", because: "a prefix has no leading zero" },
    { text: "10.0.0.0/8/8", because: "one prefix" },
    { text: "1::2::3", because: "one gap" },
    { text: "1:2:3:4:5:6:7:8::", because: "no gap where nothing is missing" },
    { text: "1:2:3:4:5:6:7", because: "a group is missing" },
    { text: "12345::", because: "a group has four digits" },
    { text: "fe80::1%eth0", because: "a zone is of one machine" },
    { text: "", because: "nothing is there" },
  ])("does not read $text: $because", ({ text }) => {
    expect(parseAddressRange(text)).toBeUndefined();
  });

  it("writes IPv6 as URLs do (RFC 5952)", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("0", "1", "db8", "ffff"), { minLength: 8, maxLength: 8 }), (groups) => {
        const { hostname } = new URL(`http://[${groups.join(":")}]/`);
        expect(`[${formatAddressRange(parsed(groups.join(":"))).replace("/128", "")}]`).toBe(hostname);
      }),
    );
  });
});

describe("containsRange", () => {
  const address = fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((text) => !text.includes(".")),
  );

  it("agrees with the BlockList of Node", () => {
    fc.assert(
      fc.property(address, address, fc.nat(128), (network, other, bits) => {
        const family = network.includes(":") ? "ipv6" : "ipv4";
        const prefix = family === "ipv4" ? bits % 33 : bits;
        const list = new BlockList();
        list.addSubnet(network, prefix, family);
        for (const candidate of [network, other]) {
          // A BlockList takes IPv4-mapped addresses for IPv4; hosts are refused that are written so.
          if (candidate.includes(":") !== network.includes(":")) continue;
          expect(containsRange(parsed(`${network}/${prefix}`), parsed(candidate))).toBe(list.check(candidate, family));
        }
      }),
    );
  });

  it.each([
    { outer: "10.0.0.0/8", inner: "10.1.0.0/16", want: true },
    { outer: "10.1.0.0/16", inner: "10.0.0.0/8", want: false },
    { outer: "0.0.0.0/0", inner: "::1", want: false },
    { outer: "::/0", inner: "10.0.0.1", want: false },
  ])("$outer contains $inner: $want", ({ outer, inner, want }) => {
    expect(containsRange(parsed(outer), parsed(inner))).toBe(want);
  });
});

it.each([
  { text: "10.0.0.0/8", want: false },
  { text: "10.0.0.1/8", want: true },
  { text: "2001:db8::1/32", want: true },
  { text: "2001:db8::1", want: false },
])("$text has bits behind its prefix: $want", ({ text, want }) => {
  expect(hasHostBits(parsed(text))).toBe(want);
});
