import { TerminalError, TransientError } from "../../../../machinery/errors.ts";
import type { CommandFailed } from "../../run-command.ts";

interface Failure {
  /** In what uv writes on one line, without what it draws. */
  readonly says: RegExp;
  readonly error: (found: RegExpExecArray, cause: ErrorOptions) => TerminalError | TransientError;
}

const terminal = (reason: string, message: (name: string) => string): Failure["error"] => {
  return (found, cause) => new TerminalError(reason, `spec.source.package.${message(nameIn(found))}`, cause);
};
const transient = (reason: string, message: string): Failure["error"] => {
  return (_, cause) => new TransientError(reason, message, cause);
};

/** A package and, where uv tells it, which version. Nothing else of its text reaches a message: it may quote an address. */
const NAME = String.raw`([A-Za-z0-9][A-Za-z0-9._-]{0,213})(?:\{[^}]*\})?(==[0-9A-Za-z.!+]{1,64})?`;

/**
 * uv has no codes but its exit's, which is 1 where nothing fits and 2 for all else, so its words are read. They are those of the
 * snapshots in its tests; the first that is found counts.
 */
const FAILURES: readonly Failure[] = [
  {
    says: /unexpected argument '(--?[a-z-]+)'|unrecognized subcommand/,
    error: transient(
      "UvMissing",
      "uv is too old for Slipway: it does not know all options that it is run with; update it",
    ),
  },
  {
    says: /No interpreter found/,
    error: transient(
      "PythonMissing",
      "spec.source.package.pypi: uv finds no Python that fits on Slipway's machine, and Slipway fetches none; install one (apt-get install python3, or uv python install)",
    ),
  },
  {
    says: /lack of valid authentication credentials|HTTP status client error \((?:401|403|407)/,
    error: transient(
      "RegistryUnavailable",
      "the index of packages wants other credentials; give uv those, in uv.toml or UV_INDEX_URL",
    ),
  },
  {
    says: /Failed to fetch|error sending request|Request failed after|Could not connect|dns error|operation timed out/i,
    error: transient("RegistryUnavailable", "the index of packages does not answer"),
  },
  {
    says: new RegExp(`Hash mismatch for \`${NAME}`),
    error: terminal("PackageNotPinned", (name) => `pypi: an archive of ${name} has another content than was pinned`),
  },
  {
    says: /URL dependencies must be expressed|included as a URL dependency/,
    error: terminal(
      "PackageNotPinned",
      () => "pypi: it depends on something by a URL; Slipway installs from indexes only",
    ),
  },
  {
    says: new RegExp(`(?:Because|And because) (?:all versions of )?${NAME}\\S* (?:has|have) no wheels with a matching`),
    error: terminal("PackageNotInstallable", (name) => `pypi: ${name} has no wheel for this machine and its Python`),
  },
  {
    says: new RegExp(`(?:Because|because|only) (?:all versions of )?${NAME}\\S* (?:has|have) no usable wheels`),
    error: terminal("PackageNotInstallable", notBuilt),
  },
  {
    says: new RegExp(`Wheels are required for \`${NAME}\``),
    error: terminal("PackageNotInstallable", notBuilt),
  },
  {
    says: new RegExp(`${NAME} was not found in the package registry`),
    error: terminal("PackageNotFound", (name) => `pypi: the index has no package ${name}`),
  },
  {
    says: /the current Python version \([0-9.]+\) does not satisfy Python ?([<>=!~0-9., ]+)/,
    error: transient(
      "PythonMissing",
      "spec.source.package.pypi: it runs with none of Slipway's Pythons; install one that it takes",
    ),
  },
  {
    says: new RegExp(
      `there (?:is|are) no versions? of ${NAME}|only (?:the following versions of )?${NAME}\\S* (?:is|are) available`,
    ),
    error: terminal("PackageNotFound", (name) => `version: the index has no such version of ${name}`),
  },
  {
    says: /No solution found/,
    error: terminal(
      "PackageNotInstallable",
      () => "pypi: what it depends on does not fit together; Slipway's log has what uv says",
    ),
  },
];

function notBuilt(name: string): string {
  return `pypi: ${name} has no wheel, and building it would run its code; Slipway installs wheels only`;
}

/** The first group that NAME has made. */
function nameIn(found: RegExpExecArray): string {
  const at = found.findIndex((group, index) => index > 0 && group !== undefined);
  return at < 0 ? "it" : `${found[at]}${found[at + 1] ?? ""}`;
}

/** Pure. What a failure of uv means. */
export function uvFailure(failed: CommandFailed): TerminalError | TransientError {
  // It wraps lines, and draws a tree beside them.
  const said = failed.output.replace(/[\s│├╰─▶×]+/g, " ");
  const cause = { cause: failed };
  for (const { says, error } of FAILURES) {
    const found = says.exec(said);
    if (found) return error(found, cause);
  }
  return new TransientError("InstallFailed", "uv failed; Slipway's log has what it wrote", cause);
}
