import { coversImage } from "../api/image-prefix.ts";
import { imageName, isImageId, parseImageReference } from "../api/image-reference.ts";
import { visibleUrl } from "../api/visible-url.ts";
import { type ReviewedSpec, UNRESOLVED } from "../effective-spec/reviewed-spec.ts";
import { listing } from "../guardrails/listing.ts";

/**
 * Pure. Why an image is from elsewhere than `allowed`, which are registries or prefixes by whole path segments; undefined: it is
 * from there. What nobody can tell is from elsewhere: what is no reference, an image ID, pullPolicy Never (whoever can write to
 * the machine gives an image any name), and what is built from git: a push says where an image goes, not where it is from.
 */
export function outsideRegistries(
  allowed: readonly string[],
  { source, image }: Pick<ReviewedSpec, "source" | "image">,
): string | undefined {
  if (!source.image) return `${origin(source)} and comes from no registry of images`;
  const { reference, pullPolicy } = source.image;
  if (pullPolicy === "Never")
    return `with pullPolicy Never ${reference} is whatever has that name on the backend's machine`;
  // What is to be pulled, and what it was found to be: both must be from there.
  const names = image === UNRESOLVED ? [reference] : [reference, image];
  for (const name of names) {
    const problem = outside(allowed, name);
    if (problem) return problem;
  }
  return undefined;
}

function origin({ git, package: fromRegistry, process, remote }: ReviewedSpec["source"]): string {
  if (git) return `the image is built from ${git.url}`;
  if (fromRegistry) return `the server is the npm package ${fromRegistry.npm}`;
  if (process) return `the server is the program ${process.command}`;
  return `the server is run by others at ${remote ? visibleUrl(remote.url) : "an unknown place"}`;
}

function outside(allowed: readonly string[], reference: string): string | undefined {
  if (isImageId(reference)) return `${reference} is an image ID, which has no registry`;
  let name: string;
  try {
    name = imageName(parseImageReference(reference));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return error.message;
  }
  if (allowed.some((prefix) => coversImage(prefix, name))) return undefined;
  return `image ${name} is not from ${listing(allowed)}`;
}
