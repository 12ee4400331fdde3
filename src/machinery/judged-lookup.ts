import { lookup } from "node:dns";
import type { LookupFunction } from "node:net";

/** None of a host's addresses may be dialled. The message names the host alone: where it leads is not everybody's business. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
  readonly host: string;

  constructor(host: string) {
    super(`${host} has no address that may be dialled from here`);
    this.host = host;
  }
}

/**
 * Resolves a name to those of its addresses that may be dialled. Made for `net.connect`, so that what was judged is what is
 * connected to: the name may mean something else a moment later. Numbers are not looked up: judge them before.
 */
export function judgedLookup(mayDial: (address: string) => boolean): LookupFunction {
  return (hostname, options, done) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) {
        done(error, "");
        return;
      }
      const [first, ...others] = addresses.filter(({ address }) => mayDial(address));
      if (!first) done(new AddressRefused(hostname), "");
      else if (options.all) done(null, [first, ...others]);
      else done(null, first.address, first.family);
    });
  };
}
