/**
 * References to images, by the grammar of the distribution project and with the Docker client's defaults. (The one
 * parser on npm needs a native module.)
 * @see https://github.com/distribution/reference
 */
export interface ImageReference {
  /** Registry, with its port: `docker.io`, `ghcr.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  /** Path within the registry: `library/nginx`. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `sha256:…` */
  readonly digest: string | undefined;
}

export const DOCKER_HUB = "docker.io";

const HUB_ALIASES = new Set(["index.docker.io", "registry-1.docker.io"]);
const LONGEST_NAME = 255;

const LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?";
const REGISTRY = new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9a-fA-F:]+\\])(?::[0-9]{1,5})?$`);
const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/;
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** An image by its own ID: no registry is involved. */
export function isImageId(text: string): boolean {
  return DIGEST.test(text);
}

/** @throws {SyntaxError} which says what is wrong with it. */
export function parseImageReference(text: string): ImageReference {
  const [beforeDigest = "", digest, ...rest] = text.split("@");
  if (rest.length > 0 || (digest !== undefined && !DIGEST.test(digest)))
    throw wrong(text, "what follows @ must be sha256: and 64 hexadecimal digits");
  // A colon after the last slash begins a tag; before it, a port.
  const colon = beforeDigest.indexOf(":", beforeDigest.lastIndexOf("/") + 1);
  const name = colon < 0 ? beforeDigest : beforeDigest.slice(0, colon);
  const tag = colon < 0 ? undefined : beforeDigest.slice(colon + 1);
  if (tag !== undefined && !TAG.test(tag))
    throw wrong(text, `"${tag}" is no tag: at most 128 letters, digits, dots, dashes and underscores`);
  const { registry, repository } = splitName(name);
  if (!REGISTRY.test(registry)) throw wrong(text, `"${registry}" is no registry: write host or host:port`);
  for (const component of repository.split("/")) checkComponent(text, component);
  if (registry.length + 1 + repository.length > LONGEST_NAME) throw wrong(text, "the name exceeds 255 characters");
  if (/^[0-9a-f]{64}$/.test(name)) throw wrong(text, "64 hexadecimal digits are an image ID: put sha256: before them");
  return { registry, repository, tag: tag ?? (digest ? undefined : "latest"), digest };
}

/** Registry and repository, without tag and digest: what allow-lists and credentials are matched with. */
export function imageName({ registry, repository }: Pick<ImageReference, "registry" | "repository">): string {
  return `${registry}/${repository}`;
}

/** The whole reference, nothing left to defaults; the digest, where there is one, makes the tag void. */
export function formatReference(reference: ImageReference): string {
  const { tag, digest } = reference;
  return digest ? `${imageName(reference)}@${digest}` : `${imageName(reference)}:${tag}`;
}

/** As the Docker client splits: the first part is a registry if it has a dot or a port, or is localhost. */
function splitName(name: string): { registry: string; repository: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, Math.max(slash, 0));
  const isRegistry = slash >= 0 && (/[.:[]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  const registry = isRegistry ? first : DOCKER_HUB;
  const path = isRegistry ? name.slice(slash + 1) : name;
  if (registry !== DOCKER_HUB && !HUB_ALIASES.has(registry)) return { registry, repository: path };
  return { registry: DOCKER_HUB, repository: path.includes("/") ? path : `library/${path}` };
}

function checkComponent(text: string, component: string): void {
  if (COMPONENT.test(component)) return;
  if (component === "") throw wrong(text, "a part of its path is empty");
  if (component !== component.toLowerCase()) throw wrong(text, `"${component}" must be lower case`);
  throw wrong(text, `"${component}" may hold lower-case letters and digits, with . _ __ or dashes between them`);
}

function wrong(text: string, problem: string): SyntaxError {
  return new SyntaxError(`${JSON.stringify(text)} is no image reference: ${problem}`);
}
