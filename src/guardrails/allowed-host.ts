import { formatAddressRange, hasHostBits, isIpv4Mapped, isSingleAddress, parseAddressRange } from "./address-range.ts";
import type { AllowedHost } from "./guardrails.ts";

const BRACKETED = /^\[(?<inside>[^[\]]*)\](?::(?<port>.*))?$/;
/** Letters, digits and hyphens (RFC 1123), and the underscore of service names. */
const LABEL = /^[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?$/;
/** What the C library reads as a number, and therefore as an address that it asks no resolver for. */
const NUMBER = /^(\d+|0x[0-9a-f]*)$/;
const LONGEST_NAME = 253;

/**
 * Reads one entry of `allowedHosts`: `api.openai.com`, `*.googleapis.com`, `192.0.2.1`, `10.20.0.0/16`, `2001:db8::/32`, each
 * with a port if need be: `db.internal:5432`, `10.20.0.0/16:5432`, `[2001:db8::/32]:443`. Names lose capitals and final dot.
 * @throws {RangeError} with what is wrong and what to write. Does not take `*`, which is no host.
 */
export function parseAllowedHost(text: string): AllowedHost {
  if (text.includes("://")) throw wrong(text, "is a URL", `only its host, ${hostOfUrl(text)}`);
  const bracketed = BRACKETED.exec(text)?.groups;
  if (bracketed) return range(text, bracketed.inside ?? "", parsePort(text, bracketed.port));
  const [host = "", port, ...more] = text.split(":");
  if (more.length > 0) return range(text, text, undefined);
  const path = host.indexOf("/");
  if (path >= 0 && /[a-z]/i.test(host)) throw wrong(text, "has a path", `only its host, ${host.slice(0, path)}`);
  if (path >= 0 || /^[\d.]+$/.test(host)) return range(text, host, parsePort(text, port));
  return name(text, host, parsePort(text, port));
}

/** The inverse of `parseAllowedHost`, in the form that people write: a single address without its prefix. */
export function formatAllowedHost(host: AllowedHost): string {
  if (host.kind === "name") return `${host.wildcard ? "*." : ""}${host.name}${suffix(host.port)}`;
  const parsed = parseAddressRange(host.cidr);
  const text = parsed && isSingleAddress(parsed) ? (host.cidr.split("/")[0] ?? host.cidr) : host.cidr;
  return host.family === 6 && host.port !== undefined ? `[${text}]${suffix(host.port)}` : `${text}${suffix(host.port)}`;
}

function range(text: string, written: string, port: number | undefined): AllowedHost {
  const parsed = parseAddressRange(written);
  if (!parsed)
    throw wrong(
      text,
      "is neither an address nor a CIDR",
      "for example 192.0.2.1, 10.20.0.0/16, 2001:db8::/32 or [2001:db8::1]:443",
    );
  if (isIpv4Mapped(parsed))
    throw wrong(text, "is an IPv4 address in the guise of IPv6", "it as IPv4, for example 192.0.2.1");
  const host = { kind: "range", family: parsed.family, cidr: formatAddressRange(parsed), port } as const;
  if (hasHostBits(parsed)) throw wrong(text, "has bits behind its prefix", `the range, ${formatAllowedHost(host)}`);
  return host;
}

function name(text: string, written: string, port: number | undefined): AllowedHost {
  const wildcard = written.startsWith("*.");
  const plain = written
    .slice(wildcard ? 2 : 0)
    .toLowerCase()
    .replace(/\.$/, "");
  if (plain.includes("*"))
    throw wrong(text, "has a wildcard inside", "*. at its beginning only, for example *.googleapis.com");
  const labels = plain.split(".");
  if (NUMBER.test(labels.at(-1) ?? ""))
    throw wrong(text, "is no address, and no name ends in a number", "all of the address, for example 192.0.2.1");
  if (plain.length > LONGEST_NAME || !labels.every((label) => LABEL.test(label)))
    throw wrong(
      text,
      "is no host name",
      "labels of at most 63 letters, digits and hyphens, together at most 253, for example api.openai.com",
    );
  return { kind: "name", name: plain, wildcard, port };
}

function parsePort(text: string, port: string | undefined): number | undefined {
  if (port === undefined) return undefined;
  if (/^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535) return Number(port);
  throw wrong(text, "has no port behind its colon", "a number from 1 to 65535, or no colon");
}

function suffix(port: number | undefined): string {
  return port === undefined ? "" : `:${port}`;
}

function hostOfUrl(text: string): string {
  return URL.canParse(text) && new URL(text).host !== "" ? new URL(text).host : "for example api.openai.com";
}

function wrong(text: string, what: string, remedy: string): RangeError {
  return new RangeError(`${text}: ${what}; write ${remedy}`);
}
