import { describe, expect, it } from "@jest/globals";
import { parseAdvertiseAddress, parseLeaseSeconds } from "./election-flags.ts";
import { UsageError } from "./usage-error.ts";

describe("--lease-seconds", () => {
  it.each([
    ["10", 10],
    ["15", 15],
    ["300", 300],
  ])("takes %s", (text, seconds) => {
    expect(parseLeaseSeconds(text)).toBe(seconds);
  });

  it.each(["9", "301", "15s", "1e2", "-15", "15.5", "", " 15", "0x10"])("refuses %j", (text) => {
    expect(() => parseLeaseSeconds(text)).toThrow(UsageError);
  });
});

describe("--advertise-address", () => {
  it.each([
    ["10.0.0.7", "10.0.0.7"],
    ["pod-1.slipway.svc", "pod-1.slipway.svc"],
    ["fd00::7", "[fd00::7]"],
    ["[fd00::7]", "[fd00::7]"],
  ])("takes %s", (text, host) => {
    expect(parseAdvertiseAddress(text)).toBe(host);
  });

  it.each(["", "10.0.0.7:7080", "http://10.0.0.7", "user@host", "a b", "host/path", "[fd00::7]:7080", "999.1.1.1.1"])(
    "refuses %j",
    (text) => {
      expect(() => parseAdvertiseAddress(text)).toThrow(UsageError);
    },
  );
});
