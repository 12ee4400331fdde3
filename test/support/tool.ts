import { existsSync } from "node:fs";
import { installPackages } from "../../scripts/engine/debian-packages.ts";
import { findProgram, isDebian } from "../../scripts/engine/machine.ts";

/**
 * The path of a program that tests run for real. Where it is missing, root on Debian gets its package installed.
 * @throws {Error} with what to install.
 */
export function requireTool(program: string, debianPackage: string): string {
  return required(program, () => findProgram(program), debianPackage);
}

/** As `requireTool`, for one that has to be the machine's own. @throws {Error} with what to install. */
export function requireFile(path: string, debianPackage: string): void {
  required(path, () => (existsSync(path) ? path : undefined), debianPackage);
}

function required(what: string, find: () => string | undefined, debianPackage: string): string {
  const found = find();
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || !isDebian()) {
    throw new Error(`tests need ${what}; on Debian:  sudo apt-get install -y ${debianPackage}`);
  }
  installPackages([debianPackage], console.log);
  const installed = find();
  if (installed === undefined) throw new Error(`the package ${debianPackage} brought no ${what}`);
  return installed;
}
