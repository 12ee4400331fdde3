import { createHash } from "node:crypto";
import { TerminalError } from "../../../machinery/errors.ts";
import type { PackageRegistry } from "../../backend.ts";

/** A package as it was asked for. */
export interface PackageRequest {
  readonly registry: PackageRegistry;
  /** Of npm with its scope. */
  readonly name: string;
  /** A version, a range of them, or a tag such as `latest`, which is the only one of pypi. */
  readonly version: string;
}

/** One version of a package with all that it depends on, whose content can no longer change. */
export interface PinnedPackage {
  readonly registry: PackageRegistry;
  readonly name: string;
  readonly version: string;
  /** The registry's digest of it, as of Subresource Integrity: `sha512-…`; of pypi `sha256-…` over those of its files. */
  readonly integrity: string;
  /** The digest of what its lock chooses for its dependencies' ranges: `sha256-…`. */
  readonly lock: string;
}

interface Naming {
  readonly name: RegExp;
  readonly range: RegExp;
  readonly exact: RegExp;
  /** For people. */
  readonly examples: string;
}

/** What names one version of PyPI, in its normal form or near it. */
const PYTHON_VERSION = String.raw`(\d+!)?\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[a-z0-9]+(\.[a-z0-9]+)*)?`;
const PYTHON_SPECIFIER = String.raw`(===?|~=|!=|<=?|>=?) *${PYTHON_VERSION}(\.\*)?`;

const NAMING: Readonly<Record<PackageRegistry, Naming>> = {
  npm: {
    // As of validate-npm-package-name: names that can be given today, and none that looks like an option.
    name: /^(?=.{1,214}$)(@[a-z0-9][a-z0-9._~-]*\/)?[a-z0-9][a-z0-9._~-]*$/,
    // No slash and no colon: neither a URL, nor a repository, a file or an alias.
    range: /^[-0-9A-Za-z.+*^~<>=| ]{1,128}$/,
    exact: /^\d+\.\d+\.\d+([-+][-+0-9A-Za-z.]+)?$/,
    examples: "version, range or tag: 1.2.3, ^1.2, latest",
  },
  pypi: {
    // PEP 508, without what may follow there: extras, a URL, an environment.
    name: /^(?=.{1,214}$)[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/,
    range: new RegExp(`^(?=.{1,128}$)(latest|${PYTHON_VERSION}|${PYTHON_SPECIFIER}( *, *${PYTHON_SPECIFIER})*)$`),
    exact: new RegExp(`^${PYTHON_VERSION}$`),
    examples: "version of PEP 440, specifiers of them, or latest: 1.2.3, >=1.2,<2, ~=1.2",
  },
};

const REFERENCE = /^(npm|pypi):(.+)@([^@]+)$/;
const PINNED = /^(.+)#(sha(?:256|384|512)-[A-Za-z0-9+/]+=*);lock=(sha256-[A-Za-z0-9+/]{43}=)$/;

/** Pure. @throws {TerminalError} `InvalidSpec`, naming the field. */
export function checkRequest({ registry, name, version }: PackageRequest): void {
  const refuse = (field: string, value: string, what: string) => {
    const shown = JSON.stringify(value.slice(0, 64));
    return new TerminalError("InvalidSpec", `spec.source.package.${field}: ${shown} is no ${what}`);
  };
  const naming = NAMING[registry];
  if (!naming.name.test(name)) throw refuse(registry, name, `name of a package of ${registry}`);
  if (!naming.range.test(version)) throw refuse("version", version, naming.examples);
}

/** Pure. Whether it names one version alone. */
export function isExact({ registry, version }: Pick<PackageRequest, "registry" | "version">): boolean {
  return NAMING[registry].exact.test(version);
}

/** Pure. What a backend is asked for: `npm:NAME@RANGE`; undefined for what is no package. */
export function parseRequest(reference: string): PackageRequest | undefined {
  const [, registry, name, version] = REFERENCE.exec(reference) ?? [];
  if (name === undefined || version === undefined) return undefined;
  return registry === "npm" ? { registry, name, version } : { registry: "pypi", name: normalPythonName(name), version };
}

/** Pure. PyPI's form of a name (PEP 503), under which all its spellings are one package. */
export function normalPythonName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** Pure. As the status shows it, and `parsePinned` reads it. */
export function formatPinned({ registry, name, version, integrity, lock }: PinnedPackage): string {
  return `${registry}:${name}@${version}#${integrity};lock=${lock}`;
}

/** Pure. Undefined when it is none. */
export function parsePinned(text: string): PinnedPackage | undefined {
  const [, reference = "", integrity = "", lock = ""] = PINNED.exec(text) ?? [];
  const found = parseRequest(reference);
  return found && NAMING[found.registry].name.test(found.name) && isExact(found)
    ? { ...found, integrity, lock }
    : undefined;
}

/** Pure. Names its folder: equal for equal content. */
export function packageKey(pinned: PinnedPackage): string {
  return createHash("sha256").update(formatPinned(pinned)).digest("hex").slice(0, 40);
}
