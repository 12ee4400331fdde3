import { existsSync } from "node:fs";
import { installPackages } from "../../scripts/engine/debian-packages.ts";
import { findProgram, isDebian } from "../../scripts/engine/machine.ts";

/**
 * The path of a program that tests run for real. Where it is missing, root on Debian gets its package installed.
 * @throws {Error} with what to install.
 */
export function requireTool(program: string, debianPackage: string): string {
  const found = findProgram(program);
  if (found !== undefined) return found;
  if (process.getuid?.() !== 0 || !isDebian()) {
    throw new Error(`tests need ${program}; on Debian:  sudo apt-get install -y ${debianPackage}`);
  }
  installPackages([debianPackage], console.log);
  const installed = findProgram(program);
  if (installed === undefined) throw new Error(`the package ${debianPackage} brought no ${program}`);
  return installed;
}

/** As `requireTool`, for one that has to be the machine's own. @throws {Error} with what to install. */
export function requireFile(path: string, debianPackage: string): void {
  if (existsSync(path)) return;
  if (process.getuid?.() !== 0 || !isDebian()) {
    throw new Error(`tests need ${path}; on Debian:  sudo apt-get install -y ${debianPackage}`);
  }
  installPackages([debianPackage], console.log);
  if (!existsSync(path)) throw new Error(`the package ${debianPackage} brought no ${path}`);
}
