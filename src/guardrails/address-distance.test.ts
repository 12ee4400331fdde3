import { describe, expect, it } from "@jest/globals";
import { addressDistance, isOpenAddress } from "./address-distance.ts";
import { parseAddressRange } from "./address-range.ts";

describe("an address", () => {
  it.each([
    { address: "1.1.1.1", is: "public" },
    { address: "2606:4700::1111", is: "public" },
    { address: "172.32.0.1", is: "public", because: "it is just behind 172.16.0.0/12" },
    { address: "64:ff9b::101:101", is: "public", because: "a network translates it into 1.1.1.1" },
    { address: "10.1.2.3", is: "private" },
    { address: "172.31.255.255", is: "private" },
    { address: "192.168.0.1", is: "private" },
    { address: "100.64.0.1", is: "private" },
    { address: "198.19.0.1", is: "private" },
    { address: "fd12::1", is: "private" },
    { address: "64:ff9b:1::1", is: "private" },
    { address: "64:ff9b::a00:1", is: "private", because: "a network translates it into 10.0.0.1" },
    { address: "127.0.0.1", is: "local" },
    { address: "127.255.255.254", is: "local" },
    { address: "::1", is: "local" },
    { address: "::ffff:127.0.0.1", is: "local", because: "a socket maps it" },
    { address: "::ffff:7f00:1", is: "local", because: "a socket maps it, too" },
    { address: "::FFFF:169.254.169.254", is: "nowhere", because: "a socket maps it to the metadata service" },
    { address: "0.0.0.0", is: "nowhere", because: "Linux connects to itself" },
    { address: "::", is: "nowhere" },
    { address: "169.254.169.254", is: "nowhere" },
    { address: "169.254.170.2", is: "nowhere" },
    { address: "fd00:ec2::254", is: "nowhere" },
    { address: "fd20:ce::254", is: "nowhere" },
    { address: "168.63.129.16", is: "nowhere", because: "Azure's machines get their keys there" },
    { address: "100.100.100.200", is: "nowhere" },
    { address: "192.0.0.192", is: "nowhere" },
    { address: "fe80::1", is: "nowhere" },
    { address: "fe80::1%eth0", is: "nowhere", because: "it has a zone" },
    { address: "fec0::1", is: "nowhere" },
    { address: "224.0.0.1", is: "nowhere" },
    { address: "255.255.255.255", is: "nowhere" },
    { address: "ff02::1", is: "nowhere" },
    { address: "2002:7f00:1::", is: "nowhere", because: "it holds an IPv4 address" },
    { address: "2001:0:1::1", is: "nowhere", because: "Teredo holds one, too" },
    { address: "::7f00:1", is: "nowhere", because: "IPv4-compatible addresses are gone" },
    { address: "4000::1", is: "nowhere", because: "nobody has it" },
    { address: "0177.0.0.1", is: "nowhere", because: "it may be octal" },
    { address: "127.1", is: "nowhere", because: "it is no whole address" },
    { address: "1.1.1.0/24", is: "nowhere", because: "it is a range" },
    { address: "localhost", is: "nowhere" },
    { address: "", is: "nowhere" },
  ])("$address is $is", ({ address, is }) => {
    expect(addressDistance(address)).toBe(is);
  });
});

describe("ranges open", () => {
  it.each([
    { because: "a public address needs none", ranges: [], address: "1.1.1.1", open: true },
    { because: "a private one is closed", ranges: [], address: "10.1.2.3", open: false },
    { because: "it is listed", ranges: ["10.1.0.0/16"], address: "10.1.2.3", open: true },
    { because: "another is listed", ranges: ["10.2.0.0/16", "::1/128"], address: "10.1.2.3", open: false },
    { because: "loopback is listed", ranges: ["127.0.0.0/8"], address: "127.0.0.1", open: true },
    { because: "it is the same to a socket", ranges: ["127.0.0.0/8"], address: "::ffff:127.0.0.1", open: true },
    { because: "it is another to a socket", ranges: ["::1/128"], address: "::ffff:127.0.0.1", open: false },
    { because: "everything is listed", ranges: ["0.0.0.0/0"], address: "192.168.1.1", open: true },
    {
      because: "everything does not mean this",
      ranges: ["0.0.0.0/0", "::/0"],
      address: "169.254.169.254",
      open: false,
    },
    { because: "nor in another spelling", ranges: ["0.0.0.0/0", "::/0"], address: "::ffff:a9fe:a9fe", open: false },
    { because: "private does not mean this", ranges: ["fc00::/7"], address: "fd00:ec2::254", open: false },
    { because: "this is meant", ranges: ["169.254.169.254"], address: "169.254.169.254", open: true },
    { because: "these are meant", ranges: ["fe80::/10"], address: "fe80::1", open: true },
    { because: "a zone is never meant", ranges: ["fe80::/10"], address: "fe80::1%eth0", open: false },
  ])("$address to $ranges: $open, since $because", ({ ranges, address, open }) => {
    expect(
      isOpenAddress(
        address,
        ranges.flatMap((text) => parseAddressRange(text) ?? []),
      ),
    ).toBe(open);
  });
});
