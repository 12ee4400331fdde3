import { formatReference, type ImageReference } from "../../../api/image-reference.ts";
import { Reason } from "../../../api/v1alpha1/conditions.ts";
import { TransientError } from "../../../machinery/errors.ts";
import { findUid, parseUser } from "../../images/image-user.ts";
import type { RegistryCredentials } from "../../images/registry-credentials.ts";
import { passwdOfLayer } from "./passwd-of-layers.ts";
import type { RegistryClient } from "./registry-client.ts";

/** Users of so many images are remembered; a digest's never changes. */
const REMEMBERED = 500;
/** So much is read at most, packed, to find the number of a user: the layers are asked from the top. */
const MAX_BYTES = 1024 ** 3;

export interface UserOfImage {
  /** USER as the image has it. */
  readonly user: string;
  /** Undefined: a name that the image's /etc/passwd does not have. */
  readonly uid: number | undefined;
}

/**
 * Who the processes of images are. A number is one; a name is looked up in the image's own /etc/passwd, in its layers from the
 * top: most images that name a user have made it not far below.
 */
export class ImageUsers {
  readonly #registry: RegistryClient;
  readonly #known = new Map<string, UserOfImage>();

  constructor(registry: RegistryClient) {
    this.#registry = registry;
  }

  /** @param image has a digest. @throws {TransientError | TerminalError} with a reason of images. */
  async userOf(
    image: ImageReference,
    credentials: RegistryCredentials | undefined,
    signal: AbortSignal,
  ): Promise<UserOfImage> {
    const pinned = formatReference(image);
    const known = this.#known.get(pinned);
    if (known) return known;
    const { user, layers } = await this.#registry.config(image, credentials, signal);
    const parsed = parseUser(user);
    const bytesOf = (layer: (typeof layers)[number]) => this.#registry.layer(image, layer, credentials, signal);
    const uid =
      parsed.kind === "id" ? parsed.uid : findUid(await passwdOf(pinned, layers.toReversed(), bytesOf), parsed.name);
    const found = { user, uid };
    this.#known.set(pinned, found);
    const [oldest] = this.#known.keys();
    if (this.#known.size > REMEMBERED && oldest !== undefined) this.#known.delete(oldest);
    return found;
  }
}

/** /etc/passwd of an image, empty where it has none; of a link nobody knows what it says. @param layers the topmost first. */
async function passwdOf<Layer extends { readonly mediaType: string; readonly size: number }>(
  pinned: string,
  layers: readonly Layer[],
  bytesOf: (layer: Layer) => AsyncIterable<Uint8Array>,
): Promise<string> {
  let left = MAX_BYTES;
  for (const layer of layers) {
    left -= layer.size;
    if (left < 0) throw unreadable(pinned, `its layers are larger than ${MAX_BYTES} bytes`);
    const entry = await passwdIn(pinned, layer.mediaType, bytesOf(layer));
    if (entry?.kind === "file") return entry.text;
    if (entry) return "";
  }
  return "";
}

async function passwdIn(pinned: string, mediaType: string, bytes: AsyncIterable<Uint8Array>) {
  try {
    return await passwdOfLayer({ mediaType, bytes });
  } catch (error) {
    if (error instanceof TransientError || !(error instanceof Error) || error.name === "AbortError") throw error;
    throw unreadable(pinned, error.message);
  }
}

function unreadable(pinned: string, problem: string): TransientError {
  const message = `the number of the user of image ${pinned} cannot be looked up in it: ${problem}; build it with a number, for example USER 65532`;
  return new TransientError(Reason.ImagePullFailed, message);
}
