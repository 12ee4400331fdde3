import type { Secret } from "../../api/core.ts";
import { formatKey, type ObjectKey } from "../../api/meta.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import type { McpGateway } from "../../api/v1alpha1/index.ts";
import type { Clock } from "../../machinery/clock.ts";
import { TerminalError } from "../../machinery/errors.ts";
import type { Lister } from "../../machinery/lister.ts";
import { EntryLists } from "../registration/entry-lists.ts";
import type { ExternalGateway, ExternalGatewayFactory } from "../registration/external-gateway.ts";
import type { LiveGateway, LiveGateways, Problem } from "../registration/live-gateway.ts";

export interface ConnectionsOptions {
  readonly create: ExternalGatewayFactory;
  readonly secrets: Pick<Lister<Secret>, "get">;
  /** Looks at an McpGateway soon. */
  readonly enqueue: (name: string) => void;
  readonly clock: Clock;
}

interface Connection extends LiveGateway {
  readonly uid: string;
  /** What the client was made from. */
  readonly made: string;
  /** Undefined: it answered when it was last asked. */
  problem: Problem | undefined;
  asked: boolean;
}

/** One client for each McpGateway, made anew when its spec or its Secrets change. */
export class Connections implements LiveGateways {
  readonly #options: ConnectionsOptions;
  readonly #connections = new Map<string, Connection>();
  /** Why there is no client, by name. */
  readonly #problems = new Map<string, { readonly uid: string; readonly problem: Problem }>();

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  get({ metadata: { name, uid } }: McpGateway): LiveGateway | { readonly problem: Problem | undefined } {
    const connection = this.#connections.get(name);
    if (connection?.uid === uid) {
      return connection.asked && !connection.problem ? connection : { problem: connection.problem };
    }
    const known = this.#problems.get(name);
    return { problem: known?.uid === uid ? known.problem : undefined };
  }

  suspect(name: string): void {
    this.#options.enqueue(name);
  }

  /**
   * The client for a gateway as it is. Answers whether it is another than before.
   * @throws {TerminalError} `SecretNotFound`
   */
  async ensure(gateway: McpGateway): Promise<{ client: ExternalGateway; isNew: boolean }> {
    const { name, uid } = gateway.metadata;
    try {
      const { url, type, tokenSecretRef, caSecretRef, serverTokenSecretRef } = gateway.spec;
      const settings = {
        url,
        token: this.#value(tokenSecretRef),
        ca: caSecretRef && this.#value(caSecretRef),
      };
      const serverToken = serverTokenSecretRef && this.#value(serverTokenSecretRef);
      const made = JSON.stringify([uid, type, settings, serverToken]);
      const known = this.#connections.get(name);
      if (known?.made === made) return { client: known.client, isNew: false };
      await known?.client.close();
      const client = this.#options.create(type, settings);
      const lists = new EntryLists(client, this.#options.clock);
      this.#connections.set(name, { uid, made, client, lists, serverToken, problem: undefined, asked: false });
      this.#problems.delete(name);
      return { client, isNew: true };
    } catch (error) {
      if (!(error instanceof TerminalError)) throw error;
      await this.forget(name);
      this.#problems.set(name, { uid, problem: { reason: error.reason, message: error.message } });
      throw error;
    }
  }

  /** Takes how it answered. Answers whether that is news to those that wait for it. */
  observed(name: string, problem: Problem | undefined): boolean {
    const connection = this.#connections.get(name);
    if (!connection) return true;
    const isNews = !connection.asked || connection.problem?.message !== problem?.message;
    connection.asked = true;
    connection.problem = problem;
    return isNews;
  }

  async forget(name: string): Promise<void> {
    const connection = this.#connections.get(name);
    this.#connections.delete(name);
    this.#problems.delete(name);
    await connection?.client.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections.keys()].map((name) => this.forget(name)));
  }

  /** Without white space at its ends, which editors leave. */
  #value({ namespace, name, key }: { namespace: string; name: string; key: string }): string {
    const secret = this.#options.secrets.get({ namespace, name });
    if (!secret) throw new TerminalError(Reason.SecretNotFound, `Secret ${namespace}/${name} is not there`);
    const value = Buffer.from(secret.data?.[key] ?? "", "base64")
      .toString("utf8")
      .trim();
    if (value !== "") return value;
    throw new TerminalError(Reason.SecretNotFound, `key "${key}" of Secret ${namespace}/${name} is missing or empty`);
  }
}

/** Pure. The Secrets that a gateway is made from, as keys. */
export function secretsOf({ spec }: McpGateway): string[] {
  const refs: (ObjectKey | undefined)[] = [spec.tokenSecretRef, spec.caSecretRef, spec.serverTokenSecretRef];
  return refs.flatMap((ref) => (ref ? [formatKey({ namespace: ref.namespace, name: ref.name })] : []));
}
