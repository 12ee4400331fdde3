import { randomBytes } from "node:crypto";
import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../machinery/clock.ts";
import { TerminalError } from "../../../machinery/errors.ts";
import { systemCode } from "../supervisor/system-error.ts";
import { type NpmOptions, npm } from "./npm.ts";
import { PackageLocks } from "./package-locks.ts";
import { checkRequest, isExact, type PackageRequest, type PinnedPackage, packageKey } from "./package-name.ts";
import { packageProgram } from "./package-program.ts";
import { openToReaders, treeDigest } from "./tree-digest.ts";

export interface PackageCacheOptions extends NpmOptions {
  /** Every user may read below it, none but us write. */
  readonly directory: string;
  readonly clock: Clock;
}

/** How long an install that was found whole is taken to be. */
const VERIFIED_MS = 60_000;

/**
 * Packages of npm, each installed once for all that run it with the same dependencies. For each there is a lock, which pins the
 * whole tree, a tree, and the digest of that. One program at a time has the directory.
 */
export class PackageCache implements Disposable {
  readonly #options: PackageCacheOptions;
  readonly #locks: PackageLocks;
  readonly #installs = new Map<string, Promise<string>>();
  readonly #verified = new Map<string, number>();
  readonly #lifetime = new AbortController();

  private constructor(options: PackageCacheOptions) {
    this.#options = options;
    this.#locks = new PackageLocks(options);
  }

  /** Removes what an earlier program has broken off. */
  static async open(options: PackageCacheOptions): Promise<PackageCache> {
    const { directory } = options;
    await mkdir(directory, { recursive: true, mode: 0o755 });
    await chmod(directory, 0o755);
    for (const name of await readdir(directory)) {
      if (name.startsWith(UNFINISHED)) await rm(join(directory, name), { recursive: true });
    }
    return new PackageCache(options);
  }

