import { readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../machinery/clock.ts";
import { systemCode } from "../supervisor/system-error.ts";
import { exactLock, pinnedBy, pinnedByExact } from "./package-lock.ts";
import { type PackageRequest, type PinnedPackage, packageKey } from "./package-name.ts";

/** How many are kept that nobody uses: some 100 KiB each. */
const KEPT_UNUSED = 100;

const LOCK = /^([0-9a-f]{40})\.lock\.json$/;

/**
 * The locks in a folder, each under the key of what it pins. They stay when their package goes: what was pinned can be installed
 * again as it was, though its dependencies' ranges mean something else by then.
 */
export class PackageLocks {
  readonly #directory: string;
  readonly #clock: Clock;

  constructor({ directory, clock }: { readonly directory: string; readonly clock: Clock }) {
    this.#directory = directory;
    this.#clock = clock;
  }

  /** Where the lock of a package is; undefined when there is none, or it pins something else. */
  async find(pinned: PinnedPackage): Promise<string | undefined> {
    const key = packageKey(pinned);
    return (await this.#read(key)) === undefined ? undefined : this.#path(key);
  }

  /** What one version is pinned to; of several locks by that which was used last. */
  async findVersion({ name, version }: PackageRequest): Promise<PinnedPackage | undefined> {
    const found: { readonly pinned: PinnedPackage; readonly usedAt: number }[] = [];
    for (const { key, usedAt } of await this.#list()) {
      const pinned = await this.#read(key);
      if (pinned?.name === name && pinned.version === version) found.push({ pinned, usedAt });
    }
    return found.toSorted((a, b) => b.usedAt - a.usedAt)[0]?.pinned;
  }

  /** Keeps the package-lock.json that npm has written into `folder`. @throws as `pinnedBy`. */
  async keep(folder: string, name: string): Promise<PinnedPackage> {
    const lock: unknown = JSON.parse(await readFile(join(folder, "package-lock.json"), "utf8"));
    const pinned = pinnedBy(lock, name);
    const exact = join(folder, "exact.json");
    await writeFile(exact, JSON.stringify(exactLock(lock, name)));
    await rename(exact, this.#path(packageKey(pinned)));
    return pinned;
  }

  /** Notes that the locks of these keys are used now, and removes of the others those that were used longest ago. */
  async prune(used: ReadonlySet<string>): Promise<void> {
    const now = this.#clock.now();
    const locks = await this.#list();
    for (const { key } of locks) if (used.has(key)) await utimes(this.#path(key), now, now);
    const unused = locks.filter(({ key }) => !used.has(key)).toSorted((a, b) => b.usedAt - a.usedAt);
    for (const { key } of unused.slice(KEPT_UNUSED)) await rm(this.#path(key), { force: true });
  }

  async #list(): Promise<readonly { readonly key: string; readonly usedAt: number }[]> {
    const keys = (await readdir(this.#directory)).flatMap((file) => LOCK.exec(file)?.[1] ?? []);
    const found = await Promise.all(
      keys.map(async (key) => ({ key, usedAt: (await unlessMissing(stat(this.#path(key))))?.mtimeMs })),
    );
    return found.flatMap(({ key, usedAt }) => (usedAt === undefined ? [] : [{ key, usedAt }]));
  }

  async #read(key: string): Promise<PinnedPackage | undefined> {
    const text = await unlessMissing(readFile(this.#path(key), "utf8"));
    const pinned = text === undefined ? undefined : pinnedByExact(text);
    return pinned && packageKey(pinned) === key ? pinned : undefined;
  }

  #path(key: string): string {
    return join(this.#directory, `${key}.lock.json`);
  }
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
