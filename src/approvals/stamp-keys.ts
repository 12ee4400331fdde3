import type { Secret } from "../api/core.ts";
import type { ObjectKey } from "../api/meta.ts";

/** What stamps are made and checked with. */
export interface StampKeys {
  readonly sign: Uint8Array;
  /** All that a stamp may have been made with, the signing one among them. */
  readonly verify: readonly Uint8Array[];
}

/** Where the keys live. Whoever reads it can forge a stamp; whoever deletes it voids them all. */
export const STAMP_KEY_SECRET = {
  namespace: "slipway-system",
  name: "slipway-admission-key",
} as const satisfies ObjectKey;

const SIGNING = "key";
/** As many as SHA-256 gives out: more adds nothing to an HMAC. */
export const STAMP_KEY_BYTES = 32;

/**
 * The keys of that Secret: the entry `key` signs, and every entry verifies, so that a key can be replaced while stamps of
 * the old one are about. Undefined where there is none to sign with; what is too short to be one does not count.
 */
export function stampKeysIn(secret: Secret | undefined): StampKeys | undefined {
  const keys = Object.entries(secret?.data ?? {})
    .map(([name, text]) => ({ name, bytes: Buffer.from(text, "base64") }))
    .filter(({ bytes }) => bytes.length >= STAMP_KEY_BYTES);
  const sign = keys.find(({ name }) => name === SIGNING)?.bytes;
  return sign && { sign, verify: keys.map(({ bytes }) => bytes) };
}

/** The Secret as it is first made. `random` has `STAMP_KEY_BYTES` bytes. */
export function stampKeySecret(random: Uint8Array) {
  return {
    ...{ apiVersion: "v1", kind: "Secret", type: "Opaque" },
    metadata: { ...STAMP_KEY_SECRET, labels: { "app.kubernetes.io/name": "slipway" } },
    data: { [SIGNING]: Buffer.from(random).toString("base64") },
  };
}