  /**
   * The version that npm would install, with its dependencies. Where one version is named that was resolved before, nobody is
   * asked, and its dependencies are those of then.
   * @throws {TerminalError} `InvalidSpec`, `PackageNotFound`, `PackageNotPinned`, {TransientError} when the registry does not answer.
   */
  async resolve(request: PackageRequest, signal: AbortSignal): Promise<PinnedPackage> {
    checkRequest(request);
    return (
      (isExact(request.version) ? await this.#locks.findVersion(request) : undefined) ??
      (await this.#lock(request, signal))
    );
  }

  /**
   * Installs it where it is not there or no longer what was installed, once for all that ask, and answers program and first
   * arguments. A broken install is replaced; what runs from it keeps its files until it ends.
   * @throws {TerminalError} `NoProgram`; `PackageNotPinned` where the registry has other content under this version than it had,
   * or no lock is kept and the dependencies' ranges mean others by now; {TransientError} when npm fails.
   */
  async ensure(pinned: PinnedPackage, signal: AbortSignal): Promise<readonly string[]> {
    const key = packageKey(pinned);
    const installing = this.#installs.get(key) ?? this.#begin(pinned, key);
    const tree = await unlessAborted(installing, signal);
    return await packageProgram(join(tree, "node_modules", pinned.name), { node: this.#options.node });
  }

  /** Removes installs that nobody uses; of their locks those that were used last stay. What is being installed stays. */
  async prune(used: readonly PinnedPackage[]): Promise<void> {
    const kept = new Set([...used.map(packageKey), ...this.#installs.keys()]);
    for (const file of await readdir(this.#options.directory)) {
      const key = /^[0-9a-f]{40}(?=\.(tree|digest)$)/.exec(file)?.[0];
      if (key === undefined || kept.has(key)) continue;
      this.#verified.delete(key);
      if (file.endsWith(".tree")) await this.#remove(join(this.#options.directory, file));
      else await rm(join(this.#options.directory, file), { force: true });
    }
    await this.#locks.prune(kept);
  }

  /** Gives up what is under way. */
  [Symbol.dispose](): void {
    this.#lifetime.abort();
  }

  /** Goes on when who began it no longer waits: others may. */
  #begin(pinned: PinnedPackage, key: string): Promise<string> {
    const installing = this.#install(pinned, key, this.#lifetime.signal);
    this.#installs.set(key, installing);
    const forget = () => this.#installs.delete(key);
    installing.then(forget, forget);
    return installing;
  }

  async #install(pinned: PinnedPackage, key: string, signal: AbortSignal): Promise<string> {
    const tree = this.#path(key, "tree");
    if (await this.#isWhole(key, tree, signal)) return tree;
    const lock = (await this.#locks.find(pinned)) ?? (await this.#lockAgain(pinned, signal));
    const folder = await this.#unfinished();
    try {
      await writeManifest(folder, pinned);
      await copyFile(lock, join(folder, "package-lock.json"));
      // `ci` keeps to the lock, and checks each archive by its integrity.
      await npm(["ci", "--omit=dev"], folder, this.#options, signal);
      await openToReaders(folder, signal);
      const digest = await treeDigest(folder, signal);
      await this.#remove(tree);
      await writeFile(this.#path(key, "digest"), digest);
      await rename(folder, tree);
      this.#verified.set(key, this.#options.clock.monotonicMs());
      return tree;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async #isWhole(key: string, tree: string, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#options;
    if (clock.monotonicMs() - (this.#verified.get(key) ?? Number.NEGATIVE_INFINITY) < VERIFIED_MS) return true;
    const digest = await textOf(this.#path(key, "digest"));
    if (digest === undefined) return false;
    try {
      if ((await treeDigest(tree, signal)) !== digest) return false;
    } catch (error) {
      if (systemCode(error) === "ENOENT") return false;
      throw error;
    }
    this.#verified.set(key, clock.monotonicMs());
    return true;
  }

  /** Lets npm choose the whole tree, without fetching it, and keeps that choice. */
  async #lock({ name, version }: PackageRequest, signal: AbortSignal): Promise<PinnedPackage> {
    const folder = await this.#unfinished();
    try {
      await writeManifest(folder, { name, version });
      await npm(["install", "--package-lock-only", "--omit=dev"], folder, this.#options, signal);
      return await this.#locks.keep(folder, name);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** For a package whose lock is gone: npm may still choose the same. */
  async #lockAgain(pinned: PinnedPackage, signal: AbortSignal): Promise<string> {
    const { integrity } = await this.#lock(pinned, signal);
    const lock = await this.#locks.find(pinned);
    if (lock !== undefined) return lock;
    const which = `${pinned.name}@${pinned.version}`;
    const message =
      integrity === pinned.integrity
        ? `spec.source.package: ${which} would get other dependencies than were pinned; to take those of today edit the deployment, for instance spec.source.package.version`
        : `spec.source.package: the registry has another content for ${which} than before`;
    throw new TerminalError("PackageNotPinned", message);
  }

  async #remove(tree: string): Promise<void> {
    const gone = this.#newName();
    try {
      await rename(tree, gone);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
    await rm(gone, { recursive: true, force: true });
  }

  async #unfinished(): Promise<string> {
    const folder = this.#newName();
    await mkdir(folder, { mode: 0o700 });
    return folder;
  }

  #newName(): string {
    return join(this.#options.directory, `${UNFINISHED}${randomBytes(8).toString("hex")}`);
  }

  #path(key: string, what: "tree" | "digest"): string {
    return join(this.#options.directory, `${key}.${what}`);
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

const UNFINISHED = "unfinished-";

async function writeManifest(folder: string, { name, version }: PackageRequest): Promise<void> {
  const manifest = { name: "slipway-package", version: "0.0.0", private: true, dependencies: { [name]: version } };
  await writeFile(join(folder, "package.json"), JSON.stringify(manifest));
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
