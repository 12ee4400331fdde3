import { access, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TerminalError, TransientError } from "../../../../machinery/errors.ts";
import { normalPythonName, type PackageRequest, type PinnedPackage } from "../package-name.ts";
import type { PackageLock, PackageTool } from "../package-tool.ts";
import { parsePythonLock, pinnedByLock, readRequirements, writeRequirements } from "./python-lock.ts";
import { isPythonScript, pythonScript } from "./python-program.ts";
import { type UvOptions, uv } from "./uv.ts";

export interface PythonPackagesOptions extends UvOptions {
  /** Whether what runs is of other users, who must reach the interpreter. */
  readonly ownUsers: boolean;
}

/** The virtual environment of a tree. */
const ENVIRONMENT = "venv";
const PYTHON = join(ENVIRONMENT, "bin", "python");

/** What a server may be written for, at least: Python 3.9 is the oldest that any release of uv still takes for granted. */
const ANY_PYTHON = ">=3.9";

/**
 * Packages of PyPI, by uv: it chooses the whole tree for the Python that it finds, and installs by that choice alone. Of wheels
 * only, whose installation is to unpack them: a package that has to be built would run its code as Slipway's user. For the same
 * reason the tree's interpreter is not started once something is in it: files of a package (`*.pth`) run with it.
 */
export class PythonPackages implements PackageTool {
  readonly #options: PythonPackagesOptions;

  constructor(options: PythonPackagesOptions) {
    this.#options = options;
  }

  async lock(request: PackageRequest, folder: string, signal: AbortSignal): Promise<PackageLock> {
    const pypi = normalPythonName(request.name);
    await this.#makeEnvironment(folder, this.#options.environment.UV_PYTHON ?? ANY_PYTHON, signal);
    const python = await pythonVersion(folder);
    await writeFile(join(folder, "requirements.in"), `${pypi}${specifier(request)}\n`);
    const compile = ["pip", "compile", "requirements.in", "--output-file=requirements.txt", `--python=${PYTHON}`];
    const form = ["--generate-hashes", "--no-header", "--no-annotate", "--only-binary=:all:"];
    // What a range means now, not what the index said minutes ago.
    await uv([...compile, ...form, "--refresh"], folder, this.#options, signal);
    const lock = readRequirements(await readFile(join(folder, "requirements.txt"), "utf8"), { pypi, python });
    return { pinned: pinnedByLock(lock), text: JSON.stringify(lock) };
  }

  async install({ text }: PackageLock, folder: string, signal: AbortSignal): Promise<void> {
    const lock = parsePythonLock(text);
    if (!lock) throw new TerminalError("PackageNotPinned", "spec.source.package.pypi: its lock is none");
    await this.#makeEnvironment(folder, lock.python, signal);
    await writeFile(join(folder, "requirements.txt"), writeRequirements(lock));
    const sync = ["pip", "sync", "requirements.txt", "--require-hashes", "--only-binary=:all:", `--python=${PYTHON}`];
    // A copy is not changed with the cache, nor the cache with it; and to compile would start the tree's interpreter.
    await uv([...sync, "--link-mode=copy", "--no-compile-bytecode"], folder, this.#options, signal);
  }

  async isUsable(tree: string): Promise<boolean> {
    try {
      await access(join(tree, PYTHON));
      return true;
    } catch {
      // Its interpreter was removed, or replaced by a newer one.
      return false;
    }
  }

  async program(tree: string, pinned: PinnedPackage): Promise<readonly string[]> {
    const script = await pythonScript(join(tree, ENVIRONMENT), pinned);
    if (!(await isPythonScript(script))) return [script];
    const python = join(tree, PYTHON);
    if (this.#options.ownUsers) await checkReachable(python);
    // By its interpreter: the script was written where the tree was made. Without -B it would write into the tree, if it could.
    return [python, "-B", script];
  }

  pinnedBy(text: string): PinnedPackage | undefined {
    const lock = parsePythonLock(text);
    return lock && pinnedByLock(lock);
  }

  /** Beside it a uv.toml that says nothing, with which uv looks for no project in folders above. */
  async #makeEnvironment(folder: string, python: string, signal: AbortSignal): Promise<void> {
    await writeFile(join(folder, "uv.toml"), "");
    const make = ["venv", ENVIRONMENT, "--relocatable", "--no-project", `--python=${python}`];
    await uv(make, folder, this.#options, signal);
  }
}

/** Pure. As of PEP 440. */
function specifier({ version }: PackageRequest): string {
  if (version === "latest") return "";
  return /^\d/.test(version) ? `==${version}` : version;
}

/** As `3.11`, without starting it. @throws {Error} where the environment does not say. */
async function pythonVersion(folder: string): Promise<string> {
  const config = await readFile(join(folder, ENVIRONMENT, "pyvenv.cfg"), "utf8");
  const version = /^version(?:_info)? *= *(\d+\.\d+)/m.exec(config)?.[1];
  if (version === undefined) throw new Error("uv's pyvenv.cfg does not say the version of Python");
  return version;
}

/** @throws {TransientError} `PythonMissing` where other users may not pass to it. */
async function checkReachable(python: string): Promise<void> {
  const file = await realpath(python);
  for (let path = file; ; path = dirname(path)) {
    if (((await stat(path)).mode & 0o001) === 0) {
      const message = `spec.source.package.pypi: servers run as users of their own, to whom ${path} is closed, and Python is ${file}; install one for all users (apt-get install python3, or uv python install with UV_PYTHON_INSTALL_DIR=/opt/python, which Slipway must have, too)`;
      throw new TransientError("PythonMissing", message);
    }
    if (path === dirname(path)) return;
  }
}
