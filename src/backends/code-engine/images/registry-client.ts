import { formatReference, type ImageReference } from "../../../api/image-reference.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TerminalError, TransientError } from "../../../machinery/errors.ts";
import type { RegistryCredentials } from "../../images/registry-credentials.ts";

const TIMEOUT_MS = 15_000;
const LAYER_TIMEOUT_MS = 120_000;
/** Manifests and configurations are small; what is larger is not read. */
const MAX_BYTES = 4 * 1024 * 1024;

const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

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

type Json = Readonly<Record<string, unknown>>;

/**
 * What a registry says of an image, by the distribution protocol, over https (or http to this machine, where that is
 * configured).
 * @see https://distribution.github.io/distribution/spec/api/
 */
export class RegistryClient {
  readonly #override: string | undefined;
  readonly #fetch: typeof fetch;

  constructor({ override, fetch: given = fetch }: RegistryClientOptions) {
    this.#override = override;
    this.#fetch = given;
  }

  /** `sha256:…` of what the tag stands for now. @throws {TransientError} with a reason of images. */
  async digest(
    image: ImageReference,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    if (image.digest !== undefined) return image.digest;
    const answer = await this.#get(image, `manifests/${image.tag}`, { credentials, signal, method: "HEAD" });
    const digest = answer.headers.get("docker-content-digest") ?? "";
    if (/^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
    throw failed(image, "its registry does not tell the digest");
  }

  /** Of the image for linux/amd64, the only platform of Code Engine. @throws {TerminalError} where there is none for that. */
  async config(
    image: ImageReference,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<ImageConfig> {
    const ask = async (path: string): Promise<Json> => {
      const answer = await this.#get(image, path, { credentials, signal, method: "GET" });
      return await readJson(image, answer);
    };
    const top = await ask(`manifests/${image.digest ?? image.tag}`);
    const manifest = Array.isArray(top.manifests)
      ? await ask(`manifests/${digestIn(image, amd64(image, top.manifests))}`)
      : top;
    const digest = digestIn(image, object(manifest.config));
    const config = await ask(`blobs/${digest}`);
    const { architecture, os } = config;
    if ((architecture !== undefined && architecture !== "amd64") || (os !== undefined && os !== "linux"))
      throw wrongPlatform(image, `it is for ${text(os)}/${text(architecture)}`);
    const layers = Array.isArray(manifest.layers) ? manifest.layers.map(object) : [];
    return {
      user: text(object(config.config).User),
      layers: layers.map((layer) => ({
        digest: digestIn(image, layer),
        mediaType: text(layer.mediaType),
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
    const answer = await this.#get(image, `blobs/${digest}`, { credentials, signal, method: "GET", timeoutMs });
    let length = 0;
    try {
      for await (const chunk of answer.body ?? []) {
        length += chunk.byteLength;
        if (length > size) throw new RangeError("a layer is longer than its manifest says");
        yield chunk;
      }
    } catch (cause) {
      signal.throwIfAborted();
      throw failed(image, "its registry does not give a layer as a whole", cause);
    }
  }

  async #get(image: ImageReference, path: string, asked: Asked): Promise<Response> {
    const base =
      this.#override ?? `https://${image.registry === "docker.io" ? "registry-1.docker.io" : image.registry}`;
    const url = `${base.replace(/\/+$/, "")}/v2/${image.repository}/${path}`;
    const { credentials } = asked;
    const first = await this.#send(image, url, asked, undefined);
    if (first.status !== 401) return checked(image, first);
    await first.body?.cancel();
    const challenge = first.headers.get("www-authenticate") ?? "";
    const authorization = /^basic\b/i.test(challenge) ? basic(credentials) : await this.#token(image, challenge, asked);
    if (authorization === undefined) throw unauthorized(image);
    return checked(image, await this.#send(image, url, asked, authorization));
  }

  async #send(
    image: ImageReference,
    url: string,
    { method, signal, timeoutMs = TIMEOUT_MS }: Asked,
    authorization: string | undefined,
  ): Promise<Response> {
    const headers = {
      Accept: MANIFESTS.join(", "),
      ...(authorization !== undefined && { Authorization: authorization }),
    };
    try {
      return await this.#fetch(url, {
        method,
        headers,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
    } catch (cause) {
      signal.throwIfAborted();
      throw failed(
        image,
        "its registry does not answer the controller; should only Code Engine reach it, set pullPolicy Never",
        cause,
      );
    }
  }

  /** By the token protocol: the registry names who gives tokens for this repository. */
  async #token(image: ImageReference, challenge: string, { credentials, signal }: Asked): Promise<string | undefined> {
    const parameter = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1];
    const realm = parameter("realm");
    if (!/^bearer\b/i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined;
    const url = new URL(realm);
    const isLocal = this.#override?.startsWith("http://") ?? false;
    if (url.protocol !== "https:" && !isLocal) throw failed(image, "its registry sends credentials over plain http");
    url.searchParams.set("service", parameter("service") ?? "");
    url.searchParams.set("scope", `repository:${image.repository}:pull`);
    const authorization = basic(credentials);
    const answer = await this.#send(image, url.href, { method: "GET", credentials, signal }, authorization);
    if (!answer.ok) throw unauthorized(image);
    const { token, access_token } = await readJson(image, answer);
    return `Bearer ${text(token) || text(access_token)}`;
  }
}

interface Asked {
  readonly method: "GET" | "HEAD";
  readonly credentials: RegistryCredentials | undefined;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

function basic(credentials: RegistryCredentials | undefined): string | undefined {
  if (credentials?.username === undefined) return undefined;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password ?? ""}`).toString("base64")}`;
}

async function checked(image: ImageReference, answer: Response): Promise<Response> {
  if (answer.ok) return answer;
  await answer.body?.cancel();
  if (answer.status === 404)
    throw new TransientError(
      Reason.ImageNotFound,
      `image ${formatReference(image)} does not exist in its registry; correct spec.source.image.reference, or push it`,
    );
  if (answer.status === 401 || answer.status === 403) throw unauthorized(image);
  throw failed(image, `its registry answers with HTTP ${answer.status}`);
}

async function readJson(image: ImageReference, answer: Response): Promise<Json> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BYTES) throw failed(image, "its registry answers with more than is believed");
    chunks.push(chunk);
  }
  try {
    return object(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  } catch (cause) {
    throw failed(image, "its registry answers with what is no JSON", cause);
  }
}

function amd64(image: ImageReference, manifests: readonly unknown[]): Json {
  const found = manifests.map(object).find(({ platform }) => {
    const { os, architecture } = object(platform);
    return os === "linux" && architecture === "amd64";
  });
  if (!found) throw wrongPlatform(image, "it has none");
  return found;
}

/** As the OCI image specification has digests. Whoever pushes an image writes them, and they become part of an address. */
function digestIn(image: ImageReference, { digest }: Json): string {
  if (/^[a-z0-9]+([+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/.test(text(digest))) return text(digest);
  throw failed(image, "its manifest names something by what is no digest");
}

function wrongPlatform(image: ImageReference, problem: string): TerminalError {
  const message = `image ${formatReference(image)} is not for linux/amd64, which is all that Code Engine runs: ${problem}; build it for that platform`;
  return new TerminalError(Reason.InvalidSpec, message);
}

function unauthorized(image: ImageReference): TransientError {
  const remedy =
    "name a Secret with credentials in spec.source.image.pullSecretRef, or in the RuntimeBackend's registrySecretRef";
  return new TransientError(
    Reason.ImagePullUnauthorized,
    `the registry refuses image ${formatReference(image)}; ${remedy}`,
  );
}

function failed(image: ImageReference, problem: string, cause?: unknown): TransientError {
  return new TransientError(Reason.ImagePullFailed, `image ${formatReference(image)}: ${problem}`, { cause });
}

function object(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
