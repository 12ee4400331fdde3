import { readFileSync } from "node:fs";
import { chmod, copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PYTHON, requirePython } from "./python.ts";

/** A fault in the words of uv. */
export interface UvFault {
  /** The subcommand: `venv`, `pip compile` or `pip sync`. */
  readonly command: string;
  readonly stderr: string;
  readonly code: number;
}

/** A folder for PATH that has `uv`: the double of fake_uv.py. */
export class FakeUv {
  readonly #directory: string;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async install(directory: string): Promise<FakeUv> {
    requirePython();
    await mkdir(directory, { recursive: true });
    await chmod(directory, 0o755);
    await copyFile(join(import.meta.dirname, "fake_uv.py"), join(directory, "fake_uv.py"));
    await writeFile(join(directory, "uv"), `#!/bin/sh\nexec ${PYTHON} -B ${join(directory, "fake_uv.py")} "$@"\n`, {
      mode: 0o755,
    });
    return new FakeUv(directory);
  }

  /** With which it is found, and the machine's Python as the first. */
  get path(): string {
    return `${this.#directory}:/usr/bin:/bin`;
  }

  /** From now on, or until `undefined`. */
  async fail(fault: UvFault | undefined): Promise<void> {
    const file = join(this.#directory, "fault.json");
    if (fault) await writeFile(file, JSON.stringify(fault));
    else await rm(file, { force: true });
  }

  /** How it was run, first to last. */
  calls(): { readonly argv: readonly string[]; readonly environment: readonly string[] }[] {
    const lines = readFileSync(join(this.#directory, "calls.jsonl"), "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line));
  }
}
