import { text } from "./field.ts";

/**
 * The published pattern, in steps: its optional groups all match the same texts, so that a text which almost matches
 * would be tried in very many ways. Neither a registry port nor an upper-case letter in the repository passes.
 *
 * `^([a-z0-9][a-z0-9\-_.]+[a-z0-9]/)?([a-z0-9][a-z0-9\-_]+[a-z0-9]/)?[a-z0-9][a-z0-9\-_./]+[a-z0-9](:\w[\w.\-]{0,127})?(@sha256:[a-fA-F0-9]{64})?$`
 *
 * The last part of the path allows slashes and dots itself, so it matches whatever the two groups before it do.
 */
export function isImageReference(value: string): boolean {
  const { path, tag, digest } = splitImageReference(value);
  if (digest !== undefined && !/^sha256:[a-fA-F0-9]{64}$/.test(digest)) return false;
  if (tag !== undefined && !/^\w[\w.-]{0,127}$/.test(tag)) return false;
  return path.length >= 3 && /^[a-z0-9][-a-z0-9_./]+$/.test(path) && /[a-z0-9]$/.test(path);
}

export interface ImageReferenceParts {
  readonly path: string;
  readonly tag: string | undefined;
  readonly digest: string | undefined;
}

/** Splits at the first `@`, then at the first `:`. */
export function splitImageReference(value: string): ImageReferenceParts {
  const at = value.indexOf("@");
  const [named, digest] = at < 0 ? [value, undefined] : [value.slice(0, at), value.slice(at + 1)];
  const colon = named.indexOf(":");
  const [path, tag] = colon < 0 ? [named, undefined] : [named.slice(0, colon), named.slice(colon + 1)];
  return { path, tag, digest };
}

export const imageReference = text({
  min: 1,
  max: 256,
  matches: isImageReference,
  wants: "[REGISTRY/]REPOSITORY[:TAG][@sha256:DIGEST] in lower case, without a registry port",
});
