/** A place outside, by both families. */
export interface Place {
  readonly v4: string;
  readonly v6: string;
}

/** The blocks that the suite calls the outside: documentation's own (RFC 5737, RFC 3849), and the metadata service. */
export const OUTSIDE_BLOCKS = { v4: ["198.51.100.0/24", "169.254.169.254/32"], v6: ["2001:db8::/32"] } as const;

export const METADATA = "169.254.169.254";
export const METADATA_PORT = 80;
/** TCP and UDP. */
export const ECHO_PORT = 7777;
export const HTTPS_PORT = 443;

/** The `last` address of both blocks; 1 to 255. */
export function place(last: number): Place {
  return { v4: `198.51.100.${last}`, v6: `2001:db8::${last.toString(16)}` };
}

/** Where the outside's resolver is. */
export const RESOLVER = place(53);
/** What every name has that nobody told the resolver about. */
export const ANYBODY = place(20);
/** In a range that the profile `listed` allows. */
export const IN_RANGE = place(65);
/** Twenty addresses of one name. */
export const MANY = Array.from({ length: 20 }, (_, at) => place(130 + at).v4);
/** The first of those that one deployment alone tries: what arrives there was sent by it. */
const FIRST_FORBIDDEN = 200;

/** An address outside that no profile names, for the deployment or the control with this number. */
export function forbidden(number: number): Place {
  return place(FIRST_FORBIDDEN + number);
}
