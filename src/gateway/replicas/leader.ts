/** Which replica leads, as this one saw it last. Plain data: it crosses threads. */
export interface Leader {
  readonly isSelf: boolean;
  /** `HOST:PORT` of its gateway; undefined: nobody leads, or who does has none. As read: whoever writes the Lease chose it. */
  readonly gatewayAddress: string | undefined;
}

/** The replicas of this controller. */
export interface Replicas {
  /** What is known now: no call, and no wait. */
  leader(): Leader;
}

export const NOBODY: Leader = { isSelf: false, gatewayAddress: undefined };

export interface GatewayAddress {
  /** As the Host header has it. */
  readonly host: string;
  /** Without brackets. */
  readonly hostname: string;
  readonly port: number;
}

/** The Host by which other replicas call this one, while it leads. */
export function ownHost({ isSelf, gatewayAddress }: Leader): string | undefined {
  return isSelf && gatewayAddress !== undefined ? parseGatewayAddress(gatewayAddress)?.host : undefined;
}

const IPV6 = /^\[([0-9a-f:.]{2,45})\]:(\d{1,5})$/i;
/** A name of DNS (RFC 1123), which an IPv4 address is, too. */
const NAME =
  /^(?=.{1,253}:)([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)*):(\d{1,5})$/i;

/** Undefined where the text is no HOST:PORT: neither a path, nor a user, nor another scheme can be smuggled into it. */
export function parseGatewayAddress(text: string): GatewayAddress | undefined {
  const [, hostname, digits] = IPV6.exec(text) ?? NAME.exec(text) ?? [];
  const port = Number(digits);
  if (hostname === undefined || port < 1 || port > 65_535) return undefined;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  // Such as a number of five groups, which is a name by its form and an address to nobody.
  const url = URL.parse(`http://${host}:${port}`);
  return url === null ? undefined : { host: `${host}:${port}`, hostname, port };
}
