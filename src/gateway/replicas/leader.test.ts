import { describe, expect, it } from "@jest/globals";
import { parseGatewayAddress } from "./leader.ts";

describe("the address of a leader's gateway", () => {
  it.each([
    { text: "10.42.0.7:7080", want: { host: "10.42.0.7:7080", hostname: "10.42.0.7", port: 7080 } },
    { text: "[fd00::7]:7080", want: { host: "[fd00::7]:7080", hostname: "fd00::7", port: 7080 } },
    { text: "pod-0.slipway:80", want: { host: "pod-0.slipway:80", hostname: "pod-0.slipway", port: 80 } },
  ])("is $text", ({ text, want }) => {
    expect(parseGatewayAddress(text)).toEqual(want);
  });

  it.each([
    { because: "it is empty", text: "" },
    { because: "it has no port", text: "10.42.0.7" },
    { because: "its port is none", text: "10.42.0.7:0" },
    { because: "its port is too large", text: "10.42.0.7:65536" },
    { because: "its port is a word", text: "10.42.0.7:http" },
    { because: "it is a URL", text: "http://10.42.0.7:7080" },
    { because: "it goes on with a path", text: "10.42.0.7:7080/team-a" },
    { because: "it has a user", text: "root@10.42.0.7:7080" },
    { because: "it has a second line", text: "10.42.0.7:7080\nx: y" },
    { because: "IPv6 without brackets is ambiguous", text: "fd00::7:7080" },
    { because: "it only looks like IPv6", text: "[fd00::7::8]:7080" },
    { because: "it only looks like IPv4", text: "10.42.0.777:7080" },
    { because: "it is longer than any name", text: `${"a".repeat(300)}:7080` },
  ])("is none where $because", ({ text }) => {
    expect(parseGatewayAddress(text)).toBeUndefined();
  });
});
