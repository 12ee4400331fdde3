import type { Secret } from "../../src/api/core.ts";
import {
  formatKey,
  type KubeObject,
  keyOf,
  type NewObject,
  type ObjectKey,
  type ResourceType,
} from "../../src/api/meta.ts";
import { ApiError, ApiUnreachable, type KubeClient, type Patch } from "../../src/machinery/client.ts";

/** Secrets, and nothing else of an API server. `save` is given all of them with every change. */
export class SecretClient implements Pick<KubeClient, "get" | "create" | "patch"> {
  readonly secrets: Map<string, Secret>;
  readonly #save: (secrets: ReadonlyMap<string, Secret>) => void;
  /** Nobody answers. */
  isDown = false;
  /** Patches so far. */
  patches = 0;

  constructor(
    secrets: Iterable<[string, Secret]> = [],
    save: (all: ReadonlyMap<string, Secret>) => void = () => undefined,
  ) {
    this.secrets = new Map(secrets);
    this.#save = save;
  }

  async get<T extends KubeObject>(_type: ResourceType<T>, key: ObjectKey): Promise<T> {
    this.#answer();
    const secret = this.secrets.get(formatKey(key));
    if (!secret) throw failure(404, "NotFound");
    return structuredClone(secret) as KubeObject as T;
  }

  async create<T extends KubeObject>(_type: ResourceType<T>, object: NewObject<T>): Promise<T> {
    this.#answer();
    const secret = structuredClone(object) as KubeObject as Secret;
    if (this.secrets.has(formatKey(keyOf(secret)))) throw failure(409, "AlreadyExists");
    return this.#store(secret) as KubeObject as T;
  }

  async patch<T extends KubeObject>(_type: ResourceType<T>, key: ObjectKey, { body }: Patch): Promise<T> {
    this.#answer();
    this.patches += 1;
    const secret = this.secrets.get(formatKey(key));
    if (!secret) throw failure(404, "NotFound");
    const { data } = body as { data: Record<string, string | null> };
    const merged = Object.entries({ ...secret.data, ...data }).filter(([, value]) => value !== null);
    return this.#store({ ...secret, data: Object.fromEntries(merged) as Record<string, string> }) as KubeObject as T;
  }

  #store(secret: Secret): Secret {
    this.secrets.set(formatKey(keyOf(secret)), secret);
    this.#save(this.secrets);
    return structuredClone(secret);
  }

  #answer(): void {
    if (this.isDown) throw new ApiUnreachable("nobody answers");
  }
}

function failure(code: number, reason: string): ApiError {
  const metadata = {};
  return new ApiError({ kind: "Status", apiVersion: "v1", metadata, status: "Failure", message: reason, code, reason });
}
