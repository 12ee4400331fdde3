import { randomBytes } from "node:crypto";
import { type Secret, secrets } from "../api/core.ts";
import type { ObjectKey } from "../api/meta.ts";
import { isReason, type KubeClient } from "../machinery/client.ts";
import type { ChainTip } from "./audit-line.ts";

/** The key of the macs. Who may read it can write a log anew. */
export const AUDIT_KEY_SECRET: ObjectKey = { namespace: "slipway-system", name: "slipway-audit-key" };
/** How long each chain is, and its last mac. */
export const AUDIT_HEAD_SECRET: ObjectKey = { namespace: "slipway-system", name: "slipway-audit-head" };

const SIGNING_KEY = "key";
const KEY_BYTES = 32;
/** Chains without a file that are remembered: one begins with each start of a controller that has something to tell. */
const MOST_CHAINS = 1_000;

/** Every key verifies, the first signs. */
export type AuditKeys = readonly [Uint8Array, ...Uint8Array[]];

/** What is known of a chain. */
export interface ChainHead extends ChainTip {
  readonly at: string;
  /** Whether a file has it, which is missed where there is none; the others were only printed. */
  readonly isFile: boolean;
}

type SecretClient = Pick<KubeClient, "get" | "create" | "patch">;

/** Undefined where no key in it has 32 bytes or more. */
export function keysIn(secret: Pick<Secret, "data"> | undefined): AuditKeys | undefined {
  const { [SIGNING_KEY]: signing, ...others } = secret?.data ?? {};
  const [first, ...rest] = [signing ?? "", ...Object.values(others)].map((value) => Buffer.from(value, "base64"));
  if (!first || first.length < KEY_BYTES) return undefined;
  return [first, ...rest.filter(({ length }) => length >= KEY_BYTES)];
}

/** By chain. What cannot be read is left out, and its chain is not known of then. */
export function headsIn(secret: Pick<Secret, "data"> | undefined): Map<string, ChainHead> {
  const heads = Object.entries(secret?.data ?? {}).flatMap(([chain, value]) => {
    const head = headFrom(chain, Buffer.from(value, "base64").toString("utf8"));
    return head ? [[chain, head] as const] : [];
  });
  return new Map(heads);
}

function headFrom(chain: string, text: string): ChainHead | undefined {
  const [, lines, mac = "", at = "", isFile] =
    /^\{"lines":(\d{1,15}),"mac":"([0-9a-f]*)","at":"([^"]*)","file":(true|false)\}$/.exec(text) ?? [];
  return lines === undefined ? undefined : { chain, seq: Number(lines), mac, at, isFile: isFile === "true" };
}

function headText({ seq, mac, at, isFile }: ChainHead): string {
  return JSON.stringify({ lines: seq, mac, at, file: isFile });
}

/** The two Secrets of the log, at the API server. */
export class AuditSecrets {
  readonly #client: SecretClient;

  constructor(client: SecretClient) {
    this.#client = client;
  }

  /** Makes the key where there is none. @throws {Error} where it is no key. @throws {ApiError | ApiUnreachable} */
  async keys(signal: AbortSignal): Promise<AuditKeys> {
    const data = { [SIGNING_KEY]: randomBytes(KEY_BYTES).toString("base64") };
    const keys = keysIn(await this.#findOrMake(AUDIT_KEY_SECRET, data, signal));
    if (keys) return keys;
    const { namespace, name } = AUDIT_KEY_SECRET;
    throw new Error(`Secret ${namespace}/${name}: "${SIGNING_KEY}" is no key of ${KEY_BYTES} bytes`);
  }

  async heads(signal: AbortSignal): Promise<Map<string, ChainHead>> {
    return headsIn(await this.#findOrMake(AUDIT_HEAD_SECRET, {}, signal));
  }

  /** Writes where a chain stands. Each writer touches only its own. */
  async setHead(head: ChainHead, signal: AbortSignal): Promise<void> {
    await this.#patch({ [head.chain]: Buffer.from(headText(head)).toString("base64") }, signal);
  }

  /** Makes room for a new chain: forgets the oldest of those that have no file. */
  async prune(heads: ReadonlyMap<string, ChainHead>, signal: AbortSignal): Promise<void> {
    const printed = [...heads.values()].filter(({ isFile }) => !isFile).sort((a, b) => (a.at < b.at ? -1 : 1));
    const oldest = printed.slice(0, Math.max(0, printed.length - MOST_CHAINS + 1));
    if (oldest.length > 0) await this.#patch(Object.fromEntries(oldest.map(({ chain }) => [chain, null])), signal);
  }

  async #patch(data: Readonly<Record<string, string | null>>, signal: AbortSignal): Promise<void> {
    try {
      await this.#client.patch(secrets, AUDIT_HEAD_SECRET, { type: "merge", body: { data } }, { signal });
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
      // Removed, or not in the state that was restored.
      await this.heads(signal);
      await this.#client.patch(secrets, AUDIT_HEAD_SECRET, { type: "merge", body: { data } }, { signal });
    }
  }

  async #findOrMake(key: ObjectKey, data: Record<string, string>, signal: AbortSignal): Promise<Secret> {
    try {
      return await this.#client.get(secrets, key, signal);
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
    try {
      const secret = { apiVersion: "v1", kind: "Secret", metadata: key, type: "Opaque", data };
      return await this.#client.create<Secret>(secrets, secret, signal);
    } catch (error) {
      if (isReason(error, "AlreadyExists")) return await this.#client.get(secrets, key, signal);
      throw error;
    }
  }
}
