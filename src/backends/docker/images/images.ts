import type Docker from "dockerode";
import {
  formatReference,
  type ImageReference,
  imageName,
  isImageId,
  parseImageReference,
} from "../../../api/image-reference.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import type { Clock } from "../../../machinery/clock.ts";
import { TerminalError, TransientError } from "../../../machinery/errors.ts";
import type { Logger } from "../../../machinery/logger.ts";
import type { ImageRequest, ImageState, Owner, ResolvedImage } from "../../backend.ts";
import { readReference } from "../../images/allowed-registries.ts";
import { credentialsFor } from "../../images/registry-credentials.ts";
import type { CallOptions, EngineClient } from "../engine/engine-client.ts";
import { imageFailure } from "./image-failure.ts";
import { type LocalImage, LocalImages } from "./local-images.ts";
import { type PullSource, Pulls } from "./pulls.ts";
import { RegistryMirror } from "./registry-mirror.ts";

/** The Engine asks a registry in several steps, each of which may wait for one that is slow. */
const REGISTRY_TIMEOUT_MS = 60_000;

export interface ImagesOptions {
  readonly engine: EngineClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mirror: string | undefined;
  readonly onChange: (owner: Owner) => void;
}

/**
 * Images: what a reference means now, and bringing it to the Engine. Registries are asked by the Engine, never from
 * here: the answer then comes by the same network, certificates, proxies and rules by which it pulls, no credentials
 * travel but to the Engine, and no address that a user names is dialled by the controller.
 */
export class Images implements Disposable {
  readonly #engine: EngineClient;
  readonly #logger: Logger;
  readonly #mirror: RegistryMirror | undefined;
  readonly #local: LocalImages;
  readonly #pulls: Pulls;

  constructor({ engine, clock, logger, mirror, onChange }: ImagesOptions) {
    this.#engine = engine;
    this.#logger = logger;
    this.#mirror = mirror ? new RegistryMirror(mirror) : undefined;
    this.#local = new LocalImages(engine, clock);
    this.#pulls = new Pulls({ engine, clock, onChange });
  }

  [Symbol.dispose](): void {
    this.#pulls[Symbol.dispose]();
  }

