import { readFileSync, realpathSync, statSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { stringify } from "yaml";
import { type ManifestObject, manifestsOfCatalog } from "../catalog-import/manifests-of-catalog.ts";
import { readCatalog } from "../catalog-import/read-catalog.ts";
import { CATALOG_LIMIT, InvalidCatalog } from "../catalog-import/source-text.ts";
import { type CommandContext, write } from "./command-context.ts";
import { UsageError } from "./usage-error.ts";

export interface ConvertOptions {
  readonly filename: string;
  readonly namespace?: string;
  readonly output?: string;
}

export interface ConvertContext extends CommandContext {
  readonly stdin: AsyncIterable<Uint8Array | string>;
}

/** Largest `env_file` that is read, in bytes. */
const VARIABLES_LIMIT = 256 * 1024;
const NAMESPACE = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * `slipway convert`: the manifests of a catalog's servers on stdout, what is different by then on stderr. `${VAR}` stands for
 * the variables of this command. @throws {UsageError} naming everything that cannot be converted; nothing is printed then.
 */
export async function convert(options: ConvertOptions, context: ConvertContext): Promise<number> {
  const { filename, namespace, output = "yaml" } = options;
  if (output !== "yaml" && output !== "json") {
    throw new UsageError(`-o: ${JSON.stringify(output)} is not known; write yaml or json`);
  }
  if (namespace !== undefined && !NAMESPACE.test(namespace)) {
    throw new UsageError(`-n: ${JSON.stringify(namespace)} is no name of a namespace`);
  }
  const text = filename === "-" ? await textOfStream(context.stdin) : await textOfFile(filename);
  const folder = filename === "-" ? "." : dirname(filename);
  const readVariableFile = (path: string) => variablesBeside(folder, path);
  try {
    const servers = readCatalog({ text, environment: context.env, readVariableFile });
    const { objects, notes } = manifestsOfCatalog(servers, namespace);
    await write(context, output === "json" ? asList(objects) : asDocuments(objects));
    for (const note of notes) context.stderr.write(`${note}\n`);
    if (objects.some(({ kind }) => kind === "Secret")) {
      context.stderr.write("The Secrets hold values of your environment: keep the output out of version control.\n");
    }
    return 0;
  } catch (error) {
    if (!(error instanceof InvalidCatalog)) throw error;
    throw new UsageError(`-f: ${filename} cannot be converted:\n${error.message}`);
  }
}

function asDocuments(objects: readonly ManifestObject[]): string {
  return objects.map((object) => stringify(object, { aliasDuplicateObjects: false })).join("---\n");
}

function asList(items: readonly ManifestObject[]): string {
  return `${JSON.stringify({ apiVersion: "v1", kind: "List", items }, null, 2)}\n`;
}

async function textOfFile(filename: string): Promise<string> {
  try {
    const { size } = await stat(filename);
    if (size > CATALOG_LIMIT) throw tooLarge(filename);
    return await readFile(filename, "utf8");
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`-f: ${filename} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

async function textOfStream(stream: AsyncIterable<Uint8Array | string>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > CATALOG_LIMIT) throw tooLarge("standard input");
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function tooLarge(what: string): UsageError {
  return new UsageError(`-f: ${what} is longer than the ${CATALOG_LIMIT} bytes that are read`);
}

/** Somebody else's catalog shall not copy files of this machine into manifests: only what lies in its own folder is read. */
function variablesBeside(folder: string, path: string): string {
  try {
    const base = realpathSync(folder);
    const file = realpathSync(resolve(base, path));
    const way = relative(base, file);
    if (way.startsWith("..") || isAbsolute(way)) throw new Error(`${path} is not in the folder of the catalog`);
    const { size } = statSync(file);
    if (size > VARIABLES_LIMIT) throw new Error(`${path} is longer than the ${VARIABLES_LIMIT} bytes that are read`);
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(code === undefined ? message : `${path} cannot be read (${code})`);
  }
}
