import { describe, expect, it } from "@jest/globals";
import { reportOf } from "./ready-line.ts";

const STARTED = "dnsmasq[1]: started, version 2.90 cache disabled\n";

describe("reportOf", () => {
  it.each([
    { because: "it listens", text: `slipway-sandbox: nameservers 10.0.0.2 10.0.0.3\n${STARTED}`, ready: true },
    { because: "it is still at its rules", text: "slipway-sandbox: nameservers 10.0.0.2\n", ready: false },
    {
      because: "only one behind the first listens",
      text: "Nov 21 13:09:03 dnsmasq[10]: started, version 2.90\n",
      ready: false,
    },
    { because: "the line is not complete", text: STARTED.slice(0, -1), ready: false },
  ])("is ready $ready: $because", ({ text, ready }) => {
    expect(reportOf(text).ready).toBe(ready);
  });

  it("tells the name servers", () => {
    expect(reportOf("slipway-sandbox: nameservers 10.0.0.2 10.0.0.3\n").nameservers).toEqual(["10.0.0.2", "10.0.0.3"]);
    expect(reportOf("slipway-sandbox: nameservers\n").nameservers).toEqual([]);
  });

  it.each([
    { because: "users are mapped", text: "slipway-sandbox: unsupported: a user namespace\n", says: "a user namespace" },
    {
      because: "there is no nf_tables",
      text: "netlink: Error: cache initialization failed: Invalid argument\n",
      says: /no nf_tables .*Invalid argument/,
    },
    {
      because: "there is no netfilter",
      text: "/run/rules.nft:1:1: Error: Unable to initialize Netlink socket: Protocol not supported\n",
      says: /no nf_tables/,
    },
    {
      because: "an expression is missing",
      text: "/run/rules.nft:27:5-7: Error: Could not process rule: No such file or directory\n",
      says: /lacks a part of nf_tables/,
    },
  ])("is unsupported: $because", ({ text, says }) => {
    expect(reportOf(text).unsupported).toEqual(expect.stringMatching(says));
  });

  it.each([
    { because: "rules are wrong", text: "/run/rules.nft:2:3: Error: syntax error, unexpected fib\n" },
    { because: "it may not", text: "/run/rules.nft:2:3: Error: Could not process rule: Operation not permitted\n" },
  ])("fails, and says why: $because", ({ text }) => {
    expect(reportOf(text)).toMatchObject({ ready: false, unsupported: undefined, said: text.trim() });
  });
});
