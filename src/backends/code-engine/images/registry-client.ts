import { formatReference, type ImageReference } from "../../../api/image-reference.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import {
  imageFailed,
  type Json,
  jsonObject,
  jsonText,
  RegistryClient as Registries,
  readJson,
} from "../../images/registry-client.ts";
import type { RegistryCredentials } from "../../images/registry-credentials.ts";

const LAYER_TIMEOUT_MS = 120_000;

export interface RegistryClientOptions {
  /** In place of each image's own registry. */
  readonly override: string | undefined;
  readonly fetch?: typeof fetch;
}

/** What an image says of itself. */
export interface ImageConfig {
  /** USER; empty where it names none. */
  readonly user: string;
  /** The lowest first. */
  readonly layers: readonly LayerDescriptor[];
}

export interface LayerDescriptor {
  readonly digest: string;
  readonly mediaType: string;
  /** In bytes, as the registry has it. */
  readonly size: number;
}

/** What has to be known of an image before Code Engine runs it, over https (or http to this machine, where that is configured). */
export class RegistryClient {
  readonly #registries: Registries;

  constructor({ override, fetch: given = fetch }: RegistryClientOptions) {
    const remedy = "should only Code Engine reach it, set pullPolicy Never";
    this.#registries = new Registries({ override, remedy, fetch: given });
  }

  /** `sha256:…` of what the tag stands for now. @throws {TransientError} with a reason of images. */
  digest(image: ImageReference, credentials: RegistryCredentials | undefined, signal: AbortSignal): Promise<string> {
    return this.#registries.digest(image, credentials, signal);
  }

  /** Of the image for linux/amd64, the only platform of Code Engine. @throws {TerminalError} where there is none for that. */
  async config(
    image: ImageReference,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<ImageConfig> {
    const ask = async (path: string): Promise<Json> => {
      const answer = await this.#registries.get(image, path, { credentials, signal, method: "GET" });
      return await readJson(image, answer);
    };
    const top = await ask(`manifests/${image.digest ?? image.tag}`);
    const manifest = Array.isArray(top.manifests)
      ? await ask(`manifests/${digestIn(image, amd64(image, top.manifests))}`)
      : top;
    const digest = digestIn(image, jsonObject(manifest.config));
    const config = await ask(`blobs/${digest}`);
    const { architecture, os } = config;
    if ((architecture !== undefined && architecture !== "amd64") || (os !== undefined && os !== "linux"))
      throw wrongPlatform(image, `it is for ${jsonText(os)}/${jsonText(architecture)}`);
    const layers = Array.isArray(manifest.layers) ? manifest.layers.map(jsonObject) : [];
    return {
      user: jsonText(jsonObject(config.config).User),
      layers: layers.map((layer) => ({
        digest: digestIn(image, layer),
        mediaType: jsonText(layer.mediaType),
        size: typeof layer.size === "number" ? layer.size : Number.POSITIVE_INFINITY,
      })),
    };
  }

  /** The bytes of a layer, packed as its media type says. @throws {TransientError} also while it is read. */
  async *layer(
    image: ImageReference,
    { digest, size }: LayerDescriptor,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const timeoutMs = LAYER_TIMEOUT_MS;
    const answer = await this.#registries.get(image, `blobs/${digest}`, {
      credentials,
      signal,
      method: "GET",
      timeoutMs,
    });
    let length = 0;
    try {
      for await (const chunk of answer.body ?? []) {
        length += chunk.byteLength;
        if (length > size) throw new RangeError("a layer is longer than its manifest says");
        yield chunk;
      }
    } catch (cause) {
      signal.throwIfAborted();
      throw imageFailed(image, "its registry does not give a layer as a whole", cause);
    }
  }
}

function amd64(image: ImageReference, manifests: readonly unknown[]): Json {
  const found = manifests.map(jsonObject).find(({ platform }) => {
    const { os, architecture } = jsonObject(platform);
    return os === "linux" && architecture === "amd64";
  });
  if (!found) throw wrongPlatform(image, "it has none");
  return found;
}

/** As the OCI image specification has digests. Whoever pushes an image writes them, and they become part of an address. */
function digestIn(image: ImageReference, { digest }: Json): string {
  if (/^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(jsonText(digest))) return jsonText(digest);
  throw imageFailed(image, "its manifest names something by what is no digest");
}

function wrongPlatform(image: ImageReference, problem: string): TerminalError {
  const message = `image ${formatReference(image)} is not for linux/amd64, which is all that Code Engine runs: ${problem}; build it for that platform`;
  return new TerminalError(Reason.InvalidSpec, message);
}
