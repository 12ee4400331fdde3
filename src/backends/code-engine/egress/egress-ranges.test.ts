import { describe, expect, it } from "@jest/globals";
import { parseAllowedHost } from "../../../guardrails/allowed-host.ts";
import type { Egress } from "../../../guardrails/guardrails.ts";
import { egressRanges } from "./egress-ranges.ts";

const listed = (...hosts: string[]): Egress => ({ kind: "listed", hosts: hosts.map(parseAllowedHost) });

describe("what rules can say of what may be reached", () => {
  it.each<{ because: string; egress: Egress; ranges: string[]; leftOut?: string[] }>([
    { because: "everything is one range", egress: { kind: "open" }, ranges: ["0.0.0.0/0"] },
    { because: "nothing is none", egress: { kind: "closed" }, ranges: [] },
    {
      because: "a single address is a range, too",
      egress: listed("192.0.2.1", "10.20.0.0/16"),
      ranges: ["10.20.0.0/16", "192.0.2.1/32"],
    },
    {
      because: "Code Engine refuses a range within another",
      egress: listed("10.20.1.0/24", "10.20.0.0/16", "10.20.3.4", "10.21.0.0/16"),
      ranges: ["10.20.0.0/16", "10.21.0.0/16"],
    },
    {
      because: "neighbours stay apart, as they are listed",
      egress: listed("10.20.0.0/17", "10.20.128.0/17"),
      ranges: ["10.20.0.0/17", "10.20.128.0/17"],
    },
    {
      because: "a range of everything swallows all others",
      egress: listed("0.0.0.0/0", "192.0.2.1"),
      ranges: ["0.0.0.0/0"],
    },
    {
      because: "only names leave nothing open",
      egress: listed("api.openai.com", "*.googleapis.com"),
      ranges: [],
      leftOut: ["api.openai.com (host names cannot be rules)", "*.googleapis.com (host names cannot be rules)"],
    },
    {
      because: "a rule for one port would open all of them",
      egress: listed("10.20.0.0/16:443", "db.internal:5432", "192.0.2.1"),
      ranges: ["192.0.2.1/32"],
      leftOut: ["10.20.0.0/16:443 (single ports cannot be rules)", "db.internal:5432 (host names cannot be rules)"],
    },
    {
      because: "Code Engine knows IPv4 only",
      egress: listed("2001:db8::/32", "::/0", "192.0.2.1"),
      ranges: ["192.0.2.1/32"],
      leftOut: ["2001:db8::/32 (IPv6 cannot be a rule)", "::/0 (IPv6 cannot be a rule)"],
    },
    {
      because: "IBM keeps some ranges for itself, and what has one of them within it may still be asked for",
      egress: listed("10.1.2.0/24", "10.201.0.1", "169.254.169.254", "10.0.0.0/8"),
      ranges: ["10.0.0.0/8"],
      leftOut: [
        "10.1.2.0/24 (IBM reserves 10.0.0.0/14)",
        "10.201.0.1 (IBM reserves 10.200.0.0/14)",
        "169.254.169.254 (IBM reserves 169.254.0.0/16)",
      ],
    },
  ])("$because", ({ egress, ranges, leftOut = [] }) => {
    const found = egressRanges(egress);
    expect(found.ranges).toEqual(ranges);
    expect(found.leftOut.map(({ host, why }) => `${host} (${why})`)).toEqual(leftOut);
  });
});
