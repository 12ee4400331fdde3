/** They would move a cursor, colour, reverse or break the line that names the path. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * An absolute path without empty segments and final slash: `//data/` is `/data`.
 * @throws {RangeError} for a relative path, and for the segments `.` and `..`, with which it would be another than it looks.
 * Characters that do not print are refused, too, and not repeated.
 */
export function normalPath(path: string): string {
  if (UNPRINTABLE.test(path)) throw new RangeError("must not contain control or formatting characters");
  const segments = path.split("/").filter((segment) => segment !== "");
  if (!path.startsWith("/") || segments.some((segment) => segment === "." || segment === ".."))
    throw new RangeError(`${path}: must begin with a slash and not contain the segments . and ..`);
  return `/${segments.join("/")}`;
}

/** Whether a normal path is `root` or lies below it, by whole segments: `/data/x` below `/data`, `/database` not. */
export function isAtOrBelow(path: string, root: string): boolean {
  return root === "/" || path === root || path.startsWith(`${root}/`);
}
