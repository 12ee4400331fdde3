import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { apiVersionOf, type KubeObject, type ResourceType } from "../api/meta.ts";
import type { KubeClient } from "../machinery/client.ts";
import { UsageError } from "./usage-error.ts";

/** One document of a manifest file, and where it stood, for messages. */
export interface Manifest {
  readonly origin: string;
  readonly object: Pick<KubeObject, "apiVersion" | "kind"> & { metadata: { name: string; namespace?: string } };
}

/** Largest file that is read, in bytes: more than the API server would take in one request. */
const FILE_LIMIT = 16 * 1024 * 1024;

/**
 * Reads a file, or every .yaml, .yml and .json of a folder in the order of their names.
 * @throws {UsageError} naming file and document, before anything is applied.
 */
export async function readManifests(path: string): Promise<Manifest[]> {
  const files = await manifestFiles(path);
  const manifests = await Promise.all(files.map(readFileManifests));
  return manifests.flat();
}

async function manifestFiles(path: string): Promise<string[]> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`-f: ${path} cannot be read (${error.code}); name a file or a folder of manifests`);
  });
  if (!info.isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => /\.(ya?ml|json)$/.test(name)).sort();
  if (names.length === 0) throw new UsageError(`-f: ${path} holds no .yaml, .yml or .json file`);
  return names.map((name) => join(path, name));
}

/** Reads what somebody pipes. @throws {UsageError} as `readManifests` does. */
export async function readManifestStream(stream: AsyncIterable<Uint8Array | string>): Promise<Manifest[]> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > FILE_LIMIT)
      throw new UsageError(`-f: standard input is longer than the ${FILE_LIMIT} bytes that are read`);
    chunks.push(bytes);
  }
  return manifestsOf("standard input", Buffer.concat(chunks).toString("utf8"));
}

async function readFileManifests(file: string): Promise<Manifest[]> {
  const { size } = await stat(file);
  if (size > FILE_LIMIT) throw new UsageError(`-f: ${file} has ${size} bytes; at most ${FILE_LIMIT} are read`);
  return manifestsOf(file, await readFile(file, "utf8"));
}

function manifestsOf(name: string, text: string): Manifest[] {
  return [...parseAllDocuments(text, { merge: true })].flatMap((document, index) => {
    const origin = `${name}, document ${index + 1}`;
    const problem = document.errors[0];
    if (problem) throw new UsageError(`-f: ${origin}: ${problem.message}`);
    const object: unknown = document.toJS({ maxAliasCount: 100 });
    return object === null ? [] : [{ origin, object: asManifest(object, origin) }];
  });
}

function asManifest(object: unknown, origin: string): Manifest["object"] {
  const { apiVersion, kind, metadata } = (object ?? {}) as Partial<KubeObject>;
  for (const [field, value] of Object.entries({ apiVersion, kind, "metadata.name": metadata?.name })) {
    if (typeof value !== "string" || value === "") {
      throw new UsageError(`-f: ${origin}: ${field}: ${JSON.stringify(value)} is not a name; every object needs one`);
    }
  }
  return object as Manifest["object"];
}

/** What has to exist before others can name it comes first; the rest keeps its order. */
const FIRST = ["Namespace", "CustomResourceDefinition", "Secret", "ConfigMap", "ServiceAccount"];

/**
 * Applies manifests by server-side apply, as `kubectl apply --server-side --force-conflicts` would.
 * @throws {Error} naming every document that was refused; the others were applied.
 */
export async function applyManifests(
  client: KubeClient,
  manifests: readonly Manifest[],
  { fieldManager, signal }: { fieldManager: string; signal: AbortSignal },
): Promise<void> {
  const rank = ({ object }: Manifest) => (FIRST.includes(object.kind) ? FIRST.indexOf(object.kind) : FIRST.length);
  const refused: string[] = [];
  for (const { origin, object } of manifests.toSorted((a, b) => rank(a) - rank(b))) {
    try {
      const type = await resourceTypeOf(client, object, signal);
      const { name, namespace = "default" } = object.metadata;
      const key = { namespace: type.namespaced ? namespace : "", name };
      await client.patch(type, key, { type: "apply", body: object, fieldManager, force: true }, { signal });
    } catch (error) {
      signal.throwIfAborted();
      refused.push(`${origin}: ${object.kind} ${object.metadata.name}: ${(error as Error).message}`);
    }
  }
  if (refused.length > 0) throw new Error(`not applied:\n${refused.join("\n")}`);
}

interface ApiResourceList {
  resources: { name: string; kind: string; namespaced: boolean }[];
}

async function resourceTypeOf(
  client: KubeClient,
  { apiVersion, kind }: Manifest["object"],
  signal: AbortSignal,
): Promise<ResourceType> {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/", 2) : ["", apiVersion];
  const root = group === "" ? "/api" : "/apis";
  const { resources } = await client.request<ApiResourceList>("GET", `${root}/${apiVersion}`, undefined, signal);
  const resource = resources.find((candidate) => candidate.kind === kind && !candidate.name.includes("/"));
  const type = { group: group ?? "", version: version ?? "" };
  if (!resource) throw new Error(`kind: ${kind} is not served in ${apiVersionOf(type)}; see 'kubectl api-resources'`);
  return { ...type, plural: resource.name, kind, namespaced: resource.namespaced };
}
