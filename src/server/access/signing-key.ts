import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { calculateJwkThumbprint, exportJWK } from "jose";
import { createPrivateFile } from "./private-file.ts";

/** The key pair that ServiceAccount tokens are signed with. */
export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** The thumbprint by RFC 7638, as `kid` of the tokens. */
  readonly id: string;
}

/**
 * Reads the key of the data directory, or makes it: a P-256 key in PKCS #8, readable by its owner alone.
 * @throws {Error} naming file and remedy when the file holds something else.
 */
export async function loadSigningKey(dataDir: string): Promise<SigningKey> {
  const file = join(dataDir, "service-account.key");
  // Where there is one, nothing is written: a full disk must not keep the server from starting.
  const known = await readIfThere(file);
  if (known) return toSigningKey(known, file);
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  await createPrivateFile(file, privateKey.export({ type: "pkcs8", format: "pem" }).toString());
  return toSigningKey(await readFile(file), file);
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function toSigningKey(pem: Buffer, file: string): Promise<SigningKey> {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch (cause) {
    throw new Error(unusable(file), { cause });
  }
  if (privateKey.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new Error(unusable(file));
  const publicKey = createPublicKey(privateKey);
  return { privateKey, publicKey, id: await calculateJwkThumbprint(await exportJWK(publicKey)) };
}

function unusable(file: string): string {
  return `${file} holds no P-256 private key; restore it, or remove it: a new one is made, and tokens in use end`;
}
