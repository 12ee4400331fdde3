import { expect, it } from "@jest/globals";
import { parseAllowedHost } from "./allowed-host.ts";
import { covers } from "./host-coverage.ts";

it.each([
  { outer: "a.test", inner: "a.test", want: true, because: "itself" },
  { outer: "*.test", inner: "a.test", want: true, because: "a name below a wildcard" },
  { outer: "*.test", inner: "b.a.test", want: true, because: "at any depth" },
  { outer: "*.test", inner: "test", want: false, because: "not the apex" },
  { outer: "*.test", inner: "attest", want: false, because: "whole labels" },
  { outer: "a.test", inner: "b.a.test", want: false, because: "an exact name has nothing below it" },
  { outer: "a.test", inner: "*.a.test", want: false, because: "nor has it a wildcard" },
  { outer: "*.test", inner: "*.a.test", want: true, because: "a wildcard below a wildcard" },
  { outer: "*.a.test", inner: "*.test", want: false, because: "not above" },
  { outer: "*.test", inner: "*.test", want: true, because: "the same wildcard" },
  { outer: "a.test", inner: "a.test:443", want: true, because: "one port of all" },
  { outer: "a.test:443", inner: "a.test", want: false, because: "all ports are more than one" },
  { outer: "*.test:443", inner: "a.test:443", want: true, because: "the same port" },
  { outer: "*.test:443", inner: "a.test:80", want: false, because: "another port" },
  { outer: "10.0.0.0/8", inner: "10.1.0.0/16", want: true, because: "a range inside" },
  { outer: "10.0.0.0/8", inner: "10.1.2.3:80", want: true, because: "an address inside, one port" },
  { outer: "10.1.0.0/16", inner: "10.0.0.0/8", want: false, because: "a range around" },
  { outer: "2001:db8::/32", inner: "2001:db8:1::/48", want: true, because: "IPv6" },
  { outer: "2001:db8::/32", inner: "2001:db9::1", want: false, because: "IPv6 outside" },
  { outer: "0.0.0.0/0", inner: "2001:db8::1", want: false, because: "another family" },
  { outer: "0.0.0.0/0", inner: "a.test", want: false, because: "a name may resolve to anything tomorrow" },
  { outer: "*.test", inner: "10.0.0.1", want: false, because: "an address has no name" },
])("$outer covers $inner: $want, $because", ({ outer, inner, want }) => {
  expect(covers(parseAllowedHost(outer), parseAllowedHost(inner))).toBe(want);
});
