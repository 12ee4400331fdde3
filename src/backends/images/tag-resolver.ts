import { isIP } from "node:net";
import { DOCKER_HUB, formatReference, type ImageReference, imageName, isImageId } from "../../api/image-reference.ts";
import { TransientError } from "../../machinery/errors.ts";
import type { ImagePlaces, ImageResolver, ResolveRequest } from "../image-resolver.ts";
import { readReference } from "./allowed-registries.ts";
import { GuardedFetch } from "./guarded-fetch.ts";
import { RegistryClient, type RegistryFetch } from "./registry-client.ts";
import { credentialsFor } from "./registry-credentials.ts";

const REMEDY =
  "approvals need the digest: name one in spec.source.image.reference, or set pullPolicy Never for an image that is only where it runs";

/**
 * Asks registries what tags stand for, from this process. As Docker has it: docker.io is the default and its mirror is asked
 * first, credentials are chosen by the longest name that matches, and registries of the loopback speak plain http.
 */
export class TagResolver implements ImageResolver {
  readonly #fetchFor: (registry: string) => RegistryFetch & Partial<AsyncDisposable>;

  /** `fetchFor` is for tests. */
  constructor(fetchFor?: (registry: string) => RegistryFetch) {
    this.#fetchFor = fetchFor ?? guarded;
  }

  async resolve({ reference: text, dockerConfig, places }: ResolveRequest, signal: AbortSignal): Promise<string> {
    if (isImageId(text)) return text;
    const reference = readReference(text);
    if (reference.digest !== undefined) return formatReference(reference);
    const mirrored = mirroredBy(reference, places.mirror);
    const digest =
      (mirrored && (await this.#atMirror(mirrored, dockerConfig, signal))) ??
      (await this.#digest(reference, { dockerConfig, base: places.override, signal }));
    return formatReference({ ...reference, digest });
  }

  /** Any answer of the mirror but a digest: the registry itself knows better. */
  async #atMirror(
    { reference, base }: Mirrored,
    dockerConfig: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    try {
      return await this.#digest(reference, { dockerConfig, base, signal });
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      return undefined;
    }
  }

  async #digest(
    reference: ImageReference,
    { dockerConfig, base, signal }: { dockerConfig: string | undefined; base: string | undefined; signal: AbortSignal },
  ): Promise<string> {
    const host = reference.registry === DOCKER_HUB ? "registry-1.docker.io" : reference.registry;
    const fetch = this.#fetchFor(base ?? `https://${host}`);
    const client = new RegistryClient({ override: base, remedy: REMEDY, fetch, isPlain });
    try {
      return await client.digest(reference, credentialsFor(dockerConfig, imageName(reference)), signal);
    } finally {
      await fetch[Symbol.asyncDispose]?.();
    }
  }
}

/** As Docker's defaults have it: 127.0.0.0/8, ::1 and the name that stands for them. */
export function isPlain(registry: string): boolean {
  const host = registry.replace(/:[0-9]+$/, "").replace(/^\[|\]$/g, "");
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

interface Mirrored {
  readonly reference: ImageReference;
  readonly base: string;
}

/** The same image at the mirror: a path of the mirror's URL precedes the repository. */
function mirroredBy(reference: ImageReference, mirror: ImagePlaces["mirror"]): Mirrored | undefined {
  if (mirror === undefined || reference.registry !== DOCKER_HUB || !URL.canParse(mirror)) return undefined;
  const { origin, host, pathname } = new URL(mirror);
  const prefix = pathname.replace(/^\/+|\/+$/g, "");
  const repository = prefix === "" ? reference.repository : `${prefix}/${reference.repository}`;
  return { reference: { ...reference, registry: host, repository }, base: origin };
}

function guarded(first: string): RegistryFetch & AsyncDisposable {
  const guard = new GuardedFetch(first);
  return Object.assign((url: string, init: RequestInit) => guard.fetch(url, init), {
    [Symbol.asyncDispose]: () => guard[Symbol.asyncDispose](),
  });
}
