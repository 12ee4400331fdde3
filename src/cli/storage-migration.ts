import type { CustomResourceDefinition } from "../api/custom-resource-definition.ts";
import { formatKey, type KubeList, type KubeObject, keyOf, type ObjectKey, type ResourceType } from "../api/meta.ts";
import { ApiError, isReason, type KubeClient } from "../machinery/client.ts";

export const definitions: ResourceType<CustomResourceDefinition> = {
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  namespaced: false,
};

/** One kind whose objects may be stored in several versions. */
export interface StoredKind {
  readonly definition: CustomResourceDefinition;
  /** The version that is written now. */
  readonly storage: string;
  /** All that objects may still be stored in. */
  readonly stored: readonly string[];
}

export interface Refusal {
  readonly name: string;
  readonly because: string;
}

export interface Rewritten {
  readonly objects: number;
  readonly refused: readonly Refusal[];
}

/** Objects that one request brings: a hundred of the largest there may be are more than an answer may have, and nobody has these. */
const PAGE = 100;
/** Writes that are under way at a time. */
const WRITES = 8;
const MAX_ATTEMPTS = 5;
const FIELD_MANAGER = "slipway-migrate";

export function storedKindOf(definition: CustomResourceDefinition): StoredKind {
  const storage = definition.spec.versions.find((version) => version.storage)?.name ?? "";
  return { definition, storage, stored: definition.status?.storedVersions ?? [] };
}

/** Whether the API server remembers another version than the one that it writes. */
export function needsMigration({ storage, stored }: StoredKind): boolean {
  return stored.some((version) => version !== storage);
}

/** Where its objects are read and written: in any version that is served, since the server stores all in one. */
function resourceTypeOf({ definition: { spec }, storage }: StoredKind): ResourceType {
  const { group, names, scope, versions } = spec;
  const { plural, kind } = names;
  const served = versions.filter((version) => version.served).map(({ name }) => name);
  const version = served.includes(storage) ? storage : (served[0] ?? storage);
  return { group, version, plural, kind, namespaced: scope === "Namespaced" };
}

/**
 * Has the API server store every object of a kind anew, and thereby in its storage version, by patches that change nothing: a server
 * writes an object whose bytes would differ, and leaves alone one that is stored so already. What is refused is counted and named, and
 * keeps nothing else from being written.
 */
export async function rewriteObjects(client: KubeClient, kind: StoredKind, signal: AbortSignal): Promise<Rewritten> {
  const type = resourceTypeOf(kind);
  const refused: Refusal[] = [];
  let objects = 0;
  for await (const page of pagesOf(client, type, signal)) {
    objects += page.length;
    const waiting = [...page];
    const worker = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const because = await rewrite(client, type, next, signal);
        if (because !== undefined) refused.push({ name: formatKey(keyOf(next)), because });
      }
    };
    await Promise.all(Array.from({ length: WRITES }, worker));
  }
  return { objects, refused };
}

/** How many there are, page by page. */
export async function countObjects(client: KubeClient, kind: StoredKind, signal: AbortSignal): Promise<number> {
  let objects = 0;
  for await (const page of pagesOf(client, resourceTypeOf(kind), signal)) objects += page.length;
  return objects;
}

/**
 * A list that takes longer than the server remembers goes on in the state of now: what was made meanwhile is stored as it should be, and
 * so is what was changed.
 */
async function* pagesOf(client: KubeClient, type: ResourceType, signal: AbortSignal): AsyncGenerator<KubeObject[]> {
  let next: string | undefined;
  do {
    const page: KubeList<KubeObject> = await pageOf(client, type, next, signal);
    yield page.items;
    next = page.metadata.continue;
  } while (next);
}

async function pageOf(client: KubeClient, type: ResourceType, next: string | undefined, signal: AbortSignal) {
  const from = (token: string | undefined) =>
    client.list(type, { limit: PAGE, ...(token ? { continue: token } : {}) }, signal);
  try {
    return await from(next);
  } catch (error) {
    const renewed = isReason(error, "Expired") ? error.status.metadata?.continue : undefined;
    if (!renewed) throw error;
    return await from(renewed);
  }
}

/** Why it is not stored anew; undefined where it is, or is gone. */
async function rewrite(
  client: KubeClient,
  type: ResourceType,
  object: KubeObject,
  signal: AbortSignal,
): Promise<string | undefined> {
  const key = keyOf(object);
  let { resourceVersion } = object.metadata;
  for (let attempt = 1; ; attempt++) {
    try {
      const patch = { type: "merge" as const, body: { metadata: { resourceVersion } } };
      await client.patch(type, key, patch, { fieldManager: FIELD_MANAGER, signal });
      return undefined;
    } catch (error) {
      if (isReason(error, "NotFound")) return undefined;
      if (!(error instanceof ApiError) || error.code === 401) throw error;
      if (error.reason !== "Conflict" || attempt === MAX_ATTEMPTS) return error.message;
    }
    const current = await versionOf(client, type, key, signal);
    if (current === undefined) return undefined;
    resourceVersion = current;
  }
}

/** Undefined where it is gone. */
async function versionOf(client: KubeClient, type: ResourceType, key: ObjectKey, signal: AbortSignal) {
  try {
    return (await client.get(type, key, signal)).metadata.resourceVersion;
  } catch (error) {
    if (isReason(error, "NotFound")) return undefined;
    throw error;
  }
}

/**
 * Tells the API server that nothing is stored in another version any more, so that the others may leave the definition.
 * @throws {Error} where the definition has changed since `kind` was read: objects may have been stored otherwise meanwhile.
 */
export async function forgetOtherVersions(client: KubeClient, kind: StoredKind, signal: AbortSignal): Promise<void> {
  const { name, generation } = kind.definition.metadata;
  for (let attempt = 1; ; attempt++) {
    const current = await client.get(definitions, { namespace: "", name }, signal);
    if (current.metadata.generation !== generation) {
      throw new Error(`${name} was changed meanwhile; run the command again`);
    }
    try {
      const status = { ...current.status, storedVersions: [kind.storage] };
      await client.update(definitions, { ...current, status }, { subresource: "status", signal });
      return;
    } catch (error) {
      if (!isReason(error, "Conflict") || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}
