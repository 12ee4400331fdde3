import { TransientError } from "../../../../machinery/errors.ts";
import type { Logger } from "../../../../machinery/logger.ts";
import { CommandFailed, runCommand } from "../../run-command.ts";
import { findProgram } from "../../supervisor/find-program.ts";
import { redactor } from "../redact.ts";
import { uvFailure } from "./uv-failure.ts";

export interface UvOptions {
  /** Slipway's own environment; of it uv gets what says how to reach the index, and which Python there is. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where uv keeps what it has fetched. */
  readonly cache: string;
  readonly logger: Logger;
}

/**
 * How the index is reached, and where interpreters are: by the user's uv.toml, variables, proxies and authorities. Nothing that
 * would have uv build, install elsewhere or trust its cache.
 */
const PASSED_ON = new RegExp(
  [
    "^(HOME|PATH|XDG_(CONFIG|DATA)_(HOME|DIRS)|(ALL|HTTPS?|NO)_PROXY|SSL_(CERT_(FILE|DIR)|CLIENT_CERT)|NETRC",
    "UV_(CONFIG_FILE|(DEFAULT_|EXTRA_)?INDEX(_URL|_STRATEGY)?|INDEX_[A-Z0-9_]+_(USERNAME|PASSWORD)|KEYRING_PROVIDER",
    "EXCLUDE_NEWER|INSECURE_HOST|NATIVE_TLS|SYSTEM_CERTS|HTTP_TIMEOUT|PYTHON_(PREFERENCE|INSTALL_DIR)))$",
  ].join("|"),
  "i",
);

const TIMEOUT_MS = 300_000;

/** Nothing but what a lock names is fetched: no interpreter either. */
const ALWAYS = ["--no-python-downloads", "--no-progress", "--color=never"];

/**
 * Runs uv in a folder, without a terminal and with a bound on its time. No project of a folder above is looked for where this
 * one has a uv.toml.
 * @throws {TerminalError} `PackageNotFound`, `PackageNotInstallable`, `PackageNotPinned`, {TransientError} `UvMissing`,
 * `PythonMissing`, `RegistryUnavailable`, `InstallFailed`.
 */
export async function uv(
  args: readonly string[],
  folder: string,
  { environment, cache, logger }: UvOptions,
  signal: AbortSignal,
): Promise<void> {
  const program = await findProgram("uv", { path: environment.PATH ?? "", directory: "/" });
  if (program === undefined) {
    const message =
      "spec.source.package.pypi: uv is not in Slipway's PATH; install it: https://docs.astral.sh/uv/getting-started/installation";
    throw new TransientError("UvMissing", message);
  }
  const passed = Object.entries(environment).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined && PASSED_ON.test(entry[0]);
  });
  // Its reports are read by their sentences.
  const env = { ...Object.fromEntries(passed), UV_NO_WRAP: "1" };
  try {
    await runCommand([program, ...args, ...ALWAYS, `--cache-dir=${cache}`], {
      ...{ cwd: folder, env, timeoutMs: TIMEOUT_MS, signal },
      redact: redactor(env),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CommandFailed)) throw error;
    // What it says is more than a condition may show.
    logger.warn("uv failed", { error });
    throw uvFailure(error);
  }
}
