import { describe, expect, it } from "@jest/globals";
import { token } from "../../../../test/support/code-engine-script.ts";
import { Redactor } from "./redactor.ts";

const KEY = "the-api-key";
const PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----\n";

describe("a redactor", () => {
  it.each([
    { because: "it was learned", text: `key ${KEY}!`, values: [], gone: KEY },
    { because: "it is encoded for a URL", text: "p%40ss%2Fword", values: ["p@ss/word"], gone: "word" },
    { because: "it is encoded in base64", text: "aHVudGVyMg==", values: ["hunter2"], gone: "aHVudGVyMg" },
    { because: "it stands inside JSON", text: JSON.stringify({ p: 'quo"te' }), values: ['quo"te'], gone: "quo" },
    { because: "it is a line of a key", text: "bad line MIIEvQIBADANBgkq", values: [PEM], gone: "MIIEv" },
    { because: "it contains another", text: "abcdef", values: ["abc", "abcdef"], gone: "def" },
    { because: "it looks like a token", text: `token ${token()}`, values: [], gone: "eyJ" },
    {
      because: "it is half a token",
      text: `token ${token().split(".").slice(0, 2).join(".")}`,
      values: [],
      gone: "eyJ",
    },
    { because: "it is a credential", text: "Authorization: Bearer opaque-0123", values: [], gone: "opaque" },
    { because: "it is short", text: "1 of 12", values: ["1"], gone: "1" },
  ])("takes a secret out: $because", ({ text, values, gone }) => {
    const redactor = new Redactor();
    redactor.learn(KEY);
    const clean = redactor.redact(text, values);
    expect(clean).toContain("[redacted]");
    expect(clean).not.toContain(gone);
  });

  it("never forgets the key, and remembers the last tokens", () => {
    const redactor = new Redactor();
    redactor.learn(KEY);
    for (let at = 0; at < 50; at += 1) redactor.learn(`token-${at}-`);
    expect(redactor.redact(`${KEY} token-49- token-44-`)).toBe("[redacted] [redacted] [redacted]");
  });

  it("answers one line of bounded length", () => {
    const clean = new Redactor().redact(`a\n\tb\u0000c\u2028d ${"x".repeat(1000)}`);
    expect(clean).toMatch(/^a b c d x+…$/);
    expect(clean.length).toBeLessThan(510);
  });
});
