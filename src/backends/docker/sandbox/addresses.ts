import { isIPv4, isIPv6 } from "node:net";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";

/** Addresses and CIDRs, by family. */
export interface Addresses {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

/**
 * Sorts addresses and CIDRs by family. What comes out holds only digits, letters, dots, colons and a slash, so that it
 * can stand in a rule.
 * @throws {TerminalError} `InvalidSpec` for what is neither; `field` says where it came from.
 */
export function byFamily(values: readonly string[], field: string): Addresses {
  const v4: string[] = [];
  const v6: string[] = [];
  for (const value of values) {
    const family = familyOf(value);
    if (family === undefined) {
      const message = `${field}: ${JSON.stringify(value)} is neither an address nor a CIDR`;
      throw new TerminalError(Reason.InvalidSpec, message);
    }
    (family === 4 ? v4 : v6).push(value);
  }
  return { v4, v6 };
}

/** Undefined for what is neither an address nor a CIDR. Zones (`fe80::1%eth0`) are none. */
export function familyOf(value: string): 4 | 6 | undefined {
  const [address = "", prefix, ...rest] = value.split("/");
  const family = isIPv4(address) ? 4 : isIPv6(address) && !address.includes("%") ? 6 : undefined;
  if (family === undefined || rest.length > 0) return undefined;
  if (prefix === undefined) return family;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128) ? family : undefined;
}
