import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { UserInfo } from "./access.ts";

/**
 * The user of a client certificate: its common name, in the groups of its organizations. The TLS server must be set up
 * with the CA for clients, `requestCert` and `rejectUnauthorized: false`; it has verified chain and purpose in the
 * handshake. Undefined without a certificate, or with one that this CA did not sign or that has expired since.
 */
export function certificateUser({ socket }: Pick<IncomingMessage, "socket">, now: Date): UserInfo | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject, valid_to: validTo } = socket.getPeerCertificate();
  // An empty object stands for no certificate.
  if (!subject || now.getTime() >= Date.parse(validTo)) return undefined;
  const [username] = texts(subject.CN);
  return username ? { username, groups: texts(subject.O) } : undefined;
}

/** An attribute that occurs several times is a list, whatever the declared type says. */
function texts(value: unknown): string[] {
  return [value].flat().filter((text) => typeof text === "string");
}
