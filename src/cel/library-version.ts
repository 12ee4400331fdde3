import type { Environment } from "@marcbachmann/cel-js";
import { type Declarations, declare } from "./declarations.ts";

export class SemanticVersion {
  readonly numbers: readonly bigint[];
  readonly prerelease: readonly string[];

  constructor(numbers: readonly bigint[], prerelease: readonly string[]) {
    this.numbers = numbers;
    this.prerelease = prerelease;
  }
}

const FORM =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;

function parse(text: string): SemanticVersion | undefined {
  const match = text.length <= 256 ? FORM.exec(text) : null;
  if (match === null) return undefined;
  const [, major = "", minor = "", patch = "", prerelease] = match;
  return new SemanticVersion([BigInt(major), BigInt(minor), BigInt(patch)], prerelease?.split(".") ?? []);
}

function compare(a: SemanticVersion, b: SemanticVersion): bigint {
  for (const [index, number] of a.numbers.entries()) {
    const other = b.numbers[index] as bigint;
    if (number !== other) return number < other ? -1n : 1n;
  }
  return comparePrereleases(a.prerelease, b.prerelease);
}

/** A version without a prerelease comes after those with one; numbers come before words. */
function comparePrereleases(a: readonly string[], b: readonly string[]): bigint {
  if (a.length === 0 || b.length === 0) return BigInt(Number(a.length === 0) - Number(b.length === 0));
  for (const [index, part] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1n;
    if (part === other) continue;
    const [isNumber, otherIsNumber] = [/^\d+$/.test(part), /^\d+$/.test(other)];
    if (isNumber && otherIsNumber) return BigInt(part) < BigInt(other) ? -1n : 1n;
    if (isNumber !== otherIsNumber) return isNumber ? -1n : 1n;
    return part < other ? -1n : 1n;
  }
  return a.length < b.length ? -1n : 0n;
}

const FUNCTIONS: Declarations = {
  "isSemver(string): bool": (text: string) => parse(text) !== undefined,
  "semver(string): Semver": (text: string) => {
    const version = parse(text);
    if (version !== undefined) return version;
    throw new Error("No Major.Minor.Patch elements found");
  },
  "Semver.major(): int": ({ numbers }: SemanticVersion) => numbers[0],
  "Semver.minor(): int": ({ numbers }: SemanticVersion) => numbers[1],
  "Semver.patch(): int": ({ numbers }: SemanticVersion) => numbers[2],
  "Semver.compareTo(Semver): int": compare,
  "Semver.isGreaterThan(Semver): bool": (a: SemanticVersion, b: SemanticVersion) => compare(a, b) > 0n,
  "Semver.isLessThan(Semver): bool": (a: SemanticVersion, b: SemanticVersion) => compare(a, b) < 0n,
};

/** @see https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-semver-library */
export function registerVersions(environment: Environment): void {
  environment.registerType("Semver", SemanticVersion);
  environment.registerOperator("Semver == Semver", (a: SemanticVersion, b: SemanticVersion) => compare(a, b) === 0n);
  declare(environment, FUNCTIONS);
}