  async resolve(request: ImageRequest, options: CallOptions): Promise<ResolvedImage> {
    const { reference: text, pullPolicy } = request;
    if (isImageId(text)) {
      await this.local(text, options);
      return { pinned: text };
    }
    const reference = readReference(text);
    if (pullPolicy !== "Always") {
      const found = await this.#findLocal(reference, options);
      if (found) return { pinned: this.#pin(found.image, reference) };
      if (pullPolicy === "Never") throw absent(text, "pullPolicy is Never; load it there, or set another pullPolicy");
      if (reference.digest) return { pinned: formatReference(reference) };
    }
    return { pinned: await this.#askRegistry(reference, request, options) };
  }

  async ensure(owner: Owner, image: ResolvedImage, request: ImageRequest, options: CallOptions): Promise<ImageState> {
    if (isImageId(image.pinned)) {
      await this.local(image.pinned, options);
      return { kind: "present" };
    }
    const pinned = readReference(image.pinned);
    if (await this.#findLocal(pinned, options)) {
      const progress = this.#pulls.finishing(owner, pinned);
      return progress ? { kind: "pulling", progress } : { kind: "present" };
    }
    if (request.pullPolicy === "Never") throw absent(image.pinned, "pullPolicy is Never; load it there");
    const sources = this.#places(pinned).map((reference) => sourceOf(reference, request));
    const pull = { image: pinned, sources, tag: tagToSet(request.reference, pinned) };
    return { kind: "pulling", progress: this.#pulls.progress(owner, pull) };
  }

  /** What the Engine knows of a pinned image. @throws {TransientError} `ImageNotFound` */
  async local(pinned: string, options: CallOptions): Promise<LocalImage> {
    if (isImageId(pinned)) {
      const image = await this.#local.find(pinned, options.signal);
      if (image) return localImage(pinned, image);
      throw absent(pinned, "build or load it there");
    }
    const found = await this.#findLocal(readReference(pinned), options);
    if (!found) throw absent(pinned, "it is pulled again");
    return localImage(found.name, found.image);
  }

  /** An image that came from the mirror has the mirror's name at the Engine. */
  #places(reference: ImageReference): ImageReference[] {
    const mirrored = this.#mirror?.mirrored(reference);
    return mirrored ? [mirrored, reference] : [reference];
  }

  async #findLocal(
    reference: ImageReference,
    { signal }: CallOptions,
  ): Promise<{ name: string; image: Docker.ImageInspectInfo } | undefined> {
    for (const place of this.#places(reference).reverse()) {
      const name = formatReference(place);
      const image = await this.#local.find(name, signal);
      if (image) return { name, image };
    }
    return undefined;
  }

  /** The digest that the image has at its registry, or its ID when it was built here. */
  #pin(image: Docker.ImageInspectInfo, reference: ImageReference): string {
    if (reference.digest) return formatReference(reference);
    const names = new Set(this.#places(reference).map(imageName));
    for (const repoDigest of image.RepoDigests ?? []) {
      const known = parseImageReference(repoDigest);
      if (known.digest && names.has(imageName(known))) return `${imageName(reference)}@${known.digest}`;
    }
    return image.Id;
  }

  async #askRegistry(reference: ImageReference, request: ImageRequest, options: CallOptions): Promise<string> {
    const places = this.#places(reference);
    for (const [at, place] of places.entries()) {
      const { credentials } = sourceOf(place, request);
      const name = formatReference(place);
      try {
        const ask = (docker: Docker): Promise<unknown> =>
          docker.getImage(name).distribution(credentials ? { authconfig: credentials } : {});
        const answer = await this.#engine.call("ask the registry", ask, { timeoutMs: REGISTRY_TIMEOUT_MS, ...options });
        return `${imageName(reference)}@${digestOf(answer, name)}`;
      } catch (error) {
        if (at === places.length - 1 || options.signal.aborted) throw imageFailure(error, name);
        this.#logger.warn("the registry mirror failed; its origin is asked", { image: name, error });
      }
    }
    throw absent(formatReference(reference), "no registry is left to ask");
  }
}

function localImage(name: string, { Id, Config }: Docker.ImageInspectInfo): LocalImage {
  return { name, id: Id, user: Config?.User ?? "" };
}

function sourceOf(reference: ImageReference, { dockerConfig }: ImageRequest): PullSource {
  return { reference, credentials: credentialsFor(dockerConfig, imageName(reference)) };
}

/** The tag that the user wrote, unless the image was asked for by digest or ID. */
function tagToSet(text: string, pinned: ImageReference): ImageReference | undefined {
  if (isImageId(text)) return undefined;
  const asked = readReference(text);
  return asked.digest || imageName(asked) !== imageName(pinned) ? undefined : asked;
}

function digestOf(answer: unknown, image: string): string {
  const { Descriptor } = (answer ?? {}) as { Descriptor?: { digest?: unknown } };
  const digest = Descriptor?.digest;
  if (typeof digest === "string" && isImageId(digest)) return digest;
  throw new TransientError(Reason.ImagePullFailed, `image ${image}: its registry names no sha256 digest for it`);
}

function absent(image: string, remedy: string): TransientError {
  return new TransientError(Reason.ImageNotFound, `image ${image} is not on the Engine's machine; ${remedy}`);
}

/** @throws {TerminalError} `InvalidSpec`, at the RuntimeBackend. */
export function checkMirror(url: string | undefined): void {
  if (!url || URL.canParse(url)) return;
  throw new TerminalError(Reason.InvalidSpec, `spec.docker.registryMirror: ${JSON.stringify(url)} is no URL`);
}
