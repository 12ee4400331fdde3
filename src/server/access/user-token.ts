import { hash, randomBytes, timingSafeEqual } from "node:crypto";

/** The token of a static user names its user, so that one comparison decides; 256 random bits follow. */
const prefix = "slipway_";
const secretBytes = 32;
const pattern = /^slipway_([A-Za-z0-9_-]{1,256})_[A-Za-z0-9_-]{43}$/;

export function newUserToken(name: string): string {
  return `${prefix}${Buffer.from(name).toString("base64url")}_${randomBytes(secretBytes).toString("base64url")}`;
}

/** The user that a token claims, undefined for any other kind of token. Proves nothing. */
export function claimedUser(token: string): string | undefined {
  const encoded = pattern.exec(token)?.[1];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64url").toString();
}

/** What is kept of a token, in hexadecimal. Without a salt: nobody guesses 256 random bits. */
export function hashToken(token: string): string {
  return hash("sha256", token);
}

/** Takes the same time wherever the hashes differ. */
export function tokenMatches(token: string, tokenHash: string): boolean {
  const given = hash("sha256", token, "buffer");
  const stored = Buffer.from(tokenHash, "hex");
  return stored.length === given.length && timingSafeEqual(given, stored);
}
