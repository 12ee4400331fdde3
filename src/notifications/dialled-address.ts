import { lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";

/**
 * Receivers are named by administrators, and many are in-house: loopback and private addresses may be dialled. Link-local
 * ones may not: no receiver has one, and in clouds they are where machines get their credentials.
 */
const never = new BlockList();
never.addSubnet("0.0.0.0", 8, "ipv4");
never.addSubnet("169.254.0.0", 16, "ipv4");
never.addSubnet("224.0.0.0", 3, "ipv4");
never.addAddress("::", "ipv6");
never.addSubnet("fe80::", 10, "ipv6");
never.addSubnet("ff00::", 8, "ipv6");
// The metadata service of Amazon's clouds.
never.addAddress("fd00:ec2::254", "ipv6");

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** Which addresses a receiver may have. */
export type Reach = "any" | "loopback";

/** Why an address is not dialled, as the code of an error; undefined where it is. */
export function refusalOf(address: string, reach: Reach): "ADDRESS_REFUSED" | "NOT_LOOPBACK" | undefined {
  const family = isIP(address) === 6 ? "ipv6" : "ipv4";
  if (reach === "loopback") return loopback.check(address, family) ? undefined : "NOT_LOOPBACK";
  return never.check(address, family) ? "ADDRESS_REFUSED" : undefined;
}

/** For a host that is written as an address, which nobody looks up. @throws {Error} with a code. */
export function assertDialled(host: string, reach: Reach): void {
  const address = host.replace(/^\[(.*)\]$/, "$1");
  const code = isIP(address) === 0 ? undefined : refusalOf(address, reach);
  if (code) throw refused(code);
}

/** Resolves a name to those of its addresses that may be dialled: what was judged is what is connected to. */
export function dialledLookup(reach: Reach): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        callback(error, "");
        return;
      }
      const [first, ...others] = addresses.filter(({ address }) => refusalOf(address, reach) === undefined);
      if (!first) callback(refused(reach === "loopback" ? "NOT_LOOPBACK" : "ADDRESS_REFUSED"), "");
      else if (options.all) callback(null, [first, ...others]);
      else callback(null, first.address, first.family);
    });
  };
}

function refused(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error("an address that is not dialled"), { code });
}
