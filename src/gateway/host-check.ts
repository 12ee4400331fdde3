import { isIP } from "node:net";
import { quoted } from "./quoted.ts";

const LOOPBACK = new Set(["localhost", "127.0.0.1", "::1"]);
const UNSPECIFIED = new Set(["0.0.0.0", "::"]);

/**
 * Whether a Host header names this listener. A page of another site whose name was re-pointed to this address (DNS
 * rebinding) carries that site's name, so only known names pass: the host listened on, loopback and `names`. Where every
 * address is listened on, a literal address passes too: it cannot be re-pointed.
 */
export function hostCheck(listenHost: string, names: readonly string[]): (host: string | undefined) => boolean {
  const known = new Set([...LOOPBACK, listenHost.toLowerCase(), ...names.map((name) => name.toLowerCase())]);
  return (host) => {
    const name = hostName(host ?? "");
    return name !== undefined && (known.has(name) || (UNSPECIFIED.has(listenHost) && isIP(name) !== 0));
  };
}

/** What somebody is told who used another name. Where every address is listened on, none of them is a name to use. */
export function unknownHost(host: string | undefined, listenHost: string): string {
  const use = UNSPECIFIED.has(listenHost) ? "use one that is" : `use ${listenHost}`;
  return `Host: ${quoted(host)} is not a name of this gateway; ${use}, or have this one added by --gateway-host (gateway.hosts of the chart)`;
}

/** The host of `host`, `host:port` or `[IPv6]:port`. */
function hostName(text: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@\s]+?))\.?(?::\d{1,5})?$/i.exec(text);
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}
