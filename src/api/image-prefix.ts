import { DOCKER_HUB, imageName, parseImageReference } from "./image-reference.ts";

/**
 * Whether a registry, or the beginning of a name by whole path segments, covers an image: `docker.io/library` covers
 * `docker.io/library/nginx` and not `docker.io/library-evil/x`. `name` is what `imageName` gives.
 */
export function coversImage(prefix: string, name: string): boolean {
  const normal = normalize(prefix);
  return normal !== "" && (name === normal || name.startsWith(`${normal}/`));
}

/** Why a prefix can cover no image at all; undefined: it can. */
export function imagePrefixProblem(prefix: string): string | undefined {
  const normal = normalize(prefix);
  // With two segments behind it nothing is left to the defaults but the registry.
  const inside = `${normal}/x/x`;
  try {
    if (imageName(parseImageReference(inside)) === inside) return undefined;
    return `"${prefix}" names no registry and covers nothing; write ${DOCKER_HUB}/${normal}, or a host with a dot or a port`;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return `"${prefix}" covers nothing; write a registry, or registry/repository in lower case without tag and digest`;
  }
}

/** As image references have it: no scheme, no slash at the end, one name for Docker Hub. */
function normalize(prefix: string): string {
  const bare = prefix.replace(/^https?:\/\//, "").replace(/\/+$/, "");
  return bare.replace(/^(index|registry-1)\.docker\.io(?=\/|$)/, DOCKER_HUB);
}
