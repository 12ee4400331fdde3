/**
 * An address that can stand in SMTP commands and headers as it is: no quotes, comments, white space or line ends, and ASCII
 * alone. What HTML's input of type email takes, with a dot in the domain.
 * @see https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address
 */
const ADDRESS =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)+$/;
/** RFC 5321, 4.5.3.1.3, without its brackets. */
const MAX_LENGTH = 254;

export function isMailAddress(text: string): boolean {
  return text.length <= MAX_LENGTH && ADDRESS.test(text);
}

export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

/** `address`, or `Name <address>`. Undefined for anything else. */
export function parseMailbox(text: string): Mailbox | undefined {
  const [, name = "", bracketed] = /^([^<>@\p{Cc}]{0,128})<([^<>\s]+)>$/u.exec(text) ?? [];
  const address = bracketed ?? text;
  return isMailAddress(address) ? { name: name.trim().replace(/^"(.*)"$/, "$1"), address } : undefined;
}
