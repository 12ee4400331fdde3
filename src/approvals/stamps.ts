import { createHmac, timingSafeEqual } from "node:crypto";
import { canonicalJson } from "../effective-spec/canonical-json.ts";
import type { StampKeys } from "./stamp-keys.ts";

/** What a stamp says something about: none of one kind passes for one of another. */
export type StampKind = "approval" | "decision" | "requesters";

const VERSION = "v1:";

/** An HMAC-SHA-256 over the kind of stamp and the canonical JSON of what it says. */
export function stampOf(kind: StampKind, statement: unknown, keys: StampKeys): string {
  return VERSION + mac(kind, statement, keys.sign).toString("base64url");
}

/** Whether any of the keys made it. */
export function isStampOf(stamp: string | undefined, kind: StampKind, statement: unknown, keys: StampKeys): boolean {
  if (!stamp?.startsWith(VERSION)) return false;
  const given = Buffer.from(stamp.slice(VERSION.length), "base64url");
  return keys.verify.some((key) => {
    const made = mac(kind, statement, key);
    return given.length === made.length && timingSafeEqual(given, made);
  });
}

function mac(kind: StampKind, statement: unknown, key: Uint8Array): Buffer {
  return createHmac("sha256", key)
    .update(canonicalJson(["slipway.dev", kind, statement]))
    .digest();
}
