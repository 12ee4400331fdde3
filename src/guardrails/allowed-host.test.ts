import { describe, expect, it } from "@jest/globals";
import { formatAllowedHost, parseAllowedHost } from "./allowed-host.ts";

const label63 = "a".repeat(63);
const name253 = `${`${label63}.`.repeat(3)}${"a".repeat(61)}`;

describe("parseAllowedHost", () => {
  it.each<{ text: string; want: object }>([
    { text: "api.openai.com", want: { kind: "name", name: "api.openai.com", wildcard: false, port: undefined } },
    { text: "API.OpenAI.com.", want: { kind: "name", name: "api.openai.com", wildcard: false, port: undefined } },
    { text: "*.googleapis.com", want: { kind: "name", name: "googleapis.com", wildcard: true, port: undefined } },
    { text: "*.googleapis.com:443", want: { kind: "name", name: "googleapis.com", wildcard: true, port: 443 } },
    { text: "db.internal:5432", want: { kind: "name", name: "db.internal", wildcard: false, port: 5432 } },
    { text: "_sip._tcp.example.com", want: { kind: "name", name: "_sip._tcp.example.com" } },
    { text: "registry", want: { kind: "name", name: "registry" } },
    { text: "3com.example", want: { kind: "name", name: "3com.example" } },
    { text: name253, want: { kind: "name", name: name253 } },
    { text: "192.0.2.1", want: { kind: "range", family: 4, cidr: "192.0.2.1/32", port: undefined } },
    { text: "192.0.2.1:80", want: { kind: "range", family: 4, cidr: "192.0.2.1/32", port: 80 } },
    { text: "10.20.0.0/16", want: { kind: "range", family: 4, cidr: "10.20.0.0/16", port: undefined } },
    { text: "10.20.0.0/16:5432", want: { kind: "range", family: 4, cidr: "10.20.0.0/16", port: 5432 } },
    { text: "2001:DB8::1", want: { kind: "range", family: 6, cidr: "2001:db8::1/128", port: undefined } },
    { text: "2001:db8:0::/32", want: { kind: "range", family: 6, cidr: "2001:db8::/32", port: undefined } },
    { text: "[2001:db8::1]:443", want: { kind: "range", family: 6, cidr: "2001:db8::1/128", port: 443 } },
    { text: "[2001:db8::/32]:443", want: { kind: "range", family: 6, cidr: "2001:db8::/32", port: 443 } },
  ])("reads $text", ({ text, want }) => {
    const host = parseAllowedHost(text);
    expect(host).toMatchObject(want);
    expect(parseAllowedHost(formatAllowedHost(host))).toEqual(host);
  });

  it.each([
    {
      text: "https://api.openai.com/v1",
      because: "a URL",
      message: /is a URL; write only its host, api\.openai\.com$/,
    },
    { text: "http://x:8080", because: "its port stays", message: /write only its host, x:8080$/ },
    { text: "://", because: "a URL without a host", message: /is a URL; write only its host, for example/ },
    { text: "api.openai.com/v1", because: "a path", message: /has a path; write only its host, api\.openai\.com$/ },
    {
      text: "10.1.2.3/16",
      because: "bits behind the prefix",
      message: /has bits .*; write the range, 10\.1\.0\.0\/16$/,
    },
    { text: "10.1.2.3/16:80", because: "and the port stays", message: /write the range, 10\.1\.0\.0\/16:80$/ },
    { text: "[2001:db8::1/32]:443", because: "in IPv6", message: /write the range, \[2001:db8::\/32\]:443$/ },
    { text: "::ffff:a00:1", because: "IPv4 in disguise", message: /guise of IPv6; write it as IPv4/ },
    { text: "::ffff:0:0/96", because: "all of IPv4 in disguise", message: /guise of IPv6/ },
    {
      text: "10.0.0.256",
      because: "no octet",
      message: /neither an address nor a CIDR; write for example 192\.0\.2\.1/,
    },
    { text: "10.0.0.0/33", because: "no prefix", message: /neither an address nor a CIDR/ },
    { text: "1:2:3", because: "no IPv6", message: /neither an address nor a CIDR/ },
    { text: "*", because: "everything is no host", message: /has a wildcard inside; write \*\. at its beginning only/ },
    { text: "api.*.com", because: "a wildcard inside", message: /has a wildcard inside/ },
    { text: "*api.com", because: "a wildcard of a part of a label", message: /has a wildcard inside/ },
    { text: "*.*.com", because: "two wildcards", message: /has a wildcard inside/ },
    { text: "*.", because: "a wildcard of nothing", message: /is no host name/ },
    { text: "foo.123", because: "the C library takes it for an address", message: /no name ends in a number/ },
    { text: "0x7f000001", because: "and this one too", message: /no name ends in a number/ },
    { text: "*.2.3.4", because: "and with a wildcard", message: /no name ends in a number/ },
    { text: "-a.com", because: "a hyphen at the edge", message: /is no host name; write labels of at most 63/ },
    { text: `${label63}a.com`, because: "a label of 64", message: /is no host name/ },
    { text: `a${name253}`, because: "254 characters", message: /is no host name/ },
    { text: "a..com", because: "an empty label", message: /is no host name/ },
    { text: "exämple.com", because: "names are ASCII", message: /is no host name/ },
    { text: "", because: "nothing", message: /is no host name/ },
    {
      text: "a.com:",
      because: "a port is missing",
      message: /has no port behind its colon; write a number from 1 to 65535/,
    },
    { text: "a.com:0", because: "no such port", message: /has no port/ },
    { text: "a.com:65536", because: "no such port", message: /has no port/ },
    { text: "a.com:https", because: "a service's name", message: /has no port/ },
    { text: "a.com:080", because: "a leading zero", message: /has no port/ },
  ])("refuses $text, naming it: $because", ({ text, message }) => {
    expect(() => parseAllowedHost(text)).toThrow(RangeError);
    expect(() => parseAllowedHost(text)).toThrow(message);
    expect(() => parseAllowedHost(text)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(`${text}: `) }),
    );
  });
});
