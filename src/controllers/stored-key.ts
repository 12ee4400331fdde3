import { randomBytes } from "node:crypto";
import { type Secret, secrets } from "../api/core.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import { STAMP_KEY_SECRET } from "../approvals/stamp-keys.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import { TransientError } from "../machinery/errors.ts";

/** Where keys live. */
export const KEY_NAMESPACE = "slipway-system";
const FIELD = "key";
/** As many as SHA-256 gives out: more adds nothing to an HMAC. */
const KEY_BYTES = 32;

export interface StoredKeyOptions {
  /** Of the Secret. */
  readonly name: string;
  /** What it is the key of, for people: `the hashes of secret values`. */
  readonly purpose: string;
}

/** The key of the digests of secret values. Losing it rolls every workload that reads a Secret once, and nothing else. */
export const HASH_KEY: StoredKeyOptions = { name: "slipway-workload-hash", purpose: "the hashes of secret values" };

/** The key of the stamps of approvals. Losing it makes every approval void, decided or not. */
export const ADMISSION_KEY: StoredKeyOptions = { name: STAMP_KEY_SECRET.name, purpose: "the stamps of approvals" };

/**
 * A key that is made once for an installation, and kept in a Secret. Read from the API server the first time that it is asked
 * for; whoever loses the race to make it takes the winner's.
 */
export class StoredKey {
  readonly #client: KubeClient;
  readonly #options: StoredKeyOptions;
  #key: Promise<Uint8Array> | undefined;

  constructor(client: KubeClient, options: StoredKeyOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** @throws {TransientError} where it cannot be stored. @throws {ApiError | ApiUnreachable} */
  get(): Promise<Uint8Array> {
    this.#key ??= this.#find().catch((error: unknown) => {
      // The next one asks again.
      this.#key = undefined;
      throw error;
    });
    return this.#key;
  }

  async #find(): Promise<Uint8Array> {
    const { name, purpose } = this.#options;
    const at = { namespace: KEY_NAMESPACE, name };
    try {
      return keyIn(await this.#client.get(secrets, at));
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
    const data = { [FIELD]: randomBytes(KEY_BYTES).toString("base64") };
    const secret = { apiVersion: "v1", kind: "Secret", metadata: at, type: "Opaque", data };
    try {
      return keyIn(await this.#client.create<Secret>(secrets, secret));
    } catch (error) {
      if (isReason(error, "AlreadyExists")) return keyIn(await this.#client.get(secrets, at));
      if (!isReason(error, "NotFound", "Forbidden")) throw error;
      const message = `the key for ${purpose} cannot be stored: ${error.message}; create the namespace ${KEY_NAMESPACE}, and let the controller create Secrets there`;
      throw new TransientError(Reason.SecretNotFound, message, { cause: error });
    }
  }
}

function keyIn({ metadata, data }: Secret): Uint8Array {
  const key = Buffer.from(data?.[FIELD] ?? "", "base64");
  if (key.length < KEY_BYTES)
    throw new TransientError(
      Reason.SecretNotFound,
      `Secret "${KEY_NAMESPACE}/${metadata.name}": "${FIELD}" is no key of ${KEY_BYTES} bytes; delete the Secret, and another is made`,
    );
  return key;
}
