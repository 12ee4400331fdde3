import { execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { listen } from "../listen.ts";
import { PYTHON } from "./python.ts";

export interface Release {
  readonly name: string;
  readonly version: string;
  /** As of PEP 508. */
  readonly requires?: readonly string[];
  /** Console scripts: what `name = module:function` says. */
  readonly scripts?: Readonly<Record<string, string>>;
  /** Modules and whatever else lies beside them, by path. */
  readonly files?: Readonly<Record<string, string>>;
  /** Which Pythons and machines a wheel is for. Default: all. */
  readonly tag?: string;
}

interface Published {
  readonly name: string;
  readonly file: string;
  readonly sha256: string;
}

/** A simple index (PEP 503) over HTTP, with real archives. */
export class PackageIndex implements AsyncDisposable {
  /** The `host:port` of its address. */
  readonly host: string;
  /** What has been asked for, by path. */
  readonly asked: string[] = [];
  /** `user:password` that it wants of everybody. */
  wants: string | undefined;
  /** What it answers instead of what it has. */
  status: number | undefined;
  readonly #server;
  readonly #directory: string;
  readonly #published: Published[] = [];
  readonly #replaced = new Map<string, { readonly other: string; afterReads: number }>();

  private constructor(directory: string, server: ReturnType<typeof createServer>, host: string) {
    this.#directory = directory;
    this.#server = server;
    this.host = host;
  }

  /** Its archives lie in `directory`. */
  static async open(directory: string): Promise<PackageIndex> {
    const server = createServer((request, response) => index.#answer(request, response));
    const index: PackageIndex = new PackageIndex(directory, server, await listen(server));
    return index;
  }

  get url(): string {
    return `http://${this.host}/simple`;
  }

  /** Publishes a wheel. */
  wheel(release: Release): void {
    const { name, version, tag = "py3-none-any" } = release;
    this.#publish({ ...release, tag }, `${name.replaceAll("-", "_")}-${version}-${tag}.whl`);
  }

  /** Publishes a source distribution, whose setup.py makes the file `ran`. */
  source(release: Release, ran: string): void {
    this.#publish({ ...release, ran }, `${release.name.replaceAll("-", "_")}-${release.version}.tar.gz`);
  }

  /**
   * Has another content under the name and hash of what was published, as whoever takes over an index could have; from the
   * download after `afterReads` on, since the resolver of the double reads archives where uv reads their metadata.
   */
  async replace(release: Release, { afterReads = 0 }: { readonly afterReads?: number } = {}): Promise<void> {
    const { file } = this.#wheelOf(release);
    const other = `other-${file}`;
    make({ ...release, tag: "py3-none-any", path: join(this.#directory, other) });
    this.#replaced.set(file, { other, afterReads });
  }

  /** Publishes the version with another content. */
  async republish(release: Release): Promise<void> {
    const gone = this.#wheelOf(release);
    this.#published.splice(this.#published.indexOf(gone), 1);
    await rm(join(this.#directory, gone.file));
    this.wheel(release);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #publish(release: Release & { readonly tag?: string; readonly ran?: string }, file: string): void {
    const sha256 = make({ ...release, path: join(this.#directory, file) });
    this.#published.push({ name: release.name, file, sha256 });
  }

  #answer({ url = "/", headers }: IncomingMessage, response: ServerResponse): void {
    this.asked.push(url);
    const given = Buffer.from(headers.authorization?.replace(/^Basic /, "") ?? "", "base64").toString();
    const status = this.status ?? (this.wants !== undefined && given !== this.wants ? 401 : undefined);
    if (status !== undefined) {
      response.writeHead(status, status === 401 ? { "www-authenticate": "Basic" } : {}).end();
      return;
    }
    const file = this.#published.find(({ file }) => url === `/files/${file}`);
    if (file) {
      createReadStream(join(this.#directory, this.#contentOf(file.file))).pipe(response);
      return;
    }
    const files = this.#published.filter(({ name }) => url === `/simple/${name}/`);
    if (files.length === 0) {
      response.writeHead(404).end();
      return;
    }
    const links = files.map(({ file, sha256 }) => `<a href="../../files/${file}#sha256=${sha256}">${file}</a>`);
    response
      .writeHead(200, { "content-type": "text/html" })
      .end(`<!DOCTYPE html><html><body>${links.join("\n")}</body></html>`);
  }

  #wheelOf({ name, version }: Release): Published {
    const found = this.#published.find(({ file }) => file.startsWith(`${name.replaceAll("-", "_")}-${version}-`));
    if (!found) throw new Error(`${name} ${version} was not published`);
    return found;
  }

  #contentOf(file: string): string {
    const replaced = this.#replaced.get(file);
    if (!replaced) return file;
    replaced.afterReads -= 1;
    return replaced.afterReads < 0 ? replaced.other : file;
  }
}

const MAKE = join(import.meta.dirname, "make_archive.py");

function make(release: object): string {
  return execFileSync(PYTHON, ["-I", MAKE], { input: JSON.stringify(release), encoding: "utf8" }).trim();
}

/** A server with one tool, `greet`, whose words are those of its dependency `slipway-test-greeting`. */
export async function serverRelease(version: string, patch: Partial<Release> = {}): Promise<Release> {
  const server = await readFile(join(import.meta.dirname, "mcp_server.py"), "utf8");
  return {
    ...{ name: SERVER, version, requires: [`${GREETING}>=1`], scripts: { [SERVER]: "slipway_test_server:main" } },
    files: { "slipway_test_server.py": `${server}\n\nVERSION = ${JSON.stringify(version)}\n` },
    ...patch,
  };
}

export function greetingRelease(version: string, word = "Hello"): Release {
  const greet = `def greet(name):\n    return f"${word}, {name}! (greeting ${version})"\n`;
  return { name: GREETING, version, files: { "slipway_test_greeting.py": greet } };
}

export const SERVER = "slipway-test-server";
export const GREETING = "slipway-test-greeting";
