import { lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { addressDistance } from "../guardrails/address-distance.ts";

/** Which addresses a receiver may have. */
export type Reach = "any" | "loopback";

/**
 * Why an address is not dialled, as the code of an error; undefined where it is. Receivers are named by administrators, and many
 * are in-house: loopback and private addresses may be dialled. Those that are nobody's may not: in clouds they are where machines
 * get their credentials.
 */
export function refusalOf(address: string, reach: Reach): "ADDRESS_REFUSED" | "NOT_LOOPBACK" | undefined {
  const distance = addressDistance(address);
  if (reach === "loopback") return distance === "local" ? undefined : "NOT_LOOPBACK";
  return distance === "nowhere" ? "ADDRESS_REFUSED" : undefined;
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
