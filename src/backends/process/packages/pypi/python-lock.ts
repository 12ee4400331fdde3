import { createHash } from "node:crypto";
import { TerminalError } from "../../../../machinery/errors.ts";
import { normalPythonName, type PinnedPackage } from "../package-name.ts";

/** What uv has chosen, as it is kept: uv's own form says neither for what it was made nor with which Python. */
export interface PythonLock {
  /** In its normal form. */
  readonly pypi: string;
  /** The interpreter that the choice is for, as `3.11`: others get other dependencies. */
  readonly python: string;
  /** By their names. */
  readonly packages: readonly LockedPackage[];
}

interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** Of all its files, each `sha256:` and 64 hexadecimal digits, in their order. */
  readonly hashes: readonly string[];
}

const REQUIREMENT = /^([a-z0-9][a-z0-9-]*)==([0-9A-Za-z.!+]+)((?: --hash=sha256:[0-9a-f]{64})+)$/;
/** Comments, and options that repeat what the user's configuration says: that counts in any case. */
const ASIDE = /^(#|-i |--(index-url|extra-index-url|find-links|no-index|no-binary|only-binary)\b)/;
const PYTHON = /^\d{1,2}\.\d{1,3}$/;

/**
 * Pure. Reads what `uv pip compile --generate-hashes` wrote: names with one version and hashes. A line that says anything else
 * (a URL, a repository, a folder, a version without hashes) is something that can change.
 * @throws {TerminalError} `PackageNotPinned`, {Error} where the package itself is missing.
 */
export function readRequirements(text: string, { pypi, python }: Pick<PythonLock, "pypi" | "python">): PythonLock {
  const lines = text.replace(/\s*\\\r?\n\s*/g, " ").split(/\r?\n/);
  const requirements = lines.map((line) => line.trim()).filter((line) => line !== "" && !ASIDE.test(line));
  const packages = requirements.map((line) => readRequirement(line, pypi));
  packages.sort((a, b) => (a.name < b.name ? -1 : 1));
  if (!packages.some(({ name }) => name === pypi)) throw new Error(`uv has chosen no version of ${pypi}`);
  return { pypi, python, packages };
}

function readRequirement(line: string, pypi: string): LockedPackage {
  const [, name, version, hashes] = REQUIREMENT.exec(line) ?? [];
  if (name !== undefined && version !== undefined && hashes !== undefined) {
    return { name, version, hashes: hashes.trim().replaceAll("--hash=", "").split(" ").sort() };
  }
  const which = /^[A-Za-z0-9._-]+/.exec(line)?.[0].slice(0, 64) ?? "something";
  const message = `spec.source.package.pypi: ${pypi} needs ${which}, which comes from no index with a hash; Slipway installs nothing that can change`;
  throw new TerminalError("PackageNotPinned", message);
}

/** Pure. For `uv pip sync --require-hashes`. */
export function writeRequirements({ packages }: PythonLock): string {
  return packages
    .map(({ name, version, hashes }) =>
      [`${name}==${version}`, ...hashes.map((hash) => `--hash=${hash}`)].join(" \\\n    "),
    )
    .map((requirement) => `${requirement}\n`)
    .join("");
}

/**
 * Pure. The integrity is over the hashes of all files of the version, one of which is installed; the lock's digest over all of
 * them of all packages. The interpreter is the machine's, as Node is, and no part of it. @throws {Error} for what has no version.
 */
export function pinnedByLock({ pypi, packages }: PythonLock): PinnedPackage {
  const own = packages.find(({ name }) => name === pypi);
  if (!own) throw new Error(`the lock of ${pypi} does not have it`);
  const chosen = packages.map(({ name, version, hashes }) => [name, version, hashes]);
  return {
    ...{ registry: "pypi", name: pypi, version: own.version },
    integrity: digestOf(own.hashes.join("\n")),
    lock: digestOf(JSON.stringify(chosen)),
  };
}

/** Pure. Undefined for what is none. */
export function parsePythonLock(text: string): PythonLock | undefined {
  let lock: Partial<PythonLock>;
  try {
    lock = JSON.parse(text);
  } catch {
    // Not written whole, say; the remedy is another one.
    return undefined;
  }
  if (typeof lock !== "object" || lock === null) return undefined;
  const { pypi, python, packages } = lock;
  const isWhole =
    typeof pypi === "string" && typeof python === "string" && PYTHON.test(python) && Array.isArray(packages);
  if (!isWhole || normalPythonName(pypi) !== pypi || !packages.every(isLocked)) return undefined;
  return packages.some(({ name }) => name === pypi) ? { pypi, python, packages } : undefined;
}

/** What is kept is written into a file that uv reads: what it may say is checked again. */
function isLocked(value: unknown): value is LockedPackage {
  if (typeof value !== "object" || value === null) return false;
  const { name, version, hashes } = value as Partial<Record<keyof LockedPackage, unknown>>;
  if (!Array.isArray(hashes)) return false;
  return REQUIREMENT.test([`${name}==${version}`, ...hashes.map((hash) => `--hash=${hash}`)].join(" "));
}

function digestOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
