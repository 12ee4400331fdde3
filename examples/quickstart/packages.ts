import { existsSync, globSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** Only people read these; the server-everything package's own Markdown is part of what it serves. */
const FOR_PEOPLE = /\.(map|d\.ts|d\.mts|d\.cts|ts|mts|cts|md|markdown|tsbuildinfo)$/i;
const TEST_FOLDERS = /(^|\/)(__tests__|tests?|benchmarks?|examples?|\.github)\//;
const SERVES_MARKDOWN = "@modelcontextprotocol/server-everything";

/**
 * Files of an installed package and of all that it needs to run, relative to `root`, sorted. Types, source maps and
 * tests stay behind. Follows Node's own rule: the nearest `node_modules` that has the package, upwards.
 * @throws {Error} when a package is not installed.
 */
export function productionFiles(name: string, root: string): string[] {
  const folders = new Set<string>();
  collect(findPackage(name, root, root), root, folders);
  return [...folders].flatMap((folder) => packageFiles(folder, root)).sort();
}

/** The version of an installed package. */
export function packageVersion(name: string, root: string): string {
  return manifestOf(findPackage(name, root, root)).version;
}

interface Manifest {
  version: string;
  dependencies?: Record<string, string>;
}

function collect(folder: string, root: string, found: Set<string>): void {
  if (found.has(folder)) return;
  found.add(folder);
  for (const name of Object.keys(manifestOf(folder).dependencies ?? {})) {
    collect(findPackage(name, folder, root), root, found);
  }
}

function findPackage(name: string, from: string, root: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, "node_modules", name);
    if (existsSync(join(candidate, "package.json"))) return candidate;
    if (folder === root || folder === dirname(folder)) {
      throw new Error(`the package ${name} is not installed; run 'make install' first`);
    }
  }
}

function packageFiles(folder: string, root: string): string[] {
  const keepsMarkdown = folder.endsWith(SERVES_MARKDOWN);
  return globSync("**/*", { cwd: folder, exclude: (name) => name === "node_modules" })
    .filter((file) => !TEST_FOLDERS.test(file) && (!FOR_PEOPLE.test(file) || (keepsMarkdown && file.endsWith(".md"))))
    .map((file) => join(folder, file))
    .filter((file) => statSync(file).isFile())
    .map((file) => relative(root, file));
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
}
