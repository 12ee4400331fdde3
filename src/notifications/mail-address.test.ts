import { describe, expect, it } from "@jest/globals";
import { isMailAddress, parseMailbox } from "./mail-address.ts";

describe("isMailAddress", () => {
  it.each([
    { because: "that is one", text: "dev@example.org", want: true },
    { because: "so is one with a tag", text: "dev+slipway@mail.example.org", want: true },
    {
      because: "a service account is a person's no more than its name",
      text: "system:serviceaccount:argocd:argocd",
      want: false,
    },
    { because: "a line end begins another header", text: "dev@example.org\r\nBcc: all@example.org", want: false },
    { because: "a line end at the end does, too", text: "dev@example.org\n", want: false },
    { because: "white space begins another parameter", text: "dev@example.org SIZE=1", want: false },
    { because: "these are two", text: "dev@example.org,all@example.org", want: false },
    { because: "brackets end the address of a command", text: "dev@example.org>", want: false },
    { because: "quotes hide anything", text: '"a@b\\"> x"@example.org', want: false },
    { because: "a domain has a dot", text: "root@localhost", want: false },
    { because: "bang paths are of another time, and harmless", text: "a!b@example.org", want: true },
    {
      because: "it has to fit",
      text: `${"a".repeat(64)}@${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(63)}.${"e".repeat(20)}`,
      want: false,
    },
  ])("$because", ({ text, want }) => {
    expect(isMailAddress(text)).toBe(want);
  });
});

describe("parseMailbox", () => {
  it.each([
    { text: "slipway@example.org", want: { name: "", address: "slipway@example.org" } },
    { text: "Slipway <slipway@example.org>", want: { name: "Slipway", address: "slipway@example.org" } },
    { text: '"Slipway, prod" <slipway@example.org>', want: { name: "Slipway, prod", address: "slipway@example.org" } },
    { text: "Slipway\r\nBcc: x <slipway@example.org>", want: undefined },
    { text: "Slipway", want: undefined },
  ])("reads $text", ({ text, want }) => {
    expect(parseMailbox(text)).toEqual(want);
  });
});
