import { describe, expect, it } from "@jest/globals";
import { parseListenAddress } from "./listen-address.ts";
import { UsageError } from "./usage-error.ts";

describe("parseListenAddress", () => {
  it.each([
    { text: "127.0.0.1:6443", want: { host: "127.0.0.1", port: 6443 } },
    { text: "localhost:0", want: { host: "localhost", port: 0 } },
    { text: "[::1]:443", want: { host: "::1", port: 443 } },
  ])("reads $text", ({ text, want }) => {
    expect(parseListenAddress("--listen", text)).toEqual(want);
  });

  it.each(["", "6443", ":6443", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:443", "a b:1", "h:-1"])(
    "refuses %j, naming the flag",
    (text) => {
      expect(() => parseListenAddress("--listen", text)).toThrow(UsageError);
      expect(() => parseListenAddress("--listen", text)).toThrow(`--listen: ${JSON.stringify(text)} is not HOST:PORT`);
    },
  );
});
