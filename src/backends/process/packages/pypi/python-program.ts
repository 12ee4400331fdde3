import { open, readdir, readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { TerminalError } from "../../../../machinery/errors.ts";
import { systemCode } from "../../supervisor/system-error.ts";
import { normalPythonName, type PinnedPackage } from "../package-name.ts";

/**
 * The file of the program that a package has in a virtual environment: its only script, or that of its own name, as `uvx`
 * chooses. What it depends on has scripts, too, which do not count.
 * @throws {TerminalError} `NoProgram` where it has none, or several of other names.
 */
export async function pythonScript(environment: string, { name }: PinnedPackage): Promise<string> {
  const packages = await sitePackages(environment);
  const info = (await readdir(packages)).find((entry) => {
    return entry.endsWith(".dist-info") && normalPythonName(entry.split("-", 1)[0] ?? "") === name;
  });
  if (info === undefined) throw new Error(`${name} is not in what uv has installed`);
  const record = await readFile(join(packages, info, "RECORD"), "utf8");
  return join(environment, "bin", chooseScript(name, scriptsIn(record)));
}

/** Pure. What an installer has put into `bin`, as RECORD tells: entry points and files alike. */
export function scriptsIn(record: string): string[] {
  const paths = record.split(/\r?\n/).map((line) => (/^"(.*?)",/.exec(line) ?? /^([^,]*),/.exec(line))?.[1] ?? "");
  // Of a virtual environment it is lib/pythonX.Y/site-packages.
  return paths.flatMap((path) => /^bin\/([^/]+)$/.exec(posix.join("lib/python/site-packages", path))?.[1] ?? []);
}

/** Pure. */
export function chooseScript(name: string, scripts: readonly string[]): string {
  const [only] = scripts;
  if (only !== undefined && scripts.length === 1) return only;
  const own = scripts.find((script) => normalPythonName(script) === name);
  if (own !== undefined) return own;
  const names = scripts.slice(0, 10);
  const why = names.length === 0 ? "it has no console script" : `none of ${names.join(", ")} has its own name`;
  throw new TerminalError("NoProgram", `spec.source.package.pypi: ${name} cannot be run as a server: ${why}`);
}

/** Whether Python runs it, by its first two lines: those of a script that may be moved ask a shell where it lies. */
export async function isPythonScript(file: string): Promise<boolean> {
  // No more than that: what a package calls a script may be of any length.
  await using script = await open(file);
  const { buffer, bytesRead } = await script.read({ buffer: Buffer.alloc(FIRST_BYTES), position: 0 });
  const [first = "", second = ""] = buffer.toString("latin1", 0, bytesRead).split("\n", 2);
  return /^#!.*python/.test(first) || (first === "#!/bin/sh" && /^'''exec' .*python/.test(second));
}

const FIRST_BYTES = 1024;

async function sitePackages(environment: string): Promise<string> {
  const lib = join(environment, "lib");
  for (const folder of await readdir(lib)) {
    const found = join(lib, folder, "site-packages");
    try {
      await readdir(found);
      return found;
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
  }
  throw new Error("uv has made no site-packages");
}
