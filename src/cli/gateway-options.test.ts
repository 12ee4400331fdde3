import { describe, expect, it } from "@jest/globals";
import { gatewaySettings, parseGatewayUrl, parseOrigin } from "./gateway-options.ts";
import { UsageError } from "./usage-error.ts";

describe("--gateway-url", () => {
  it.each([
    { text: "https://mcp.example.com", want: "https://mcp.example.com" },
    { text: "https://example.com/tools/", want: "https://example.com/tools" },
    { text: "http://localhost:7080", want: "http://localhost:7080" },
  ])("is $text", ({ text, want }) => {
    expect(parseGatewayUrl(text)).toBe(want);
  });

  it.each(["mcp.example.com", "ftp://example.com", "https://user:pass@example.com", "https://example.com/?a=b", ""])(
    "is not %j",
    (text) => {
      expect(() => parseGatewayUrl(text)).toThrow(UsageError);
    },
  );
});

describe("--gateway-origin", () => {
  it.each(["http://localhost:6274", "https://app.example.com"])("is %s", (text) => {
    expect(parseOrigin(text)).toBe(text);
  });

  it.each(["localhost:6274", "https://app.example.com/path", "null", "*", "file:///x"])("is not %j", (text) => {
    expect(() => parseOrigin(text)).toThrow(UsageError);
  });
});

it.each([
  { because: "by where it listens", gatewayAccess: "auto", want: {} },
  { because: "always", gatewayAccess: "token", want: { requireToken: true } },
  { because: "never, by name", gatewayAccess: "none", want: { requireToken: false } },
] as const)("asks for tokens $because", ({ gatewayAccess, want }) => {
  expect(gatewaySettings({ gatewayAccess, gatewayHost: [], gatewayOrigin: [] })).toEqual({
    names: [],
    origins: [],
    ...want,
  });
});
