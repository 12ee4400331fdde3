/**
 * An absolute path without empty segments and final slash: `//data/` is `/data`.
 * @throws {RangeError} for a relative path, and for the segments `.` and `..`, with which it would be another than it looks.
 */
export function normalPath(path: string): string {
  const segments = path.split("/").filter((segment) => segment !== "");
  if (!path.startsWith("/") || segments.some((segment) => segment === "." || segment === ".."))
    throw new RangeError(`${path}: must begin with a slash and not contain the segments . and ..`);
  return `/${segments.join("/")}`;
}

/** Whether a normal path is `root` or lies below it, by whole segments: `/data/x` below `/data`, `/database` not. */
export function isAtOrBelow(path: string, root: string): boolean {
  return root === "/" || path === root || path.startsWith(`${root}/`);
}
