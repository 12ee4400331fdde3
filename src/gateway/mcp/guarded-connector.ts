import { isIP } from "node:net";
import { buildConnector } from "undici";
import { isOpenAddress } from "../../guardrails/address-distance.ts";
import { parseAddressRange } from "../../guardrails/address-range.ts";
import { AddressRefused, judgedLookup } from "../../machinery/judged-lookup.ts";

/**
 * Connects to public addresses and those in `allowedCidrs`, and fails with `AddressRefused` for others. An address is judged
 * when it is dialled, also where the URL has a number for a name. Certificates are verified, whatever the environment says.
 */
export function guardedConnector(allowedCidrs: readonly string[], timeoutMs: number): buildConnector.connector {
  const ranges = allowedCidrs.flatMap((cidr) => parseAddressRange(cidr) ?? []);
  const mayDial = (address: string) => isOpenAddress(address, ranges);
  const connect = buildConnector({
    ...{ timeout: timeoutMs, allowH2: false, rejectUnauthorized: true },
    lookup: judgedLookup(mayDial),
  });
  return (options, done) => {
    const { hostname } = options;
    // Numbers are dialled without a lookup.
    if (isIP(hostname) && !mayDial(hostname)) done(new AddressRefused(hostname), null);
    else connect(options, done);
  };
}
