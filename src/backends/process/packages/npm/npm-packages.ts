import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PackageRequest, PinnedPackage } from "../package-name.ts";
import type { PackageLock, PackageTool } from "../package-tool.ts";
import { type NpmOptions, npm } from "./npm.ts";
import { exactLock, pinnedBy, pinnedByExact } from "./package-lock.ts";
import { packageProgram } from "./package-program.ts";

/** Packages of npm, by npm: it chooses the whole tree, and installs by that choice alone. */
export class NpmPackages implements PackageTool {
  readonly #options: NpmOptions;

  constructor(options: NpmOptions) {
    this.#options = options;
  }

  async lock(request: PackageRequest, folder: string, signal: AbortSignal): Promise<PackageLock> {
    await writeManifest(folder, request);
    await npm(["install", "--package-lock-only", "--omit=dev"], folder, this.#options, signal);
    const lock: unknown = JSON.parse(await readFile(join(folder, LOCK), "utf8"));
    const pinned = pinnedBy(lock, request.name);
    return { pinned, text: JSON.stringify(exactLock(lock, request.name)) };
  }

  async install({ pinned, text }: PackageLock, folder: string, signal: AbortSignal): Promise<void> {
    await writeManifest(folder, pinned);
    await writeFile(join(folder, LOCK), text);
    // `ci` keeps to the lock, and checks each archive by its integrity.
    await npm(["ci", "--omit=dev"], folder, this.#options, signal);
  }

  /** The Node that runs it is Slipway's. */
  async isUsable(): Promise<boolean> {
    return true;
  }

  async program(tree: string, { name }: PinnedPackage): Promise<readonly string[]> {
    return await packageProgram(join(tree, "node_modules", name), { node: this.#options.node });
  }

  pinnedBy(text: string): PinnedPackage | undefined {
    return pinnedByExact(text);
  }
}

const LOCK = "package-lock.json";

async function writeManifest(
  folder: string,
  { name, version }: Pick<PackageRequest, "name" | "version">,
): Promise<void> {
  const manifest = { name: "slipway-package", version: "0.0.0", private: true, dependencies: { [name]: version } };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
}
