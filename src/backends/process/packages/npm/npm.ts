import { realpath } from "node:fs/promises";
import { TerminalError, TransientError } from "../../../../machinery/errors.ts";
import type { Logger } from "../../../../machinery/logger.ts";
import { CommandFailed, runCommand } from "../../run-command.ts";
import { findProgram } from "../../supervisor/find-program.ts";
import { redactor } from "../redact.ts";

export interface NpmOptions {
  /** Slipway's own environment; of it npm gets what says how to reach the registry. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Where npm keeps what it has fetched. */
  readonly cache: string;
  /** The Node that runs it. */
  readonly node: string;
  readonly logger: Logger;
}

/** How the registry is reached: by the user's .npmrc, proxies, and authorities of their own. */
const PASSED_ON =
  /^(HOME|PATH|(HTTPS?|NO)_PROXY|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|npm_config_(registry|proxy|https_proxy|noproxy|cafile|userconfig))$/i;

const TIMEOUT_MS = 300_000;

/**
 * No script of a package runs, and nothing is fetched that is no registry's; of what npm writes only errors matter.
 * An npm that does not know one of them passes over it.
 */
const ALWAYS = [
  "--ignore-scripts",
  "--allow-git=none",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  "--loglevel=error",
  // Its own waits are of minutes; who asks here comes again.
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=2000",
  "--fetch-timeout=60000",
];

/**
 * Runs npm in a folder, without a terminal and with a bound on its time.
 * @throws {TerminalError} `PackageNotFound`, {TransientError} `NpmMissing`, `RegistryUnavailable`, `InstallFailed`.
 */
export async function npm(
  args: readonly string[],
  folder: string,
  { environment, cache, node, logger }: NpmOptions,
  signal: AbortSignal,
): Promise<void> {
  const program = await findProgram("npm", { path: environment.PATH ?? "", directory: "/" });
  if (program === undefined) {
    throw new TransientError("NpmMissing", "npm is not in Slipway's PATH; install it: it comes with Node");
  }
  const script = await realpath(program);
  // Its first line asks for any node of PATH.
  const command = script.endsWith(".js") ? [node, script] : [program];
  const passed = Object.entries(environment).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined && PASSED_ON.test(entry[0]);
  });
  const env = Object.fromEntries(passed);
  try {
    await runCommand([...command, ...args, ...ALWAYS, `--cache=${cache}`], {
      ...{ cwd: folder, env, timeoutMs: TIMEOUT_MS, signal },
      redact: redactor(env),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CommandFailed)) throw error;
    // What it says is more than a condition may show.
    logger.warn("npm failed", { error });
    throw failureOf(error);
  }
}

const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|FETCH_ERROR|E5\d\d)\b/;

/** npm writes its error's code first: `npm error code E404`. What it says beyond may quote credentials of an address. */
function failureOf(error: CommandFailed): TerminalError | TransientError {
  const code = /^npm error code (\w+)$/m.exec(error.output)?.[1] ?? "";
  const cause = { cause: error };
  if (code === "E404" || code === "ETARGET") {
    const what =
      code === "E404" ? "the registry has no package of this name" : "the registry has no such version of it";
    return new TerminalError("PackageNotFound", `spec.source.package: ${what}`, cause);
  }
  if (code === "EALLOWGIT") {
    const message =
      "spec.source.package: one of its dependencies is a git repository; Slipway installs from registries only";
    return new TerminalError("PackageNotPinned", message, cause);
  }
  if (UNREACHABLE.test(code)) {
    return new TransientError("RegistryUnavailable", `the npm registry does not answer (${code})`, cause);
  }
  return new TransientError(
    "InstallFailed",
    `npm failed${code ? ` with ${code}` : ""}; Slipway's log has what it wrote`,
    cause,
  );
}
