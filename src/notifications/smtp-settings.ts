import { type Mailbox, parseMailbox } from "./mail-address.ts";
import type { ReceiverSecret } from "./receiver-secret.ts";

/** How the mail server is spoken to, from the Secret that `smtpSecretRef` names. */
export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** With "none" only loopback is dialled. */
  readonly tls: "implicit" | "starttls" | "none";
  readonly from: Mailbox;
  readonly auth: { readonly user: string; readonly pass: string } | undefined;
  /** PEM of the authorities to trust instead of the usual ones. */
  readonly ca: string | undefined;
}

/** RFC 8314 for the first, RFC 6409 for the second. */
const PORTS = { implicit: 465, starttls: 587, none: 25 } as const;

/** @throws {DeliveryFailure} naming the key that is missing or wrong. */
export function smtpSettings(secret: ReceiverSecret): SmtpSettings {
  const host = secret.get("host");
  // A name or an address, and nothing that a URL has.
  if (!/^[A-Za-z0-9._:-]{1,253}$/.test(host)) throw secret.refusal("host", "is no host");
  const port = secret.find("port");
  if (port !== undefined && !/^[1-9]\d{0,4}$/.test(port)) throw secret.refusal("port", "is no port");
  const tls = secret.find("tls") ?? (port === String(PORTS.implicit) ? "implicit" : "starttls");
  if (tls !== "implicit" && tls !== "starttls" && tls !== "none") {
    throw secret.refusal("tls", "is none of implicit, starttls and none");
  }
  const from = parseMailbox(secret.get("from"));
  if (!from) throw secret.refusal("from", "is no e-mail address");
  const user = secret.find("username");
  return {
    host,
    port: port === undefined ? PORTS[tls] : Number(port),
    tls,
    from,
    auth: user === undefined ? undefined : { user, pass: secret.get("password") },
    ca: secret.find("ca.crt"),
  };
}
