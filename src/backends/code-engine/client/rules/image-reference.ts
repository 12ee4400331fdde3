/** IBM's pattern for images that run, and for those that builds push. */
const IMAGE_REFERENCE =
  /^([a-z0-9][a-z0-9\-_.]+[a-z0-9]\/)?([a-z0-9][a-z0-9\-_]+[a-z0-9]\/)?[a-z0-9][a-z0-9\-_./]+[a-z0-9](:\w[\w.-]{0,127})?(@sha256:[a-fA-F0-9]{64})?$/;

const MAX_LENGTH = 256;

/**
 * What Code Engine would not accept in an image reference, in words that follow the name of the field; or nothing.
 * Narrower than what Docker accepts: no port of a registry, and no upper case.
 */
export function imageReferenceTrouble(reference: string): string | undefined {
  if (reference.length > MAX_LENGTH) return `has ${reference.length} characters and may have ${MAX_LENGTH}`;
  return IMAGE_REFERENCE.test(reference) ? undefined : troubleIn(reference);
}

function troubleIn(reference: string): string {
  if (reference === "") return "must not be empty";
  if (/\s/.test(reference)) return "must not hold blanks";
  if (reference.includes("://")) return "must not begin with a scheme: write icr.io/namespace/image";
  const [withoutDigest = "", ...digests] = reference.split("@");
  const registry = /^([^/]+):\d+\//.exec(withoutDigest)?.[1];
  if (registry !== undefined)
    return `names a registry with a port, which Code Engine does not accept: ${registry} must answer at port 443, or the image be copied to a registry that does`;
  if (digests.length > 1 || (digests[0] !== undefined && !/^sha256:[a-fA-F0-9]{64}$/.test(digests[0])))
    return "has a digest other than @sha256: and 64 hexadecimal digits";
  const tag = withoutDigest.lastIndexOf(":");
  const repository = tag < 0 ? withoutDigest : withoutDigest.slice(0, tag);
  if (/[A-Z]/.test(repository))
    return `has upper case before the tag, which Code Engine does not accept: use ${repository.toLowerCase()}, if the registry knows it by that name`;
  if (tag >= 0 && !/^\w[\w.-]{0,127}$/.test(withoutDigest.slice(tag + 1)))
    return "has a tag that is none: up to 128 letters, digits, underscores, dots and hyphens, the first no dot or hyphen";
  return "must be [registry/][namespace/]image[:tag][@sha256:digest], each part of at least three characters that begins and ends with a lower-case letter or a digit";
}
