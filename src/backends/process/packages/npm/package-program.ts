import { open, readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { TerminalError } from "../../../../machinery/errors.ts";

/**
 * Program and first arguments that run a package: its only `bin`, or that of its own name, as `npx` chooses. A script for
 * Node runs with `node`, whatever is in PATH.
 * @throws {TerminalError} `NoProgram` where it has none, or several of other names.
 */
export async function packageProgram(
  directory: string,
  { node }: { readonly node: string },
): Promise<readonly string[]> {
  const manifest: unknown = JSON.parse(await readFile(join(directory, "package.json"), "utf8"));
  const file = join(directory, chooseBin(manifest));
  if (relative(directory, file).startsWith("..")) throw noProgram(manifest, "its bin lies outside of it");
  return (await isNodeScript(file)) ? [node, file] : [file];
}

/** Pure. The path of the program below the package. */
export function chooseBin(manifest: unknown): string {
  const { name = "", bin } = isObject(manifest) ? manifest : {};
  if (typeof bin === "string") return bin;
  const programs = Object.entries(isObject(bin) ? bin : {}).filter((entry) => typeof entry[1] === "string");
  const only = programs.length === 1 ? programs[0] : programs.find(([program]) => program === basename(String(name)));
  if (only) return String(only[1]);
  const names = programs.map(([program]) => program).slice(0, 10);
  throw noProgram(manifest, names.length === 0 ? "it has no bin" : `none of ${names.join(", ")} has its own name`);
}

function noProgram(manifest: unknown, why: string): TerminalError {
  const name = isObject(manifest) ? String(manifest.name) : "the package";
  return new TerminalError("NoProgram", `spec.source.package: ${name} cannot be run as a server: ${why}`);
}

const FIRST_BYTES = 128;

async function isNodeScript(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FIRST_BYTES), 0, FIRST_BYTES, 0);
    const line = buffer.toString("latin1", 0, bytesRead).split("\n", 1)[0] ?? "";
    return /^#!.*\bnode\b/.test(line) || (/\.[cm]?js$/.test(path) && !line.startsWith("#!"));
  } finally {
    await file.close();
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
