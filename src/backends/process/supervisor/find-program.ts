import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join, resolve } from "node:path";

/**
 * The file that `program` names: itself where it has a slash, relative to `directory`, else the first in `path` that can be run.
 * Undefined when there is none. Relative folders in `path` are passed over: they would mean another place to each who asks.
 */
export async function findProgram(
  program: string,
  { path, directory }: { readonly path: string; readonly directory: string },
): Promise<string | undefined> {
  if (program.includes("/")) {
    const file = resolve(directory, program);
    return (await isProgram(file)) ? file : undefined;
  }
  for (const folder of path.split(delimiter)) {
    const file = join(folder, program);
    if (isAbsolute(folder) && (await isProgram(file))) return file;
  }
  return undefined;
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    // Missing, unreadable, a loop of links: in no case can it be run.
    return false;
  }
}
