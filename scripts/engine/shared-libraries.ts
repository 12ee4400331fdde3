import { execFileSync } from "node:child_process";

/**
 * The files that the dynamic linker loads for a program, itself included, as `ldd` names them. Empty for a static one.
 * @throws {Error} where there is no `ldd`, as on macOS.
 */
export function sharedLibraries(program: string): string[] {
  const output = execFileSync("ldd", [program], { encoding: "utf8", timeout: 10_000 });
  const paths = output.split("\n").map((line) => /(?:=> |^\s*)(\/\S+) \(0x/.exec(line)?.[1]);
  return [...new Set(paths.filter((path) => path !== undefined))].sort();
}
