import { DOCKER_HUB, formatReference, type ImageReference } from "../../api/image-reference.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { RegistryCredentials } from "./registry-credentials.ts";

const TIMEOUT_MS = 15_000;
/** Manifests, configurations and tokens are small; what is larger is not read. */
const MAX_BYTES = 4 * 1024 * 1024;

const MANIFESTS = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

export type RegistryFetch = (url: string, init: RequestInit) => Promise<Response>;

export interface RegistryClientOptions {
  /** In place of each image's own registry. */
  readonly override: string | undefined;
  /** What to do where the registry does not answer, for people. */
  readonly remedy: string;
  readonly fetch: RegistryFetch;
  /** Whether a registry is asked by plain http, unless it is overridden. Default: none is. */
  readonly isPlain?: (registry: string) => boolean;
}

export interface RegistryQuestion {
  readonly method: "GET" | "HEAD";
  readonly credentials: RegistryCredentials | undefined;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
}

export type Json = Readonly<Record<string, unknown>>;

/**
 * What a registry says of an image, by the distribution protocol, over https, or http where that is said.
 * @see https://distribution.github.io/distribution/spec/api/
 */
export class RegistryClient {
  readonly #options: RegistryClientOptions;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
  }

  /** `sha256:…` of what the tag stands for now. @throws {TransientError} with a reason of images. */
  async digest(
    image: ImageReference,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<string> {
    if (image.digest !== undefined) return image.digest;
    const answer = await this.get(image, `manifests/${image.tag}`, { credentials, signal, method: "HEAD" });
    const digest = answer.headers.get("docker-content-digest") ?? "";
    if (/^sha256:[0-9a-f]{64}$/.test(digest)) return digest;
    throw imageFailed(image, "its registry does not tell the digest");
  }

  /** The answer to a question about the repository of an image. @throws {TransientError} with a reason of images. */
  async get(image: ImageReference, path: string, asked: RegistryQuestion): Promise<Response> {
    const url = `${this.#base(image).replace(/\/+$/, "")}/v2/${image.repository}/${path}`;
    const { credentials } = asked;
    const first = await this.#send(image, url, asked, undefined);
    if (first.status !== 401) return checked(image, first);
    await first.body?.cancel();
    const challenge = first.headers.get("www-authenticate") ?? "";
    const authorization = /^basic\b/i.test(challenge) ? basic(credentials) : await this.#token(image, challenge, asked);
    if (authorization === undefined) throw unauthorized(image);
    return checked(image, await this.#send(image, url, asked, authorization));
  }

  #base(image: ImageReference): string {
    const { override, isPlain } = this.#options;
    if (override !== undefined) return override;
    const host = image.registry === DOCKER_HUB ? "registry-1.docker.io" : image.registry;
    return `${isPlain?.(image.registry) ? "http" : "https"}://${host}`;
  }

  async #send(
    image: ImageReference,
    url: string,
    { method, signal, timeoutMs = TIMEOUT_MS }: RegistryQuestion,
    authorization: string | undefined,
  ): Promise<Response> {
    const headers = {
      Accept: MANIFESTS.join(", "),
      ...(authorization !== undefined && { Authorization: authorization }),
    };
    try {
      return await this.#options.fetch(url, {
        method,
        headers,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof TransientError) throw cause;
      throw imageFailed(image, `its registry does not answer the controller; ${this.#options.remedy}`, cause);
    }
  }

  /** By the token protocol: the registry names who gives tokens for this repository. */
  async #token(
    image: ImageReference,
    challenge: string,
    { credentials, signal }: RegistryQuestion,
  ): Promise<string | undefined> {
    const parameter = (name: string) => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1];
    const realm = parameter("realm");
    if (!/^bearer\b/i.test(challenge) || realm === undefined || !URL.canParse(realm)) return undefined;
    const url = new URL(realm);
    const isLocal = this.#base(image).startsWith("http://");
    if (url.protocol !== "https:" && !isLocal)
      throw imageFailed(image, "its registry sends credentials over plain http");
    url.searchParams.set("service", parameter("service") ?? "");
    url.searchParams.set("scope", `repository:${image.repository}:pull`);
    const authorization = basic(credentials);
    const answer = await this.#send(image, url.href, { method: "GET", credentials, signal }, authorization);
    if (!answer.ok) {
      await answer.body?.cancel();
      throw unauthorized(image);
    }
    const { token, access_token } = await readJson(image, answer);
    return `Bearer ${jsonText(token) || jsonText(access_token)}`;
  }
}

/** The body of an answer. @throws {TransientError} where it is too long or no JSON object. */
export async function readJson(image: ImageReference, answer: Response): Promise<Json> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body ?? []) {
    length += chunk.byteLength;
    if (length > MAX_BYTES) throw imageFailed(image, "its registry answers with more than is believed");
    chunks.push(chunk);
  }
  try {
    return jsonObject(JSON.parse(Buffer.concat(chunks).toString("utf8")));
  } catch (cause) {
    throw imageFailed(image, "its registry answers with what is no JSON", cause);
  }
}

export function imageFailed(image: ImageReference, problem: string, cause?: unknown): TransientError {
  return new TransientError(Reason.ImagePullFailed, `image ${formatReference(image)}: ${problem}`, { cause });
}

/** What a member should be, or as good as nothing: registries are believed in nothing. */
export function jsonObject(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

export function jsonText(value: unknown): string {
  return typeof value === "string" ? value : "";
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
  throw imageFailed(image, `its registry answers with HTTP ${answer.status}`);
}

function unauthorized(image: ImageReference): TransientError {
  const remedy =
    "name a Secret with credentials in spec.source.image.pullSecretRef, or in the RuntimeBackend's registrySecretRef";
  return new TransientError(
    Reason.ImagePullUnauthorized,
    `the registry refuses image ${formatReference(image)}; ${remedy}`,
  );
}
