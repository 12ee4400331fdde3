import { createHash } from "node:crypto";
import { TerminalError } from "../../../machinery/errors.ts";
import type { PinnedPackage } from "./package-name.ts";

/**
 * Pure. What a package-lock.json (version 3) pins for one package. Everything in it has to come from a registry over HTTPS
 * and have an integrity: a dependency out of a git repository, a file or a plain URL is somebody's who can change it.
 * @throws {TerminalError} `PackageNotPinned`, {Error} for what is no lock.
 */
export function pinnedBy(lock: unknown, name: string): PinnedPackage {
  const packages = isObject(lock) && lock.lockfileVersion === 3 && isObject(lock.packages) ? lock.packages : undefined;
  if (!packages) throw new Error("npm wrote no package-lock.json of version 3; npm 7 or later is needed");
  for (const [path, entry] of Object.entries(packages)) {
    if (path === "" || isPinned(entry)) continue;
    const message = `spec.source.package: ${name} needs ${path.replace(/^.*node_modules\//, "")}, which comes from no registry with an integrity; Slipway installs nothing that can change`;
    throw new TerminalError("PackageNotPinned", message);
  }
  const own = packages[`node_modules/${name}`];
  if (isObject(own) && typeof own.version === "string" && typeof own.integrity === "string") {
    return { name, version: own.version, integrity: own.integrity, lock: digestOf(packages) };
  }
  throw new Error(`npm's package-lock.json does not have ${name}`);
}

/**
 * Pure. A lock that was made for a range or a tag, as one for the version that was chosen: `npm ci` wants it to fit the manifest.
 * @throws as `pinnedBy`.
 */
export function exactLock(lock: unknown, name: string): unknown {
  const { version } = pinnedBy(lock, name);
  const { packages, ...rest } = lock as { packages: Record<string, object> };
  return { ...rest, packages: { ...packages, "": { ...packages[""], dependencies: { [name]: version } } } };
}

/** Pure. What a lock pins that `exactLock` answered; undefined for what is none, such as one that was not written whole. */
export function pinnedByExact(text: string): PinnedPackage | undefined {
  try {
    const lock = JSON.parse(text);
    const [name = ""] = Object.keys(lock.packages[""].dependencies);
    return pinnedBy(lock, name);
  } catch {
    // Whatever is wrong with it, the remedy is another one.
    return undefined;
  }
}

/**
 * What is installed where, and nothing beyond: what npm adds about a package changes (`deprecated`) or depends on npm's
 * release, and where it is fetched from does not matter to who checks its integrity.
 */
function digestOf(packages: Readonly<Record<string, unknown>>): string {
  const chosen = Object.entries(packages).flatMap(([path, entry]) =>
    path === "" || !isObject(entry) ? [] : [[path, entry.version ?? null, entry.integrity ?? null]],
  );
  chosen.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1));
  return `sha256-${createHash("sha256").update(JSON.stringify(chosen)).digest("base64")}`;
}

function isPinned(entry: unknown): boolean {
  if (!isObject(entry) || entry.link === true) return false;
  // What is bundled in another package is pinned with that.
  if (entry.inBundle === true) return true;
  // Under `omit-lockfile-registry-resolved` of .npmrc npm leaves `resolved` out where it is the registry's.
  const isRegistrys = entry.resolved === undefined || String(entry.resolved).startsWith("https://");
  return isRegistrys && typeof entry.integrity === "string" && /^sha(256|384|512)-/.test(entry.integrity);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
