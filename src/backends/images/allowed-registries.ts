import { coversImage } from "../../api/image-prefix.ts";
import { type ImageReference, imageName, isImageId, parseImageReference } from "../../api/image-reference.ts";
import { Reason } from "../../api/v1alpha1/conditions.ts";
import { TerminalError } from "../../machinery/errors.ts";

/** Where references are, unless a caller names another field. */
const IMAGE_FIELD = "spec.source.image.reference";

/**
 * Checks an image against the `allowedRegistries` of a RuntimeBackend: prefixes of its full name by whole segments, so that
 * `docker.io/library` covers `nginx` and not `docker.io/library-evil/x`.
 * @throws {TerminalError} `RegistryNotAllowed`; `InvalidSpec` when the reference is none.
 */
export function admitImage(text: string, allowed: readonly string[], field = IMAGE_FIELD): void {
  const name = isImageId(text) ? undefined : imageName(readReference(text, field));
  if (allowed.length === 0 || (name && allowed.some((prefix) => coversImage(prefix, name)))) return;
  const origin = name ?? "an image ID, which has no registry,";
  throw new TerminalError(
    Reason.RegistryNotAllowed,
    `${field}: ${origin} is not among the backend's allowed registries (${allowed.join(", ")}); use an image from there, or ask for it to be added to allowedRegistries of the RuntimeBackend`,
  );
}

/** @throws {TerminalError} `InvalidSpec` */
export function readReference(text: string, field = IMAGE_FIELD): ImageReference {
  try {
    return parseImageReference(text);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new TerminalError(Reason.InvalidSpec, `${field}: ${problem}`, { cause });
  }
}
