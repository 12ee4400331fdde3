const MAX_LENGTH = 256;

/** What Code Engine would not accept as a mount path, in words that follow the name of the field; or nothing. */
export function mountPathTrouble(path: string): string | undefined {
  if (path.length > MAX_LENGTH) return `has ${path.length} characters and may have ${MAX_LENGTH}`;
  if (!path.startsWith("/")) return "must begin with a slash";
  if (path === "/") return "must not be the root";
  if (path.includes("\0")) return "must not hold a NUL character";
  const segments = path.slice(1).split("/");
  if (segments.includes("")) return "must not hold two slashes in a row, or end with one";
  return segments.some((segment) => segment === "." || segment === "..") ? "must not hold . or .." : undefined;
}
