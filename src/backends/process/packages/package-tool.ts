import type { PackageRegistry } from "../../backend.ts";
import type { PackageRequest, PinnedPackage } from "./package-name.ts";

/** What was chosen for a package and all that it depends on. */
export interface PackageLock {
  readonly pinned: PinnedPackage;
  /** JSON, from which the same is installed again. */
  readonly text: string;
}

/** What chooses and installs the packages of one registry. None of their own code runs. */
export interface PackageTool {
  /**
   * Chooses a package and all that it depends on, in an empty folder and without fetching what runs.
   * @throws {TerminalError} `PackageNotFound`, `PackageNotPinned`, `PackageNotInstallable`, {TransientError} as the tool fails.
   */
  lock(request: PackageRequest, folder: string, signal: AbortSignal): Promise<PackageLock>;
  /**
   * Installs into an empty folder what the lock says, each archive checked by its digest. The folder is renamed afterwards.
   * @throws as `lock`.
   */
  install(lock: PackageLock, folder: string, signal: AbortSignal): Promise<void>;
  /** Whether what the tree needs of the machine is still there. */
  isUsable(tree: string): Promise<boolean>;
  /** Program and first arguments. @throws {TerminalError} `NoProgram`, {TransientError} `PythonMissing`. */
  program(tree: string, pinned: PinnedPackage): Promise<readonly string[]>;
  /** Pure. What a lock of this tool pins; undefined for what is none, such as one that was not written whole. */
  pinnedBy(text: string): PinnedPackage | undefined;
}

export type PackageTools = Readonly<Record<PackageRegistry, PackageTool>>;
