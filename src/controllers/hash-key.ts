import { randomBytes } from "node:crypto";
import { type Secret, secrets } from "../api/core.ts";
import { Reason } from "../api/v1alpha1/conditions.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import { TransientError } from "../machinery/errors.ts";

/** Where the key lives. Losing it rolls every workload that reads a Secret once, and nothing else. */
const KEY = { namespace: "slipway-system", name: "slipway-workload-hash" };
const FIELD = "key";
/** As many as SHA-256 gives out: more adds nothing to an HMAC. */
const KEY_BYTES = 32;

/**
 * The key of the digests of secret values, made once for an installation. Read from the API server the first time that
 * it is asked for; whoever loses the race to make it takes the winner's.
 */
export class HashKey {
  readonly #client: KubeClient;
  #key: Promise<Uint8Array> | undefined;

  constructor(client: KubeClient) {
    this.#client = client;
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
    try {
      return keyIn(await this.#client.get(secrets, KEY));
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
    const data = { [FIELD]: randomBytes(KEY_BYTES).toString("base64") };
    const secret = { apiVersion: "v1", kind: "Secret", metadata: KEY, type: "Opaque", data };
    try {
      return keyIn(await this.#client.create<Secret>(secrets, secret));
    } catch (error) {
      if (isReason(error, "AlreadyExists")) return keyIn(await this.#client.get(secrets, KEY));
      if (!isReason(error, "NotFound", "Forbidden")) throw error;
      const message = `the key for the hashes of secret values cannot be stored: ${error.message}; create the namespace ${KEY.namespace}, and let the controller create Secrets there`;
      throw new TransientError(Reason.SecretNotFound, message, { cause: error });
    }
  }
}

function keyIn({ data }: Secret): Uint8Array {
  const key = Buffer.from(data?.[FIELD] ?? "", "base64");
  if (key.length < KEY_BYTES)
    throw new TransientError(
      Reason.SecretNotFound,
      `Secret "${KEY.namespace}/${KEY.name}": "${FIELD}" is no key of ${KEY_BYTES} bytes; delete the Secret, and another is made`,
    );
  return key;
}
