import { createHash } from "node:crypto";
import { TerminalError } from "../../../machinery/errors.ts";

/** A package as it was asked for. */
export interface PackageRequest {
  /** Of npm, with its scope. */
  readonly name: string;
  /** A version, a range of them, or a tag such as `latest`. */
  readonly version: string;
}

/** One version of a package with all that it depends on, whose content can no longer change. */
export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** The registry's digest of it, as of Subresource Integrity: `sha512-…`. */
  readonly integrity: string;
  /** The digest of what its lock chooses for its dependencies' ranges: `sha256-…`. */
  readonly lock: string;
}

/** @see https://github.com/npm/validate-npm-package-name: names that can be given today, and none that looks like an option. */
const NAME = /^(?=.{1,214}$)(@[a-z0-9][a-z0-9._~-]*\/)?[a-z0-9][a-z0-9._~-]*$/;
/** No slash and no colon: neither a URL, nor a repository, a file or an alias. */
const RANGE = /^[-0-9A-Za-z.+*^~<>=| ]{1,128}$/;
const EXACT = /^\d+\.\d+\.\d+([-+][-+0-9A-Za-z.]+)?$/;
const PINNED = /^npm:(.+)@([^@#]+)#(sha(?:256|384|512)-[A-Za-z0-9+/]+=*);lock=(sha256-[A-Za-z0-9+/]{43}=)$/;

/** Pure. @throws {TerminalError} `InvalidSpec`, naming the field. */
export function checkRequest({ name, version }: PackageRequest): void {
  const refuse = (field: string, value: string, what: string) => {
    const shown = JSON.stringify(value.slice(0, 64));
    return new TerminalError("InvalidSpec", `spec.source.package.${field}: ${shown} is no ${what}`);
  };
  if (!NAME.test(name)) throw refuse("npm", name, "name of an npm package");
  if (!RANGE.test(version)) throw refuse("version", version, "version, range or tag: 1.2.3, ^1.2, latest");
}

/** Pure. Whether it names one version alone. */
export function isExact(version: string): boolean {
  return EXACT.test(version);
}

/** Pure. As the status shows it, and `parsePinned` reads it. */
export function formatPinned({ name, version, integrity, lock }: PinnedPackage): string {
  return `npm:${name}@${version}#${integrity};lock=${lock}`;
}

/** Pure. Undefined when it is none. */
export function parsePinned(text: string): PinnedPackage | undefined {
  const [, name = "", version = "", integrity = "", lock = ""] = PINNED.exec(text) ?? [];
  return NAME.test(name) && isExact(version) ? { name, version, integrity, lock } : undefined;
}

/** Pure. Names its folder: equal for equal content. */
export function packageKey(pinned: PinnedPackage): string {
  return createHash("sha256").update(formatPinned(pinned)).digest("hex").slice(0, 40);
}
