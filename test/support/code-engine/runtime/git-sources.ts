import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../../run-program.ts";
import { requireTool } from "../../tool.ts";
import { BuildFailure, type BuildJob } from "../builds/build-job.ts";

export interface Checkout {
  readonly folder: string;
  readonly commit: string;
  readonly author: string;
}

/**
 * Clones what builds are made of. The API takes addresses of https and ssh alone: where one begins with a name that is known
 * here, its repository is at another address, for example of a server on loopback.
 */
export class GitSources {
  readonly #aliases: ReadonlyMap<string, string>;

  /** @param aliases by what addresses begin with: `https://git.example/`, `git@git.example:` */
  constructor(aliases: Readonly<Record<string, string>> = {}) {
    this.#aliases = new Map(Object.entries(aliases));
  }

  /** The caller removes the folder. @throws {BuildFailure} */
  async checkOut({ spec, sshKey, say, signal }: BuildJob): Promise<Checkout> {
    const { source_url: url = "", source_revision: revision } = spec;
    if (!url.startsWith("https:") && sshKey === undefined)
      throw new BuildFailure("missing_code_repo_access", `${url}: Permission denied (publickey)`);
    const folder = await mkdtemp(join(tmpdir(), "slipway-build-"));
    const program = requireTool("git", "git");
    const git = async (...args: string[]) =>
      await runProgram(program, args, { cwd: folder, env: ALONE, signal, say: say.source });
    try {
      await git("clone", "--quiet", "--no-checkout", this.#addressOf(url), ".");
    } catch (error) {
      throw new BuildFailure("missing_code_repo_access", `${url} cannot be cloned`, { cause: error });
    }
    try {
      const wanted = revision === undefined ? "HEAD" : await firstOf(git, [`origin/${revision}`, revision]);
      await git("checkout", "--quiet", "--detach", wanted);
      return { folder, commit: await git("rev-parse", "HEAD"), author: await git("log", "-1", "--format=%an") };
    } catch (error) {
      throw new BuildFailure("failed", `${url} has no ${revision}`, { cause: error });
    }
  }

  #addressOf(url: string): string {
    const known = [...this.#aliases].find(([prefix]) => url.startsWith(prefix));
    return known ? `${known[1]}${url.slice(known[0].length)}` : url;
  }
}

/** Nothing of the machine's own configuration takes part, and nobody is asked. */
const ALONE = { GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0", HOME: "/nonexistent" } as const;

type Git = (...args: string[]) => Promise<string>;

async function firstOf(git: Git, [name = "", ...others]: readonly string[]): Promise<string> {
  try {
    return await git("rev-parse", "--verify", "--quiet", `${name}^{commit}`);
  } catch (error) {
    if (others.length === 0) throw error;
    return await firstOf(git, others);
  }
}
