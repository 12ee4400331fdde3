import { DOCKER_HUB, type ImageReference } from "../../../api/image-reference.ts";

/** Where images of Docker Hub are asked for first: `https://mirror:5000`, or with a path that precedes the repository. */
export class RegistryMirror {
  readonly #registry: string;
  readonly #prefix: string;

  /** @throws {TypeError} when `url` is none. */
  constructor(url: string) {
    const { host, pathname } = new URL(url);
    this.#registry = host;
    this.#prefix = pathname.replace(/^\/+|\/+$/g, "");
  }

  /** The same image at the mirror; undefined for images of other registries. */
  mirrored(reference: ImageReference): ImageReference | undefined {
    if (reference.registry !== DOCKER_HUB) return undefined;
    const repository = this.#prefix ? `${this.#prefix}/${reference.repository}` : reference.repository;
    return { ...reference, registry: this.#registry, repository };
  }
}
